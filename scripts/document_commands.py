"""Write docs/commands.md from the commands' own --help; a test fails where the page is out of date.

python scripts/document_commands.py
"""

from pathlib import Path

from mixup_pipeline.cli import augment, compare, inspect, train, verify

PAGE = Path(__file__).parents[1] / "docs/commands.md"
COMMANDS = {
    "mixup-augment": augment.main,
    "mixup-compare": compare.main,
    "mixup-inspect": inspect.main,
    "mixup-train": train.main,
    "mixup-verify": verify.main,
}


def page() -> str:
    """The whole page."""
    parts = [
        "# Commands\n\nExit codes: 0 done, 2 wrong usage, 1 anything else. Made by `scripts/document_commands.py`.\n"
    ]
    for name, command in COMMANDS.items():
        context = command.make_context(name, [], resilient_parsing=True, terminal_width=110, max_content_width=110)
        parts.append(f"## {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
