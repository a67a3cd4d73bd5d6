"""CSV: a header with the names of the columns, then one example a row. It is converted.

The standard library reads the rows, so that quotes and line ends within values are read as everywhere, and a row is
told by its number. Types are found in a pass over all rows, not guessed from the first ones: a column is of numbers if
more than half of its values are, and what is none there is a fault of its row.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.tf_example import serialize
from mixup_pipeline.sources.file_formats import FileFormat
from mixup_pipeline.sources.file_formats.converted import fault_payload, write_converted
from mixup_pipeline.sources.file_formats.file_object import open_file
from mixup_pipeline.sources.index import NamedFile
from mixup_pipeline.sources.text_counts import check_count
from mixup_pipeline.spec import ExampleSpec, counted
from mixup_pipeline.storage.places import Place, place

DELIMITERS = ",;\t|"
_GZIP = b"\x1f\x8b"
_LARGEST = float(np.finfo(np.float32).max)

Row = Sequence[str]
Feature = bytes | list[int] | npt.NDArray[np.float32]


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

    @property
    def is_number(self) -> bool:
        """Whether it is a column of numbers."""
        return 2 * self.others < self.values

    @property
    def is_integer(self) -> bool:
        """Whether all of its numbers are integers."""
        return self.is_number and not self.fractions


def header_of(path: Place, name: str) -> tuple[tuple[str, ...], str]:
    """The names of the columns, and the delimiter. Raises SourceError for a file without, or with odd names."""
    with rows_in(path, name) as (names, _, delimiter):
        return names, delimiter


def scan_columns(path: Place, name: str, columns: Mapping[str, Column]) -> None:
    """Add the values of all whole rows of a file to its columns. Raises SourceError if it cannot be read."""
    with rows_in(path, name) as (names, rows, _):
        found = [columns[key] for key in names]
        plain = set(range(len(found)))  # columns in which all values were plain integers so far
        for row in rows:
            if len(row) != len(found):
                continue
            for number in [number for number in plain if not is_integer(row[number])]:
                plain.discard(number)
            for number, column in enumerate(found):
                if number in plain:
                    column.values += 1
                else:
                    column.add(row[number])


def column_texts(paths: Iterable[tuple[Place, str]], key: str) -> tuple[str, ...]:
    """All texts of one column, sorted. Raises UsageError for more than can be classes."""
    texts: set[str] = set()
    for path, name in paths:
        with rows_in(path, name) as (names, rows, _):
            at = names.index(key)
            for row in rows:
                if len(row) == len(names):
                    texts.add(row[at].strip())
                    check_count(len(texts), key)
    return tuple(sorted(texts - {""}))


@contextmanager
def rows_in(path: Place, name: str) -> Iterator[tuple[tuple[str, ...], Iterator[Row], str]]:
    """(names of the columns, rows, delimiter) of a file. Empty lines are passed over."""
    with open_file(path) as binary:
        packed = binary.read(len(_GZIP)) == _GZIP
        binary.seek(0)
        with io.TextIOWrapper(gzip.GzipFile(fileobj=binary) if packed else binary, "utf-8-sig", newline="") as text:
            try:
                first = text.readline()
                delimiter = max(DELIMITERS, key=first.count) if any(mark in first for mark in DELIMITERS) else ","
                names = tuple(key.strip() for key in next(csv.reader([first], delimiter=delimiter, strict=True), []))
                _check_names(names, name)
                yield names, filter(None, csv.reader(text, delimiter=delimiter, strict=True)), delimiter
            except UnicodeDecodeError as error:
                raise SourceError(
                    f"{name}: is not UTF-8 text (byte {error.start:,} of a block): save it as UTF-8"
                ) from error
            except (csv.Error, EOFError, gzip.BadGzipFile) as error:
                raise SourceError(f"{name}: cannot be read as CSV ({error})") from error


def _check_names(names: Sequence[str], file_name: str) -> None:
    if not names:
        raise SourceError(f"{file_name}: is empty: a first line with the names of the columns is needed")
    empty = next((number for number, key in enumerate(names) if not key), None)
    if empty is not None:
        raise SourceError(f"{file_name}: column {empty + 1} of its first line has no name: give it one")
    twice = next((key for key in names if names.count(key) > 1), None)
    if twice is not None:
        raise SourceError(f"{file_name}: two columns are called {twice!r}: rename one")
    if all(is_number(key) for key in names):
        raise SourceError(f"{file_name}: its first line holds numbers: write the names of the columns before it")


class Csv(FileFormat):
    """A text file of rows."""

    converted_to = "converted"

    def convert(self, file: NamedFile, spec: ExampleSpec, target: Path) -> None:
        """Write one record a row."""
        with rows_in(place(file.path), file.name) as (names, rows, _):
            at = {key: number for number, key in enumerate(names)}
            payloads = (_payload(row, at, spec) for row in rows)
            write_converted(target, payloads)


def _payload(row: Row, at: dict[str, int], spec: ExampleSpec) -> bytes:
    if len(row) != len(at):
        return fault_payload(f"holds {counted(len(row), 'value')}, there are {len(at)} columns")
    try:
        return serialize(_features(row, at, spec))
    except _BadValueError as error:
        return fault_payload(f"column {error}")


class _BadValueError(ValueError):
    """A value that cannot be used."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key}: {why}")


def _features(row: Row, at: dict[str, int], spec: ExampleSpec) -> dict[str, Feature]:
    """The features that a spec wants, by key."""
    try:
        vector = np.array([float(row[at[key]]) for key in spec.columns], np.float64)
        fine = bool((np.abs(vector) <= _LARGEST).all())
    except ValueError:
        fine = False
    if not fine:
        vector = np.array([_number(row, at, key) for key in spec.columns])
    made: dict[str, Feature] = {spec.input_key: vector.astype(np.float32)}
    wanted = dict(spec.keep)
    if spec.group_key:
        wanted.setdefault(spec.group_key, "text")
    wanted[spec.label_key] = "float32" if spec.label_kind == "regression" else "text" if spec.class_texts else "int64"
    for key, content in wanted.items():
        if content == "float32":
            made[key] = np.array([_number(row, at, key)], np.float32)
        else:
            text = _text(row, at, key)
            made[key] = text.encode() if content == "text" else [_integer(text, key)]
    return made


def _text(row: Row, at: dict[str, int], key: str) -> str:
    text = row[at[key]].strip()
    if not text:
        raise _BadValueError(key, "is empty")
    return text


def _number(row: Row, at: dict[str, int], key: str) -> float:
    text = _text(row, at, key)
    if not is_number(text):
        raise _BadValueError(key, f"{text[:40]!r} is no number")
    value = float(text)
    if not abs(value) <= _LARGEST:
        raise _BadValueError(key, f"{text[:40]} is not finite as float32")
    return value


def _integer(text: str, key: str) -> int:
    if not is_integer(text):
        raise _BadValueError(key, f"{text[:40]!r} is no integer")
    return int(text)


def is_number(text: str) -> bool:
    """Whether a text is a number. One with zeros in front, as 007, is a text."""
    if "_" in text or (len(text) > 1 and text[0] == "0" and text.isdecimal()):
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_integer(text: str) -> bool:
    """Whether a text is an integer of at most 18 digits."""
    digits = text[1:] if text[:1] in "+-" else text
    return digits.isascii() and digits.isdecimal() and len(digits) < 19 and (digits == "0" or digits[0] != "0")


FORMAT = Csv()
