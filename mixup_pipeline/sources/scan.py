"""IndexFile: one pass over a source file, from records to entries.

The pass checks both CRCs of every record, reads its label, and reads the header of its image, of which the census
comes. Images are not decoded, unless bad records are to be skipped. In that case a record is used only if its image can
be decoded, because no example can be left out after the examples are paired.
"""

import hashlib
import struct
import tempfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from mixup_pipeline.config import MixConfig
from mixup_pipeline.errors import SourceError, first_line
from mixup_pipeline.records.example_reader import ExampleReader
from mixup_pipeline.records.facts import Facts, ImageFacts
from mixup_pipeline.records.tf_example import FAULT_KEY, parse, position_of
from mixup_pipeline.sources.census import Census, Seen, one_shape, shape_mismatch
from mixup_pipeline.sources.file_formats import bad_record, format_of, readable
from mixup_pipeline.sources.index import ENTRY, Entries, Groups, IndexedFile
from mixup_pipeline.sources.source import Source, SourceFile
from mixup_pipeline.spec import ExampleSpec, Shape
from mixup_pipeline.storage.places import place

SKIPPING = "--on-bad-record skip leaves such records out"
_HEAD_BYTES = 64
_COLUMNS = ("offset", "length", "record", "input_start", "input_length", "class_id", "crc")
_FRAME = struct.Struct("<QI")


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A bad record that was skipped: its index in the file, its byte offset, and what is wrong with it.

    member: its name below that of the file, if it was a file of its own.
    """

    record: int
    offset: int
    reason: str
    member: str = ""


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """What one pass over a file found. groups: of its examples. left_out: the bad records, if they are skipped."""

    entries: Entries
    file: IndexedFile
    census: Census
    left_out: tuple[LeftOut, ...] = ()
    groups: Groups = field(default_factory=lambda: np.zeros(0, np.int64))


def scan_file(file: SourceFile, spec: ExampleSpec, config: MixConfig, *, count_only: bool = False) -> Scanned:
    """Scan one file that can be read as it is. Raises the same errors as `index_file`.

    count_only: leave bad records out whatever the configuration says, but decode images only if it skips them.
    """
    skips = config.on_bad_record == "skip"
    examine = examiner(spec, decode=skips)
    columns = {name: array("q") for name in _COLUMNS}
    add_offset, add_length, add_record, add_start, add_input_length, add_class_id, add_crc = (
        column.append for column in columns.values()
    )
    fingerprint, groups = hashlib.sha256(), array("q")
    rows: dict[Facts, Seen] = {}
    left_out: list[LeftOut] = []
    num_records, path, file_format = 0, place(file.path), readable(file)
    members = file_format.members(path)
    records = enumerate(file_format.records(path, file.name))
    for record, (offset, payload, crc, fault) in records if file.records is None else islice(records, *file.records):
        num_records += 1
        fingerprint.update(_FRAME.pack(len(payload), crc))
        try:
            if fault is not None:
                raise ValueError(fault)
            start, length, class_id, facts, group = examine(payload)
        except ValueError as error:
            if not (skips or count_only):
                raise bad_record(file, record, offset, f"{error}: {SKIPPING}") from error
            member = "" if members is None else members[record]
            left_out.append(LeftOut(record=record, offset=offset, reason=first_line(error), member=member))
            continue
        seen = rows.get(facts)
        if seen is None:
            seen = rows[facts] = Seen(0, file.name, record)
            if len(rows) > 1 and not isinstance(facts, ImageFacts):
                raise shape_mismatch(*next(iter(rows.items())), facts, seen)
        seen.count += 1
        add_offset(offset)
        add_length(len(payload))
        add_record(record)
        add_start(start)
        add_input_length(length)
        add_class_id(class_id)
        add_crc(crc)
        if spec.group_key:
            groups.append(group)
        if len(columns["record"]) == config.limit:
            break
    else:
        _check_count(file, num_records)
    entries = np.zeros(len(columns["record"]), ENTRY)
    for name, values in columns.items():
        entries[name] = values
    entries["file"] = file.position
    indexed = IndexedFile(
        name=file.name,
        path=file.path,
        format=file.format,
        first_record=file.records[0] if file.records else 0,
        member_bytes=0 if members is None else max((len(name.encode()) for name in members), default=0),
        examples=len(entries),
        skipped=len(left_out),
        fingerprint=fingerprint.hexdigest(),
    )
    return Scanned(
        entries=entries, file=indexed, census=Census(rows), left_out=tuple(left_out), groups=np.array(groups, np.int64)
    )


def examiner(spec: ExampleSpec, *, decode: bool) -> Callable[[bytes], tuple[int, int, int, Facts, int]]:
    """A function that checks one payload: (first byte of the input, its bytes, class id, facts of the input, group).

    It raises ValueError if the record is bad. decode: also try to decode the input.
    """
    reader = ExampleReader(spec)

    def examine(payload: bytes) -> tuple[int, int, int, Facts, int]:
        features = parse(payload)
        if FAULT_KEY in features:
            raise ValueError(features[FAULT_KEY].bytes_list.value[0].decode())
        class_id, data = reader.class_id(features), reader.input_bytes(features)
        facts = reader.facts(data)
        reader.kept(features)
        group = reader.group(features) if spec.group_key else 0
        if reader.whole_record:
            if decode:
                reader.decode(payload, decoded_shape(facts, spec))
            return 0, len(payload), class_id, facts, group
        start = payload.find(data[:_HEAD_BYTES])
        if not payload.startswith(data, start):  # the beginning occurs elsewhere first, or nowhere
            start = position_of(data, payload)
        if start < 0:
            raise ValueError(f"feature {spec.input_key!r} holds unpacked floats: write it packed, as TensorFlow does")
        if decode:
            reader.decode(data, decoded_shape(facts, spec))
        return start, len(data), class_id, facts, group

    return examine


def decoded_shape(facts: Facts, spec: ExampleSpec) -> Shape:
    """The shape that one input is decoded to where no other is asked."""
    if not isinstance(facts, ImageFacts):
        return facts
    height, width, channels = facts.shape(turned=spec.images.turned)
    return (*(spec.images.size or (height, width)), spec.images.channels or channels)


def check_every_record(file: SourceFile, spec: ExampleSpec) -> None:
    """Raise RecordError for the first bad record of a file. Inputs are decoded."""
    examine, path = examiner(spec, decode=True), place(file.path)
    for record, (offset, payload, _, fault) in enumerate(readable(file).records(path, file.name)):
        try:
            if fault is not None:
                raise ValueError(fault)
            examine(payload)
        except ValueError as error:
            raise bad_record(file, record, offset, str(error)) from error


def common_shape(scanned: Sequence[Scanned], spec: ExampleSpec) -> Shape | None:
    """The shape that all examples of scanned files are brought to; None if there are none.

    Raises SourceError if they differ and no option brings them to one.
    """
    return one_shape(Census.of(part.census for part in scanned), spec)


def _check_count(file: SourceFile, num_records: int) -> None:
    if file.declared_records not in (None, num_records):
        raise SourceError(
            f"{file.name}: holds {num_records:,} records, its dataset_info.json declares {file.declared_records:,}: "
            f"the file is incomplete, prepare the dataset again"
        )


def scan_all(source: Source, config: MixConfig, opened: ExitStack) -> Iterator[Scanned]:
    """Scan all files of a source one after another. What is converted lasts until `opened` is closed.

    Raises the same errors as `index_file`.
    """
    for file in source.files:
        plain = plain_file(file, source.spec, opened)
        try:
            yield scan_file(plain, source.spec, config)
        except OSError as error:
            raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error


def plain_file(file: SourceFile, spec: ExampleSpec, opened: ExitStack) -> SourceFile:
    """The file itself; or, if it has to be converted, what it is converted to, which lasts until `opened` is closed.

    That has no name, so that nothing of it is left behind, however this process ends.

    Raises SourceError if the file cannot be read or is damaged.
    """
    file_format = format_of(file)
    try:
        if not file_format.needs_conversion(place(file.path)):
            return file
        handle = opened.enter_context(tempfile.TemporaryFile()).fileno()  # noqa: SIM115
        converted = Path(f"/dev/fd/{handle}")
        file_format.convert(file, spec, converted)
    except OSError as error:
        raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error
    return replace(file, path=str(converted), format=file_format.converted_to)
