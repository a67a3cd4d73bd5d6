"""A table as text, the same for the terminal, for Markdown and for pages."""

from collections.abc import Sequence
from dataclasses import dataclass

_STACKED_ROWS = 16


@dataclass(frozen=True)
class Table:
    """A title, the names of the columns, and rows of text. The first text of a row is its name."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def is_short(self) -> bool:
        """Whether each row may become a card on a phone, so that no column is cut off."""
        return len(self.rows) <= _STACKED_ROWS


def interval_text(ends: Sequence[float] | None, scale: float = 100, digits: int = 2) -> str:
    """An interval of differences with signs; empty if there is none."""
    if ends is None:
        return ""
    return "[" + ", ".join(f"{round(scale * end, digits) + 0.0:+.{digits}f}" for end in ends) + "]"  # no minus before 0
