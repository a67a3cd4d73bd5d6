"""TFRecord framing: length, masked CRC of the length, payload, masked CRC of the payload.

Both CRCs are checked whenever a whole record is read. The length is checked before memory is allocated for it, so a
forged length does no harm. A file that is cut exactly between two records looks complete here; callers compare counts.
Format: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

import contextlib
import struct
import zlib
from collections.abc import Collection, Generator, Iterator
from pathlib import Path

import google_crc32c
import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import SourceError, record_error
from mixup_pipeline.storage.places import Place
from mixup_pipeline.storage.range_reader import RangeReader

HEADER_BYTES = 12
FOOTER_BYTES = 4
FRAME_BYTES = HEADER_BYTES + FOOTER_BYTES
MAX_RECORD_BYTES = 80 << 20
"""Reading a record takes about four times its bytes. An example takes at most `spec.MAX_EXAMPLE_BYTES` of it."""

_CHUNK_BYTES = 4 << 20
_NEIGHBOUR_BYTES = 64 << 10
_EITHER_FORMAT = 47  # wbits: let zlib detect GZIP or ZLIB
_HEADER = struct.Struct("<QI")
CRC = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8
_BAD_CRC = "its data do not match their CRC: the file is damaged"


def masked_crc32c(data: bytes) -> int:
    """The CRC-32C of data, masked as TFRecord stores it."""
    return masked(google_crc32c.value(data))


def masked(crc: int) -> int:
    """Mask a CRC as TFRecord stores it: rotate it and add a constant."""
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def masked_crc32cs(payloads: list[bytes]) -> npt.NDArray[np.uint32]:
    """uint32[n]: `masked_crc32c` of every payload."""
    value = google_crc32c.value
    crc = np.array([value(payload) for payload in payloads], np.uint32)
    return (crc >> np.uint32(15) | crc << np.uint32(17)) + np.uint32(_MASK_DELTA)


def header(length: int) -> bytes:
    """The 12 bytes that precede a payload of this length."""
    packed = struct.pack("<Q", length)
    return packed + CRC.pack(masked_crc32c(packed))


def frame(payload: bytes) -> bytes:
    """Frame a payload as a whole record."""
    return header(len(payload)) + payload + CRC.pack(masked_crc32c(payload))


def read_records(path: Place, name: str) -> Iterator[tuple[int, bytes, int, str | None]]:
    """Read all records in file order: (payload offset, payload, masked CRC as stored, fault of the payload or None).

    A payload that does not match its CRC is yielded with its fault, so that the caller can skip that record. If the
    start of the next record is lost, the file cannot be read on.

    Raises RecordError (file, record, byte offset) for a damaged length or a truncated file.
    """
    crc32c, stored_crc = google_crc32c.value, CRC.unpack_from
    lengths: dict[bytes, int] = {}  # by headers that have been checked
    with RangeReader(path) as file:
        size = file.size
        buffer, start, position, record = b"", 0, 0, 0  # the buffer holds the file from `start`
        while start + position < size:
            head = buffer[position : position + HEADER_BYTES]
            length = lengths.get(head)
            if length is None:
                if len(head) < HEADER_BYTES:
                    start, position = start + position, 0
                    buffer = file.read(_CHUNK_BYTES, start)
                    head = buffer[:HEADER_BYTES]
                length = lengths[head] = _checked_length(head, name, record, start + position)
            if position + length + FRAME_BYTES > len(buffer):
                start, position = start + position, 0
                _check_whole(length, size - start, name, record, start)
                buffer = file.read(max(_CHUNK_BYTES, length + FRAME_BYTES), start)
                _check_whole(length, len(buffer), name, record, start)  # it may have become shorter since it was opened
            first = position + HEADER_BYTES
            position = first + length + FOOTER_BYTES
            payload, stored = buffer[first : first + length], stored_crc(buffer, first + length)[0]
            crc = crc32c(payload)
            masked = ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF
            yield start + first, payload, stored, None if masked == stored else _BAD_CRC
            record += 1


def walk_records(path: Place, name: str, tail_bytes: int = 0) -> Iterator[tuple[int, int, bytes, int]]:
    """Yield (payload offset, length, the last tail_bytes of the payload, masked CRC as stored) for all records.

    Nothing else is read.

    So the cost does not depend on the size of large images. Small records are read together, to save calls. CRCs of
    payloads are not checked.

    Raises RecordError for a damaged length or a truncated file.
    """
    lengths: dict[bytes, int] = {}
    stored_crc = CRC.unpack_from
    with RangeReader(path) as file:
        size, position, record = file.size, 0, 0
        buffer, start = file.read(_NEIGHBOUR_BYTES, 0), 0  # the buffer holds the file from `start`
        head = buffer[:HEADER_BYTES]
        while position < size:
            length = lengths.get(head)
            if length is None:
                length = lengths[head] = _checked_length(head, name, record, position)
            if position + length + FRAME_BYTES > size:
                _check_whole(length, size - position, name, record, position)
            kept, end = min(tail_bytes, length), position + HEADER_BYTES + length
            stop = end + FOOTER_BYTES + HEADER_BYTES  # includes the next record's header
            if min(stop, size) > start + len(buffer):
                start = end - kept
                together = length < _NEIGHBOUR_BYTES // 8
                buffer = file.read(max(stop - start, _NEIGHBOUR_BYTES if together else 0), start)
            tail = buffer[end - kept - start : end - start]
            yield position + HEADER_BYTES, length, tail, stored_crc(buffer, end - start)[0]
            position, head = end + FOOTER_BYTES, buffer[end + FOOTER_BYTES - start : stop - start]
            record += 1


def pick_records(path: Place, name: str, wanted: Collection[int]) -> Iterator[tuple[int, int, bytes, str | None]]:
    """Read only the wanted records: (record index, payload offset, payload, its fault or None).

    Raises RecordError for a damaged length, a truncated file, or a record that does not exist.
    """
    last, found = max(wanted, default=-1), -1
    with RangeReader(path) as file:
        for found, (offset, length, *_) in enumerate(walk_records(path, name)):
            if found in wanted:
                block = file.read(length + FOOTER_BYTES, offset)
                _check_whole(length, len(block) + HEADER_BYTES, name, found, offset - HEADER_BYTES)
                payload, stored = block[:length], CRC.unpack(block[length:])[0]
                yield found, offset, payload, None if masked_crc32c(payload) == stored else _BAD_CRC
            if found >= last:
                break
        size = file.size
    if found < last:
        raise record_error(name, last, size, f"there is no such record, the file holds {found + 1:,}: it was changed")


def is_compressed(path: Place) -> bool:
    """Whether the file is a GZIP or ZLIB stream instead of plain TFRecord."""
    with RangeReader(path) as file:
        head = file.read(HEADER_BYTES, 0)
    if len(head) == HEADER_BYTES and _length_is_sound(head):
        return False
    return head[:2] == b"\x1f\x8b" or (len(head) > 1 and head[0] == 0x78 and (head[0] << 8 | head[1]) % 31 == 0)


def decompress(path: Place, name: str, target: Path) -> None:
    """Write the uncompressed content of a GZIP or ZLIB file to target.

    Raises SourceError if the compressed stream is damaged or ends early.
    """
    with target.open("wb") as out:
        for chunk in _inflated(path, name):
            out.write(chunk)


def _inflated(path: Place, name: str) -> Generator[bytes]:
    """The uncompressed content of a GZIP or ZLIB file, in chunks of at most 4 MiB. Errors are those of `decompress`.

    Files may be joined end to end, and end in zeros, as `gzip` reads them too.
    """
    try:
        with RangeReader(path) as file:
            inflater, offset = zlib.decompressobj(_EITHER_FORMAT), 0
            while chunk := file.read(_CHUNK_BYTES, offset):
                offset += len(chunk)
                while chunk:
                    if inflater.eof:
                        chunk = chunk.lstrip(b"\0")
                        if not chunk:
                            break
                        inflater = zlib.decompressobj(_EITHER_FORMAT)
                    yield inflater.decompress(chunk, _CHUNK_BYTES)
                    chunk = inflater.unconsumed_tail or inflater.unused_data
            yield inflater.flush()
        if not inflater.eof:
            raise zlib.error("it ends before its end marker")
    except zlib.error as error:
        raise SourceError(f"{name}: the compressed file is damaged ({error}): make it again") from error


def first_payload(path: Place, name: str) -> bytes:
    """The payload of the first record, of a plain or a compressed file; empty if the file is empty.

    Raises RecordError if that record is damaged, or does not lie within the first 4 MiB of a compressed file. Raises
    SourceError if the compressed stream is damaged.
    """
    if not is_compressed(path):
        for offset, payload, _, fault in read_records(path, name):
            if fault is not None:
                raise record_error(name, 0, offset, fault)
            return payload
        return b""
    head = b""
    with contextlib.closing(_inflated(path, name)) as chunks:
        while len(head) < _CHUNK_BYTES and (chunk := next(chunks, None)) is not None:
            head += chunk
    if not head:
        return b""
    length = _checked_length(head[:HEADER_BYTES], name, 0, 0)
    _check_whole(length, len(head), name, 0, 0)
    payload = head[HEADER_BYTES : HEADER_BYTES + length]
    if masked_crc32c(payload) != CRC.unpack_from(head, HEADER_BYTES + length)[0]:
        raise record_error(name, 0, HEADER_BYTES, _BAD_CRC)
    return payload


def _length_is_sound(head: bytes) -> bool:
    return masked_crc32c(head[:8]) == _HEADER.unpack(head)[1]


def _checked_length(head: bytes, name: str, record: int, offset: int) -> int:
    if len(head) < HEADER_BYTES:
        raise record_error(name, record, offset, f"the file ends inside the record's header ({len(head)} of 12 bytes)")
    if not _length_is_sound(head):
        reason = "the length does not match its CRC: not an uncompressed TFRecord file, or a damaged one"
        raise record_error(name, record, offset, reason)
    return int(_HEADER.unpack(head)[0])


def _check_whole(length: int, left: int, name: str, record: int, offset: int) -> None:
    """Raise RecordError for a length that exceeds the file or the limit, before memory is allocated for it."""
    if length + FRAME_BYTES > left:
        reason = f"the record claims {length:,} bytes, the file ends after {left:,}: it is truncated"
        raise record_error(name, record, offset, reason)
    if length > MAX_RECORD_BYTES:
        raise record_error(
            name, record, offset, f"the record holds {length:,} bytes, at most {MAX_RECORD_BYTES >> 20} MiB are allowed"
        )
