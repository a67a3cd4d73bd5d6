"""CSV: a header with the names of the columns, then one example a row. It is converted.

The standard library reads the rows, so that quotes and line ends within values are read as everywhere, and a row is
told by its number. Types are found in a pass over all rows, not guessed from the first ones: a column is of numbers if
more than half of its values are, and what is none there is a fault of its row.
"""

import csv
import gzip
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.tf_example import serialize
from mixup_pipeline.sources.columns import label_columns
from mixup_pipeline.sources.file_formats import FileFormat
from mixup_pipeline.sources.file_formats.converted import fault_payload, write_converted
from mixup_pipeline.sources.file_formats.file_object import open_file
from mixup_pipeline.sources.file_formats.text_numbers import Column, is_integer, is_number
from mixup_pipeline.sources.file_formats.values import (
    EXACT,
    Feature,
    contents_of,
    exact,
    feature_of,
    number_in,
    plain,
)
from mixup_pipeline.sources.index import NamedFile
from mixup_pipeline.sources.text_counts import check_count
from mixup_pipeline.spec import ExampleSpec, counted
from mixup_pipeline.storage.places import Place, place

DELIMITERS = ",;\t|"
_GZIP = b"\x1f\x8b"
_BLOCK_VALUES = 1 << 17
_ZEROS = tuple(f"\n0{digit}" for digit in range(10))

Row = Sequence[str]


def header_of(path: Place, name: str) -> tuple[tuple[str, ...], str]:
    """The names of the columns, and the delimiter. Raises SourceError for a file without, or with odd names."""
    with rows_in(path, name) as (names, _, delimiter):
        return names, delimiter


