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
from mixup_pipeline.sources.file_formats import FileFormat
from mixup_pipeline.sources.file_formats.converted import fault_payload, write_converted
from mixup_pipeline.sources.file_formats.file_object import open_file
from mixup_pipeline.sources.index import NamedFile
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.places import Place, place

_ROWS = 1024
_LARGEST = float(np.finfo(np.float32).max)
_HUB = b"huggingface"
Value = bytes | list[int] | npt.NDArray[np.float32]


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
        return {
            key: tuple(map(str, feature["names"]))
            for key, feature in told.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
        }
    except (ValueError, LookupError, TypeError, AttributeError):  # metadata of others, or none
        return {}


def first_values(file: Any, column: str) -> list[Any]:
    """The first values of a column that are there."""
    for batch in file.iter_batches(batch_size=_ROWS, columns=[column]):
        found = [value for value in batch.column(0).to_pylist() if value is not None]
        if found:
            return found
    return []


class Parquet(FileFormat):
    """A file of row groups."""

    converted_to = "converted"

    def convert(self, file: NamedFile, spec: ExampleSpec, target: Path) -> None:
        """Write one record a row."""
        with opened(place(file.path), file.name) as table:
            write_converted(target, _payloads(table, spec))


def _payloads(table: Any, spec: ExampleSpec) -> Iterator[bytes]:
    names = [*(spec.columns or [spec.input_key]), spec.label_key, *dict(spec.keep)]
    names += [spec.group_key] if spec.group_key else []
    columns = list(dict.fromkeys(filter(None, names)))  # a pass over labels alone has no input
    for batch in table.iter_batches(batch_size=_ROWS, columns=columns):
        values = {name: batch.column(name) for name in columns}
        vectors = _vectors(values, spec.columns)
        others = {
            name: values[name].to_pylist()
            for name in columns
            if name not in spec.columns or name in names[len(spec.columns) :]
        }
        for row in range(batch.num_rows):
            yield _payload({name: column[row] for name, column in others.items()}, vectors[row], spec)


def _vectors(values: Mapping[str, Any], columns: Sequence[str]) -> npt.NDArray[np.float64]:
    """float64 (rows, columns): number columns beside each other; what is missing is NaN."""
    import pyarrow as pa
    from pyarrow import compute

    if not columns:
        return np.zeros((len(next(iter(values.values()))), 0))
    parts = [compute.fill_null(compute.cast(values[name], pa.float64(), safe=False), float("nan")) for name in columns]
    return np.stack([part.to_numpy(zero_copy_only=False) for part in parts], axis=1)


def _payload(values: Mapping[str, Any], vector: npt.NDArray[np.float64], spec: ExampleSpec) -> bytes:
    try:
        made: dict[str, Value] = {}
        if spec.columns:
            bad = np.flatnonzero(~(np.abs(vector) <= _LARGEST))
            if len(bad):
                raise ValueError(f"column {spec.columns[bad[0]]}: is empty, or not finite as float32")
            made[spec.input_key] = vector.astype(np.float32)
        for name, value in values.items():
            if name not in spec.columns or name != spec.input_key:
                made[name] = _value(name, value, is_input=name == spec.input_key)
        return serialize(made)
    except ValueError as error:
        return fault_payload(str(error))


def _value(name: str, value: Any, *, is_input: bool) -> Value:
    """A value as the record holds it."""
    if isinstance(value, dict):  # an image as Hugging Face writes it
        value = value.get("bytes")
        if value is None:
            raise ValueError(f"column {name}: holds no bytes, only where the image was")
    if value is None:
        raise ValueError(f"column {name}: is empty")
    if isinstance(value, (bytes, str)):
        return value if isinstance(value, bytes) else value.encode()
    if isinstance(value, (bool, int)):
        return [int(value)]
    if isinstance(value, list) and value and all(isinstance(item, (bool, int)) for item in value) and not is_input:
        return [int(item) for item in value]
    numbers = np.array(value, np.float64).reshape(-1) if not isinstance(value, list) or None not in value else None
    if numbers is None or not (np.abs(numbers) <= _LARGEST).all():
        raise ValueError(f"column {name}: holds a value that is missing, or not finite as float32")
    return numbers.astype(np.float32)


FORMAT = Parquet()
