"""A comparison as text: for the terminal, and as report.md."""

import io
from typing import Any

from mixup_pipeline.report.comparison_settings import settings
from mixup_pipeline.report.comparison_tables import Results, note, tables
from mixup_pipeline.report.comparison_verdict import verdict
from mixup_pipeline.report.table import Table


def terminal_text(results: Results) -> str:
    """The verdict and the tables of accuracies, for the terminal."""
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console(file=io.StringIO(), width=400, color_system=None)
    shares = results["config"]["corrupt_labels"]
    for corrupt in shares:
        console.print(verdict(results, corrupt), soft_wrap=True)
    for table in (table for corrupt in shares for table in tables(results, corrupt, beyond=False)):
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
    shares = results["config"]["corrupt_labels"]
    source, evaluation, machine = results["source"], results["evaluation"], results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    parts = [
        f"# Does mixup help on {source['src']}?",
        *(verdict(results, corrupt) for corrupt in shares),
        f"Trained on split {source['split']} of {source['src']}, evaluated on split {evaluation['split']} of "
        f"{evaluation['src']}. {note(results)}",
        "\n".join(f"- {name}: {value}" for name, value in settings(results)),
        *(f"## {table.title}\n\n{_markdown_table(table)}" for corrupt in shares for table in tables(results, corrupt)),
        "## How to make it again",
        f"```\n{results['command']}\n```",
        f"{machine['system']}, {machine['cores']} cores, trained on {', '.join(machine['devices'])}. {versions}.",
    ]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    lines = [table.head, tuple("---" for _ in table.head), *table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
