"""Slices and sums of splits, as TFDS writes them: `train[:80%]`, `train[100:200]`, `train[-10%:]`, `train+validation`.

A border in percent is rounded to the nearest record, as TFDS does by default.
"""

import re
from dataclasses import dataclass

from mixup_pipeline.errors import UsageError

_PART = re.compile(r"(?P<split>\w[\w.-]*)(\[(?P<start>-?\d+%?)?:(?P<stop>-?\d+%?)?\])?")


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A part of a split. start, stop: borders as they were written, empty if there is none."""

    split: str
    start: str = ""
    stop: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole split."""
        return not self.start and not self.stop

    def records(self, total: int) -> tuple[int, int]:
        """The records [first, stop) of a split of so many. Raises UsageError if there are none."""
        first = _border(self.start, total) if self.start else 0
        stop = _border(self.stop, total) if self.stop else total
        if first >= stop:
            raise UsageError(
                f"--split {self.split}[{self.start}:{self.stop}]: holds no record, the split has {total:,}"
            )
        return first, stop


def slices_of(text: str) -> tuple[Slice, ...]:
    """The parts of a split as the user writes it. Raises UsageError if it is none, or names a split twice."""
    parts = []
    for written in text.split("+"):
        match = _PART.fullmatch(written)
        if match is None:
            raise UsageError(
                f"--split must be the name of a split such as 'train', a slice such as 'train[:80%]', or a sum such as "
                f"'train+validation', got {text!r}"
            )
        parts.append(Slice(split=match["split"], start=match["start"] or "", stop=match["stop"] or ""))
    names = [part.split for part in parts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"--split {text!r}: names {twice!r} twice: give one slice of each split")
    return tuple(parts)


def _border(text: str, total: int) -> int:
    """A border as a record from 0 to total; a negative one counts from the end."""
    value = round(int(text[:-1]) * total / 100) if text.endswith("%") else int(text)
    return min(total, max(0, value + total if value < 0 else value))
