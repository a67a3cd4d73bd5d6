"""Fetch: the payloads of many records, wherever in however many files.

Records that lie close together are read as one block. From an object store several blocks are under way at a time, and
a gap is read too where asking once more would take longer: where most of a file is wanted, this amounts to streaming
it, where little is wanted, to single ranges. What is held is bounded by the blocks under way.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import google_crc32c
import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import record_error
from mixup_pipeline.records.framing import CRC, FOOTER_BYTES, masked
from mixup_pipeline.sources.index import Entries, NamedFile
from mixup_pipeline.storage.places import ObjectPath, Place, place
from mixup_pipeline.storage.prefetch import prefetch
from mixup_pipeline.storage.range_reader import RangeReader


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How to read. gap_bytes: a gap up to this is read too. block_bytes: most of one block, beside one record."""

    gap_bytes: int
    block_bytes: int


LOCAL = Reach(gap_bytes=32 << 10, block_bytes=1 << 20)
STORE = Reach(gap_bytes=1 << 20, block_bytes=4 << 20)
"""Of requests that take 20 ms or more, eight at a time, each costs about as much as a megabyte more to read."""
UNDER_WAY = 8
"""Blocks of a store that are asked for at a time; its clients keep ten connections."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Bytes [start, stop) of a file, which hold the records of rows [first, last)."""

    file: int
    start: int
    stop: int
    first: int
    last: int


def read_payloads(files: Sequence[NamedFile], entries: Entries) -> Iterator[bytes]:
    """The payloads of ENTRY[n], which stand in the order of their files and offsets, in that order.

    Raises RecordError where a payload no longer matches its CRC: the file changed since it was indexed. Raises OSError
    where a file cannot be read.
    """
    paths = {number: place(files[number].path) for number in np.unique(entries["file"]).tolist()}
    stores = any(isinstance(path, ObjectPath) for path in paths.values())
    blocks = plan_blocks(entries, STORE if stores else LOCAL)
    contents = _read_ahead(blocks, paths) if stores else _read_in_turn(blocks, paths)
    columns = [entries[column].tolist() for column in ("offset", "length", "record")]
    crc32c, stored_crc = google_crc32c.value, CRC.unpack_from
    for block, content in zip(blocks, contents, strict=True):
        for offset, length, record in zip(*(column[block.first : block.last] for column in columns), strict=True):
            first = offset - block.start
            payload = content[first : first + length]
            if (
                first + length + FOOTER_BYTES > len(content)
                or masked(crc32c(payload)) != stored_crc(content, first + length)[0]
            ):
                raise record_error(
                    files[block.file].name, record, offset, "its data changed while they were being read: run again"
                )
            yield payload


def plan_blocks(entries: Entries, reach: Reach) -> list[Block]:
    """What to read at once for ENTRY[n] in the order of their files and offsets."""
    if not len(entries):
        return []
    starts: npt.NDArray[np.int64] = entries["offset"]
    stops = starts + entries["length"] + FOOTER_BYTES
    apart = np.ones(len(entries), np.bool_)
    apart[1:] = (np.diff(entries["file"]) != 0) | (starts[1:] - stops[:-1] > reach.gap_bytes)
    run_starts = starts[np.flatnonzero(apart)][np.cumsum(apart) - 1]
    part = (starts - run_starts) // reach.block_bytes
    apart[1:] |= np.diff(part) != 0
    firsts = np.flatnonzero(apart)
    lasts = np.append(firsts[1:], len(entries))
    columns = (entries["file"][firsts], starts[firsts], stops[lasts - 1], firsts, lasts)
    return [
        Block(file=file, start=start, stop=stop, first=first, last=last)
        for file, start, stop, first, last in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _read_in_turn(blocks: Iterable[Block], paths: Mapping[int, Place]) -> Iterator[bytes]:
    """The contents of local blocks; a file is opened once."""
    for file, together in itertools.groupby(blocks, key=lambda block: block.file):
        with RangeReader(paths[file]) as ranges:
            for block in together:
                yield ranges.read(block.stop - block.start, block.start)


def _read_ahead(blocks: Iterable[Block], paths: Mapping[int, Place]) -> Iterator[bytes]:
    """The contents of blocks of a store, in their order, of which the next ones are already on their way."""

    def read(block: Block) -> bytes:
        with RangeReader(paths[block.file]) as ranges:
            return ranges.read(block.stop - block.start, block.start)

    return prefetch(read, blocks, UNDER_WAY)
