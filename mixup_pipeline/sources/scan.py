"""IndexFile: one pass over a source file, from records to entries.

The pass checks both CRCs of every record, reads its label, and reads the size of its image from the header. Images are
not decoded, unless bad records are to be skipped. In that case a record is used only if its image can be decoded,
because no example can be left out after the examples are paired.
"""

import hashlib
import struct
import tempfile
from array import array
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from mixup_pipeline.config import MixConfig
from mixup_pipeline.errors import SourceError, record_error
from mixup_pipeline.records.example_reader import ExampleReader
from mixup_pipeline.records.framing import decompress, is_compressed, read_records
from mixup_pipeline.records.tf_example import parse, position_of
from mixup_pipeline.sources.index import ENTRY, Entries, IndexedFile, NamedFile
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.spec import ExampleSpec, Shape, shape_text
from mixup_pipeline.storage.places import Place, place

_HEAD_BYTES = 64
_COLUMNS = ("offset", "length", "record", "input_start", "input_length", "class_id", "crc")
_FRAME = struct.Struct("<QI")


def scan_file(file: SourceFile, path: Place, spec: ExampleSpec, config: MixConfig) -> tuple[Entries, IndexedFile]:
    """Scan one uncompressed file: its entries and its summary. Raises the same errors as `index_file`."""
    examine = examiner(spec, decode=config.on_bad_record == "skip")
    columns = {name: array("q") for name in _COLUMNS}
    add_offset, add_length, add_record, add_start, add_input_length, add_class_id, add_crc = (
        column.append for column in columns.values()
    )
    fingerprint = hashlib.sha256()
    shape: Shape | None = None
    num_records = skipped = 0
    for record, (offset, payload, crc, fault) in enumerate(read_records(path, file.name)):
        num_records += 1
        fingerprint.update(_FRAME.pack(len(payload), crc))
        try:
            if fault is not None:
                raise ValueError(fault)
            start, length, class_id, found = examine(payload)
        except ValueError as error:
            if config.on_bad_record == "fail":
                raise record_error(file.name, record, offset, str(error)) from error
            skipped += 1
            continue
        if found != shape:
            if shape is not None:
                raise size_mismatch(file.name, columns["record"][0], shape, file.name, record, found)
            shape = found
        add_offset(offset)
        add_length(len(payload))
        add_record(record)
        add_start(start)
        add_input_length(length)
        add_class_id(class_id)
        add_crc(crc)
        if len(columns["record"]) == config.limit:
            break
    else:
        _check_count(file, num_records)
    entries = np.zeros(len(columns["record"]), ENTRY)
    for name, values in columns.items():
        entries[name] = values
    entries["file"] = file.position
    return entries, IndexedFile(
        name=file.name,
        path=str(path),
        examples=len(entries),
        skipped=skipped,
        fingerprint=fingerprint.hexdigest(),
        shape=shape,
        first_record=int(entries["record"][0]) if len(entries) else 0,
    )


def examiner(spec: ExampleSpec, *, decode: bool) -> Callable[[bytes], tuple[int, int, int, Shape]]:
    """A function that checks one payload: (first byte of the input, bytes of the input, class id, shape).

    It raises ValueError if the record is bad. decode: also try to decode the input.
    """
    reader = ExampleReader(spec)

    def examine(payload: bytes) -> tuple[int, int, int, Shape]:
        features = parse(payload)
        class_id, data = reader.class_id(features), reader.input_bytes(features)
        shape = reader.shape(data)
        start = payload.find(data[:_HEAD_BYTES])
        if not payload.startswith(data, start):  # the beginning occurs elsewhere first, or nowhere
            start = position_of(data, payload)
        if start < 0:
            raise ValueError(f"feature {spec.input_key!r} holds unpacked floats: write it packed, as TensorFlow does")
        if decode:
            reader.decode(data, shape)
        return start, len(data), class_id, shape

    return examine


def check_every_record(file: SourceFile, path: Place, spec: ExampleSpec) -> None:
    """Raise RecordError for the first bad record of a file. Inputs are decoded."""
    examine = examiner(spec, decode=True)
    for record, (offset, payload, _, fault) in enumerate(read_records(path, file.name)):
        try:
            if fault is not None:
                raise ValueError(fault)
            examine(payload)
        except ValueError as error:
            raise record_error(file.name, record, offset, str(error)) from error


def common_shape(files: Sequence[IndexedFile]) -> IndexedFile | None:
    """The first file that has examples; None if none has.

    Raises SourceError if examples of another file have another shape.
    """
    first = next((file for file in files if file.shape is not None), None)
    for file in files:
        if first is not None and first.shape is not None and file.shape not in (None, first.shape):
            raise size_mismatch(first.name, first.first_record, first.shape, file.name, file.first_record, file.shape)
    return first


def _check_count(file: SourceFile, num_records: int) -> None:
    if file.declared_records not in (None, num_records):
        raise SourceError(
            f"{file.name}: holds {num_records:,} records, its dataset_info.json declares {file.declared_records:,}: "
            f"the file is incomplete, prepare the dataset again"
        )


def size_mismatch(
    first_file: str, first_record: int, first: Shape, other_file: str, other_record: int, other: Shape
) -> SourceError:
    """The error for a source whose examples differ in shape. It names two of them."""
    found = (
        f"{first_file} record {first_record} is {shape_text(first)}, {other_file} record {other_record} is "
        f"{shape_text(other)}"
    )
    if len(first) == len(other) == 3 and first[:2] == other[:2]:
        return SourceError(
            f"examples differ in channels: {found} (1 is grey, 3 RGB, 4 RGBA): convert them to one kind first; grey is "
            f"read as RGB where a --schema says 3 channels"
        )
    what = "length: {}: make them equally long first" if len(first) == 1 else "size: {}: resize them to one size first"
    return SourceError(f"examples differ in {what.format(found)}")


def plain_file(file: NamedFile, opened: ExitStack) -> NamedFile:
    """The file itself; or, if it is compressed, an uncompressed copy that lasts until `opened` is closed.

    The copy has no name, so that nothing of it is left behind, however this process ends.

    Raises SourceError if the file cannot be read or its compressed stream is damaged.
    """
    path = place(file.path)
    try:
        if not is_compressed(path):
            return file
        handle = opened.enter_context(tempfile.TemporaryFile()).fileno()  # noqa: SIM115
        copy = Path(f"/dev/fd/{handle}")
        decompress(path, file.name, copy)
    except OSError as error:
        raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error
    return SourceFile(position=0, name=file.name, path=str(copy))
