"""Numbers that are written as text, as in CSV: which texts are numbers, and what a whole column of texts holds.

A text of digits with zeros in front, as 02134, is a code and no number.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_INTEGER = r"[+-]?(?:0|[1-9][0-9]{0,17})"
_NUMBER = r"[+-]?(?:0|[1-9][0-9]*|[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_integer, _number = re.compile(_INTEGER), re.compile(rf"{_NUMBER}|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_integers, _numbers = (re.compile(rf"(?: *{pattern} *\n)*") for pattern in (_INTEGER, _NUMBER))


def is_number(text: str) -> bool:
    """Whether a text is a number. It may be none that is finite."""
    return _number.fullmatch(text) is not None


def is_integer(text: str) -> bool:
    """Whether a text is an integer of at most 18 digits."""
    return _integer.fullmatch(text) is not None


@dataclass
class Column:
    """What a pass over a column has counted: values that are there, that are no numbers, and no integers.

    commas: how many would be numbers with a decimal point.
    """

    values: int = 0
    others: int = 0
    fractions: int = 0
    commas: int = 0

    def add(self, text: str) -> None:
        """Add one value."""
        value = text.strip()
        if not value:
            return
        self.values += 1
        if not is_number(value):
            self.others += 1
            self.commas += is_number(value.replace(",", ".", 1))
        elif not is_integer(value):
            self.fractions += 1

    def add_all(self, texts: Sequence[str]) -> None:
        """Add some values. Where all are plain numbers this takes one look."""
        text = "\n".join(texts) + "\n"
        whole = text.count("\n") == len(texts)
        if whole and _integers.fullmatch(text):
            self.values += len(texts)
        elif whole and _numbers.fullmatch(text):
            self.values += len(texts)
            self.fractions += len(texts)
        else:
            for one in texts:
                self.add(one)

    @property
    def is_number(self) -> bool:
        """Whether it is a column of numbers."""
        return 2 * self.others < self.values

    @property
    def is_integer(self) -> bool:
        """Whether all of its numbers are integers."""
        return self.is_number and not self.fractions