def scan_columns(path: Place, name: str, columns: Mapping[str, Column]) -> int:
    """Add the values of all whole rows of a file to its columns. Returns the number of rows.

    Raises SourceError if it cannot be read.
    """
    count = 0
    with rows_in(path, name) as (names, rows, _):
        found = [columns[key] for key in names]
        while block := list(itertools.islice(rows, max(1, _BLOCK_VALUES // len(names)))):
            count += len(block)
            whole = [row for row in block if len(row) == len(names)]
            for number, column in enumerate(found):
                column.add_all([row[number] for row in whole])
    return count


def column_texts(paths: Iterable[tuple[Place, str]], key: str) -> tuple[str, ...]:
    """All texts of one column, sorted. Raises UsageError for more than can be classes."""
    texts: set[str] = set()
    for text in _column(paths, key):
        texts.add(text)
        check_count(len(texts), key)
    return tuple(sorted(texts - {""}))


def column_range(paths: Iterable[tuple[Place, str]], key: str) -> tuple[int, int]:
    """The least and the largest integer of a column that holds some."""
    numbers = (int(text) for text in _column(paths, key) if is_integer(text))
    least = largest = next(numbers)
    for number in numbers:
        least, largest = min(least, number), max(largest, number)
    return least, largest


def _column(paths: Iterable[tuple[Place, str]], key: str) -> Iterator[str]:
    for path, name in paths:
        with rows_in(path, name) as (names, rows, _):
            at = names.index(key)
            yield from (row[at].strip() for row in rows if len(row) == len(names))


@contextmanager
def rows_in(path: Place, name: str) -> Iterator[tuple[tuple[str, ...], Iterator[Row], str]]:
    """(names of the columns, rows, delimiter) of a file. Empty lines are passed over."""
    with open_file(path) as binary:
        packed = binary.read(len(_GZIP)) == _GZIP
        binary.seek(0)
        with io.TextIOWrapper(gzip.GzipFile(fileobj=binary) if packed else binary, "utf-8-sig", newline="") as text:
            reader = None
            try:
                first = next((line for line in text if line.strip()), "")
                delimiter = max(DELIMITERS, key=first.count) if any(mark in first for mark in DELIMITERS) else ","
                names = tuple(key.strip() for key in next(csv.reader([first], delimiter=delimiter, strict=True), []))
                _check_names(names, name)
                reader = csv.reader(text, delimiter=delimiter, strict=True)
                yield names, filter(None, reader), delimiter
            except UnicodeDecodeError as error:
                raise SourceError(
                    f"{name}: is not UTF-8 text (byte {error.start:,} of a block): save it as UTF-8"
                ) from error
            except csv.Error as error:
                line = f" from line {reader.line_num + 1} on" if reader is not None else ""
                raise SourceError(f"{name}: cannot be read as CSV{line} ({error}): look for an open quote") from error
            except (EOFError, gzip.BadGzipFile) as error:
                raise SourceError(f"{name}: cannot be unpacked ({error})") from error


def _check_names(names: Sequence[str], file_name: str) -> None:
    if not names:
        raise SourceError(f"{file_name}: is empty: a first line with the names of the columns is needed")
    value = next((key for key in names if is_number(key) and not is_integer(key)), None)
    if value is not None or all(is_number(key) for key in names):
        raise SourceError(
            f"{file_name}: its first line holds {value or 'numbers'}, a value and no name: write the names of the "
            f"columns on a line before it"
        )
    empty = next((number for number, key in enumerate(names) if not key), None)
    if empty is not None:
        raise SourceError(f"{file_name}: column {empty + 1} of its first line has no name: give it one")
    twice = next((key for key in names if names.count(key) > 1), None)
    if twice is not None:
        raise SourceError(f"{file_name}: two columns are called {twice!r}: rename one")


class Csv(FileFormat):
    """A text file of rows."""

    converted_to = "converted"

    def convert(self, file: NamedFile, spec: ExampleSpec, target: Path) -> None:
        """Write one record a row."""
        with rows_in(place(file.path), file.name) as (names, rows, _):
            write_converted(target, map(_payload_maker(names, spec), rows))


def _payload_maker(names: Sequence[str], spec: ExampleSpec) -> Callable[[Row], bytes]:
    """A function that makes the payload of a row."""
    at = {key: number for number, key in enumerate(names)}
    wanted = [
        (key, content, label_columns(key, at) if key == spec.label_key else (key,))
        for key, content in contents_of(spec).items()
    ]
    several = len(spec.columns) > 1
    pick = itemgetter(*(at[key] for key in spec.columns)) if several else lambda row: [row[at[spec.columns[0]]]]

    def payload(row: Row) -> bytes:
        if len(row) != len(names):
            return fault_payload(f"holds {counted(len(row), 'value')}, there are {len(names)} columns")
        key = ""
        made: dict[str, Feature] = {}
        try:
            if spec.columns:
                made[spec.input_key] = _vector(pick(row), spec.columns)
            for key, content, columns in wanted:
                values = [row[at[column]].strip() for column in columns]
                made[key] = feature_of(plain(values if len(columns) > 1 else values[0], content, is_text=True))
        except ValueError as error:
            return fault_payload(f"{error}" if isinstance(error, _ColumnError) else f"column {key}: {error}")
        return serialize(made)

    return payload


class _ColumnError(ValueError):
    """A value of the input that cannot be used."""


def _vector(texts: Sequence[str], columns: Sequence[str]) -> npt.NDArray[np.float32]:
    """The input. Nearly all rows hold plain numbers alone, so that one look at all of them is enough."""
    joined = "\n" + "\n".join(texts)
    if joined.isascii() and "_" not in joined and not any(zeros in joined for zeros in _ZEROS):
        try:
            vector = np.array([*map(float, texts)])
        except ValueError:
            vector = np.array([np.nan])
        if (np.abs(vector) <= EXACT).all():
            return vector.astype(np.float32)
    return np.array([_value(text, key) for text, key in zip(texts, columns, strict=True)], np.float32)


def _value(text: str, key: str) -> float:
    try:
        return exact(number_in(text), text)
    except ValueError as error:
        raise _ColumnError(f"column {key}: {error}") from error


FORMAT = Csv()
