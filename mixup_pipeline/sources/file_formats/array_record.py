"""ArrayRecord: what TFDS writes with `file_format="array_record"`, read at random by the index in each file.

The offset of a record is its index, because where it lies in its compressed chunk is nobody's business. A file keeps
hashes of its chunks, and the library checks them; the CRC of an entry is that of the payload that was read. The library
opens local files only, so those of a store are refused. It loads no TensorFlow.
Format: https://github.com/google/array_record
"""

import itertools
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from mixup_pipeline.errors import RecordError, SourceError, UsageError, first_line
from mixup_pipeline.records.framing import masked_crc32c
from mixup_pipeline.sources.file_formats import Readable
from mixup_pipeline.sources.index import Entries, NamedFile
from mixup_pipeline.storage.places import ObjectPath, Place, place
from mixup_pipeline.storage.range_reader import RangeReader

_TOGETHER = 16
"""Records that are read in one call."""
_OPTIONS = "readahead_buffer_size:0,max_parallelism:0"
_BUFFER_BYTES = 32 << 10
_CHANGED = "its data changed while they were being read: run again"


class ArrayRecord(Readable):
    """Files of records with an index."""

    byte_offsets = False

    def records(self, path: Place, name: str) -> Iterator[tuple[int, bytes, int, str | None]]:
        """All records. One whose chunk is damaged has a fault."""
        with closing(_opened(path, name)) as reader:
            for record, payload, fault in _read(reader, range(reader.num_records())):
                yield record, payload, masked_crc32c(payload), fault

    def pick(self, path: Place, name: str, wanted: Collection[int]) -> Iterator[tuple[int, int, bytes, str | None]]:
        """The wanted records."""
        with closing(_opened(path, name)) as reader:
            _check_holds(reader, name, max(wanted, default=-1))
            for record, payload, fault in _read(reader, sorted(wanted)):
                yield record, record, payload, fault

    def payloads(self, files: Sequence[NamedFile], entries: Entries) -> Iterator[bytes]:
        """The payloads of ENTRY[n]."""
        columns = (entries[column].tolist() for column in ("file", "record", "crc"))
        for number, rows in itertools.groupby(zip(*columns, strict=True), key=lambda row: int(row[0])):
            file, expected = files[number], list(rows)
            with closing(_opened(place(file.path), file.name)) as reader:
                _check_holds(reader, file.name, expected[-1][1])
                found = _read(reader, (record for _, record, _ in expected))
                for (_, record, crc), (_, payload, fault) in zip(expected, found, strict=True):
                    if fault is not None or masked_crc32c(payload) != crc:
                        raise RecordError(f"{file.name}: record {record}: {fault or _CHANGED}")
                    yield payload

    def where(self, path: Place, name: str, record: int, offset: int) -> str:
        """The number of the record."""
        return f"{name}: record {record}"


def check_local(folder: Place) -> None:
    """Raise UsageError for ArrayRecord files in a store."""
    if isinstance(folder, ObjectPath):
        raise UsageError(
            f"{folder}: is stored as array_record, which is read from local disks only: copy the folder here, or "
            f"prepare the dataset as tfrecord"
        )


def _opened(path: Place, name: str) -> Any:
    """A reader of one file.

    Raises SourceError if it is no whole ArrayRecord file, UsageError if it is in a store, and OSError if it cannot be
    opened.
    """
    from array_record.python.array_record_module import ArrayRecordReader

    check_local(path)
    with RangeReader(path):  # a pipe would make the library wait for ever
        pass
    reader = ArrayRecordReader(os.fsencode(str(path)), _OPTIONS, file_reader_buffer_size=_BUFFER_BYTES)
    if not reader.ok():
        raise SourceError(f"{name}: is no whole ArrayRecord file ({_reason(reader)}): prepare the dataset again")
    return reader


def _reason(reader: Any) -> str:
    try:
        reader.close()
    except RuntimeError as error:
        return first_line(error)
    return "it cannot be opened"


def _check_holds(reader: Any, name: str, record: int) -> None:
    count = reader.num_records()
    if record >= count:
        raise RecordError(f"{name}: holds {count:,} records, there is no record {record:,}: it was changed")


def _read(reader: Any, records: Iterable[int]) -> Iterator[tuple[int, bytes, str | None]]:
    """(record, payload, its fault or None) of some records, in this order."""
    rest = iter(records)
    while together := [*itertools.islice(rest, _TOGETHER)]:
        try:
            payloads = reader.read(together)
        except RuntimeError:  # one of them is damaged
            yield from (_alone(reader, record) for record in together)
            continue
        yield from ((record, payload, None) for record, payload in zip(together, payloads, strict=True))


def _alone(reader: Any, record: int) -> tuple[int, bytes, str | None]:
    try:
        return record, reader.read([record])[0], None
    except RuntimeError as error:
        return record, b"", f"its data are damaged ({first_line(error)})"


FORMAT = ArrayRecord()
