"""Reading the payloads of many records, at random positions in many files.

Records that lie close together are read as one block. From an object store, several blocks are requested at a time, and
a gap between records is read as well if another request would take longer. So a file of which most is needed is
streamed, and single ranges are read of other files. Memory is bounded by the blocks that are requested at a time.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import google_crc32c
import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import record_error
from mixup_pipeline.records.framing import FOOTER_BYTES, masked
from mixup_pipeline.sources.index import Entries, NamedFile
from mixup_pipeline.storage.places import ObjectPath, Place, place
from mixup_pipeline.storage.prefetch import prefetch
from mixup_pipeline.storage.range_reader import RangeReader


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How to join records to blocks.

    gap_bytes: the largest gap that is read rather than skipped. block_bytes: the target size of a block; its last
    record may exceed it.
    """

    gap_bytes: int
    block_bytes: int


LOCAL = Reach(gap_bytes=32 << 10, block_bytes=1 << 20)
STORE = Reach(gap_bytes=1 << 20, block_bytes=4 << 20)
"""With eight requests of 20 ms or more at a time, one more request costs about as much as reading one more megabyte."""
UNDER_WAY = 8
"""Blocks that are requested from a store at a time. Its clients keep ten connections."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Bytes [start, stop) of a file. They hold the records of rows [first, last) of the entries."""

    file: int
    start: int
    stop: int
    first: int
    last: int


CHANGED = "its data changed while they were being read: run again"
DAMAGED = "its data do not match their CRC"


def read_payloads(files: Sequence[NamedFile], entries: Entries, fault: str = CHANGED) -> Iterator[bytes]:
    """Read the payloads of ENTRY[n], which must be sorted by file and offset, in that order.

    fault: what is said of a payload that does not match the CRC in its entry.

    Raises RecordError for such a payload: the file changed after it was indexed. Raises OSError if a file cannot be
    read.
    """
    paths = {number: place(files[number].path) for number in np.unique(entries["file"]).tolist()}
    stores = any(isinstance(path, ObjectPath) for path in paths.values())
    blocks = plan_blocks(entries, STORE if stores else LOCAL)
    contents = _read_ahead(blocks, paths) if stores else _read_in_turn(blocks, paths)
    columns = [entries[column].tolist() for column in ("offset", "length", "record", "crc")]
    crc32c = google_crc32c.value
    for block, content in zip(blocks, contents, strict=True):
        for offset, length, record, crc in zip(*(column[block.first : block.last] for column in columns), strict=True):
            first = offset - block.start
            payload = content[first : first + length]
            if first + length + FOOTER_BYTES > len(content) or masked(crc32c(payload)) != crc:
                raise record_error(files[block.file].name, record, offset, fault)
            yield payload


def plan_blocks(entries: Entries, reach: Reach) -> list[Block]:
    """Join the records of ENTRY[n], sorted by file and offset, to blocks."""
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
    """Read blocks of local files in order. Each file is opened once."""
    for file, together in itertools.groupby(blocks, key=lambda block: block.file):
        with RangeReader(paths[file]) as ranges:
            for block in together:
                yield ranges.read(block.stop - block.start, block.start)


def _read_ahead(blocks: Iterable[Block], paths: Mapping[int, Place]) -> Iterator[bytes]:
    """Read blocks of a store in order, with the next ones already requested."""

    def read(block: Block) -> bytes:
        with RangeReader(paths[block.file]) as ranges:
            return ranges.read(block.stop - block.start, block.start)

    return prefetch(read, blocks, UNDER_WAY)
