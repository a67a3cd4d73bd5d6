"""Parquet: columns of images, numbers, lists and texts, one example a row. It is converted, a batch of rows at a time.

pyarrow comes with Beam. It is imported when a file is opened.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import SourceError, first_line
from mixup_pipeline.records.tf_example import serialize
from mixup_pipeline.sources.columns import label_columns
from mixup_pipeline.sources.file_formats import FileFormat
from mixup_pipeline.sources.file_formats.converted import fault_payload, write_converted
from mixup_pipeline.sources.file_formats.file_object import open_file
from mixup_pipeline.sources.file_formats.values import EXACT, INEXACT, LARGEST, Feature, feature_of, plain
from mixup_pipeline.sources.file_formats.values import contents_of as contents
from mixup_pipeline.sources.index import NamedFile
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.places import Place, place

_ROWS = 1024
_HUB = b"huggingface"
Wanted = Sequence[tuple[str, str, tuple[str, ...]]]
"""Features of a record besides its input: key, content, and the columns that it is made of."""


@contextmanager
def opened(path: Place, name: str) -> Iterator[Any]:
    """A pyarrow.parquet.ParquetFile. Raises SourceError if it is none, or is damaged."""
    import pyarrow as pa
    from pyarrow import parquet

    with open_file(path) as file:
        try:
            yield parquet.ParquetFile(pa.PythonFile(file, mode="r"))
        except (pa.ArrowException, EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # the file itself cannot be read
                raise
            raise SourceError(f"{name}: cannot be read as Parquet ({first_line(error)})") from error


def class_names_of(schema: Any) -> dict[str, tuple[str, ...]]:
    """The names of classes by column, as Hugging Face keeps them in the metadata of a file."""
    try:
        told = json.loads((schema.metadata or {}).get(_HUB, b"{}"))["info"]["features"]
        inner = {key: _of_lists(feature) for key, feature in told.items()}
        return {
            key: tuple(map(str, feature["names"]))
            for key, feature in inner.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
        }
    except (ValueError, LookupError, TypeError, AttributeError):  # metadata of others, or none
        return {}


def _of_lists(feature: Any) -> Any:
    """What lists are of, if it is lists, in any of the forms that the library has written over time."""
    if isinstance(feature, list):
        return feature[0]
    return feature.get("feature", feature)


def plain_type(kind: Any) -> Any:
    """The type of values that a dictionary may hold once each."""
    from pyarrow import types

    return kind.value_type if types.is_dictionary(kind) else kind


def values_of(path: Place, name: str, key: str) -> Iterator[list[Any]]:
    """The values of a column that are there, some rows at a time."""
    with opened(path, name) as file:
        for batch in file.iter_batches(batch_size=_ROWS, columns=[key]):
            yield [value for value in batch.column(0).to_pylist() if value is not None]


class Parquet(FileFormat):
    """A file of row groups."""

    converted_to = "converted"

    def convert(self, file: NamedFile, spec: ExampleSpec, target: Path) -> None:
        """Write one record a row."""
        with opened(place(file.path), file.name) as table:
            write_converted(target, _payloads(table, spec))


def _payloads(table: Any, spec: ExampleSpec) -> Iterator[bytes]:
    there = table.schema_arrow.names
    wanted = [
        (key, content, label_columns(key, there) if key == spec.label_key else (key,))
        for key, content in contents(spec).items()
    ]
    own = [spec.input_key] if spec.input_key and not spec.columns else []  # a pass over labels alone has no input
    limits = np.array([EXACT if _is_integer(table.schema_arrow, name) else LARGEST for name in spec.columns])
    others = list(dict.fromkeys([*own, *(name for _, _, names in wanted for name in names)]))
    for batch in table.iter_batches(batch_size=_ROWS, columns=list(dict.fromkeys([*spec.columns, *others]))):
        vectors = _vectors(batch, spec.columns)
        values = {name: batch.column(name).to_pylist() for name in others}
        for row in range(batch.num_rows):
            yield _payload({name: column[row] for name, column in values.items()}, vectors[row], limits, wanted, spec)


def _is_integer(schema: Any, name: str) -> bool:
    from pyarrow import types

    return bool(types.is_integer(schema.field(name).type))


def _vectors(batch: Any, columns: Sequence[str]) -> npt.NDArray[np.float64]:
    """float64 (rows, columns): number columns beside each other; what is missing is NaN."""
    import pyarrow as pa
    from pyarrow import compute

    if not columns:
        return np.zeros((batch.num_rows, 0))
    parts = [compute.cast(batch.column(name), pa.float64(), safe=False) for name in columns]
    filled = [compute.fill_null(part, float("nan")).to_numpy(zero_copy_only=False) for part in parts]
    return np.stack(filled, axis=1)


def _payload(
    values: Mapping[str, Any],
    vector: npt.NDArray[np.float64],
    limits: npt.NDArray[np.float64],
    wanted: Wanted,
    spec: ExampleSpec,
) -> bytes:
    """The payload of a row. limits: the largest number that is read of each column of the input."""
    key = spec.input_key
    made: dict[str, Feature] = {}
    try:
        if spec.columns:
            bad = np.flatnonzero(~(np.abs(vector) <= limits))
            if len(bad):
                key, value = spec.columns[bad[0]], vector[bad[0]]
                inexact = np.isfinite(value) and limits[bad[0]] == EXACT
                raise ValueError(f"{value:.0f} {INEXACT}" if inexact else "is empty, or not finite as float32")
            made[spec.input_key] = vector.astype(np.float32)
        elif spec.input_key:
            made[key] = _input(values[key])
        for key, content, columns in wanted:
            made[key] = feature_of(plain([values[name] for name in columns] if columns[1:] else values[key], content))
    except ValueError as error:
        return fault_payload(f"column {key}: {error}")
    return serialize(made)


def _input(value: Any) -> Feature:
    """An image file, also as Hugging Face writes it, or the numbers of a list."""
    if isinstance(value, dict):
        value = value.get("bytes")
        if value is None:
            raise ValueError("holds no bytes, only where the image was")
    if value is None:
        raise ValueError("is empty")
    if isinstance(value, bytes):
        return value
    numbers = plain(value, "numbers")
    large = next((number for number in value if isinstance(number, int) and abs(number) > EXACT), None)
    if large is not None:
        raise ValueError(f"{large} {INEXACT}")
    return feature_of(numbers)


FORMAT = Parquet()
