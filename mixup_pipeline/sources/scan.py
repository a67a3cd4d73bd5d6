"""IndexFile: one pass over a source file, from records to entries.

The pass checks both CRCs of every record, reads its label, and reads the size of its image from the header. Images
are not decoded here, except where bad records are to be skipped: then a record counts as good only if its image
decodes, because nothing can be left out any more once the pairing stands.
"""

import hashlib
import struct
from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mixup_pipeline.config import MixConfig
from mixup_pipeline.errors import SourceError, record_error
from mixup_pipeline.records.example_reader import ExampleReader
from mixup_pipeline.records.framing import decompress, is_compressed, read_records
from mixup_pipeline.records.tf_example import parse
from mixup_pipeline.sources.index import ENTRY, Entries, IndexedFile, NamedFile
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.spec import ExampleSpec, Shape, shape_text
from mixup_pipeline.storage.places import Place, place

_HEAD_BYTES = 64
_FRAME = struct.Struct("<QI")


def scan_file(file: SourceFile, path: Place, spec: ExampleSpec, config: MixConfig) -> tuple[Entries, IndexedFile]:
    """The entries of one uncompressed file and its summary; errors as `index_file`."""
    look = examiner(spec, decode=config.on_bad_record == "skip")
    columns = {name: array("q") for name in ("offset", "length", "record", "input_start", "input_length", "class_id")}
    add_offset, add_length, add_record, add_start, add_input_length, add_class_id = (c.append for c in columns.values())
    fingerprint = hashlib.sha256()
    shape: Shape | None = None
    num_records = skipped = 0
    for record, (offset, payload, crc, fault) in enumerate(read_records(path, file.name)):
        num_records += 1
        fingerprint.update(_FRAME.pack(len(payload), crc))
        try:
            if fault is not None:
                raise ValueError(fault)
            start, length, class_id, found = look(payload)
        except ValueError as error:
            if config.on_bad_record == "fail":
                raise record_error(file.name, record, offset, str(error)) from error
            skipped += 1
            continue
        if found != shape:
            if shape is not None:
                raise mixed_sizes(file.name, columns["record"][0], shape, file.name, record, found)
            shape = found
        add_offset(offset)
        add_length(len(payload))
        add_record(record)
        add_start(start)
        add_input_length(length)
        add_class_id(class_id)
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
    """A function from a payload to its input's place and length in it, its class and its shape; ValueError if bad."""
    reader = ExampleReader(spec)

    def look(payload: bytes) -> tuple[int, int, int, Shape]:
        features = parse(payload)
        class_id, data = reader.class_id(features), reader.input_bytes(features)
        shape = reader.shape(data)
        start = _place_in(payload, data)
        if start < 0:
            raise ValueError(f"feature {spec.input_key!r} holds unpacked floats: write it packed, as TensorFlow does")
        if decode:
            reader.decode(data, shape)
        return start, len(data), class_id, shape

    return look


def _place_in(payload: bytes, data: bytes) -> int:
    """Where these bytes first stand in the payload, wherever that is; −1 where they do not.

    Their beginning is looked for, as Python takes long to look for many bytes.
    """
    head, start = data[:_HEAD_BYTES], -1
    while True:
        start = payload.find(head, start + 1)
        if start < 0 or payload.startswith(data, start):
            return start


def _check_count(file: SourceFile, num_records: int) -> None:
    if file.declared_records not in (None, num_records):
        raise SourceError(
            f"{file.name}: holds {num_records:,} records, its dataset_info.json declares {file.declared_records:,}: "
            f"the file is incomplete, prepare the dataset again"
        )


def mixed_sizes(
    first_file: str, first_record: int, first: Shape, other_file: str, other_record: int, other: Shape
) -> SourceError:
    """The error of a source whose examples are not all of one shape, naming two of them."""
    return SourceError(
        f"examples differ in size: {first_file} record {first_record} is {shape_text(first)}, {other_file} record "
        f"{other_record} is {shape_text(other)}: resize them to one size first"
    )


def plain_file(file: NamedFile, folder: Path) -> NamedFile:
    """The file itself, or an uncompressed copy of it in a local folder.

    Raises SourceError where it cannot be read, or the compressed stream is damaged.
    """
    path = place(file.path)
    try:
        if not is_compressed(path):
            return file
        copy = folder / file.name
        decompress(path, file.name, copy)
    except OSError as error:
        raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error
    return SourceFile(position=0, name=file.name, path=str(copy))
