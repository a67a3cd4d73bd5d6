"""A comparison as text: for the terminal, and as report.md."""

import io
from typing import Any

from mixup_pipeline.report.comparison_tables import Results, Table, tables, verdict

_NOTE = (
    "Means over seeds with 95 % t intervals. Differences to the baseline are paired by seed: same initial weights, as "
    "many steps. “No difference shown”: the t or the bootstrap interval holds zero. With few seeds the bootstrap "
    "interval is narrower than it should be, and one in twenty intervals misses by chance."
)


def terminal_text(results: Results) -> str:
    """The verdict and the accuracies; report.md has the rest."""
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console(file=io.StringIO(), width=400, color_system=None)
    console.print(verdict(results), soft_wrap=True)
    for table in tables(results, beyond=False):
        grid = RichTable(title=table.title, title_justify="left", box=None, pad_edge=False)
        for name in table.head:
            grid.add_column(name, no_wrap=True)
        for row in table.rows:
            grid.add_row(*row)
        console.print()
        console.print(grid)
    shown: Any = console.file
    return "\n".join(line.rstrip() for line in shown.getvalue().splitlines())


def markdown(results: Results) -> str:
    """report.md: the verdict, the tables, the exact command, machine and versions."""
    source, evaluation, machine = results["source"], results["evaluation"], results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    parts = [
        f"# Does mixup help on {source['src']}?",
        verdict(results),
        f"Trained on split {source['split']} of {source['src']}, evaluated on split {evaluation['split']} of "
        f"{evaluation['src']}. {_NOTE}",
        *(f"## {table.title}\n\n{_markdown_table(table)}" for table in tables(results)),
        "## How to make it again",
        f"```\n{results['command']}\n```",
        f"{machine['system']}, {machine['cores']} cores, trained on {', '.join(machine['devices'])}. {versions}.",
    ]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    lines = [table.head, tuple("---" for _ in table.head), *table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
