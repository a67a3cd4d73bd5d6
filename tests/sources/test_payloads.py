"""Reading payloads: any records of any files, in blocks of any size, from a disk and from a store."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixup_pipeline.errors import RecordError
from mixup_pipeline.records.framing import FRAME_BYTES, frame, masked_crc32c, read_records
from mixup_pipeline.sources import payloads as fetching
from mixup_pipeline.sources.index import ENTRY, Entries, IndexedFile
from mixup_pipeline.sources.payloads import Block, Reach, plan_blocks, read_payloads

PAYLOADS = [b"", b"the second record", b"the third record", b"x" * 300, b"the last"]


def indexed(path: Path) -> IndexedFile:
    return IndexedFile(name=path.name, path=str(path), examples=0, skipped=0, fingerprint="")


def entries_of(lists: list[list[bytes]]) -> Entries:
    """Build ENTRY[n] of all payloads by hand, file by file."""
    entries = np.zeros(sum(map(len, lists)), ENTRY)
    row = 0
    for file, payloads in enumerate(lists):
        offset = 12
        for record, payload in enumerate(payloads):
            entries[row] = (offset, len(payload), 0, 0, record, file, 0, masked_crc32c(payload))
            offset += len(payload) + FRAME_BYTES
            row += 1
    return entries


def written(folder: Path, lists: list[list[bytes]]) -> list[IndexedFile]:
    folder.mkdir(exist_ok=True)
    for number, payloads in enumerate(lists):
        (folder / f"{number}.tfrecord").write_bytes(b"".join(map(frame, payloads)))
    return [indexed(folder / f"{number}.tfrecord") for number in range(len(lists))]


LISTS = st.lists(st.lists(st.binary(max_size=60), max_size=12), min_size=1, max_size=3)


@given(LISTS, st.data(), st.integers(0, 200), st.integers(1, 200), st.booleans())
@settings(max_examples=100)
def test_any_records_whatever_is_read_together(
    tmp_path_factory: pytest.TempPathFactory,
    lists: list[list[bytes]],
    data: st.DataObject,
    gap_bytes: int,
    block_bytes: int,
    ahead: bool,
) -> None:
    files, entries = written(tmp_path_factory.getbasetemp() / "read", lists), entries_of(lists)
    rows = sorted(data.draw(st.lists(st.integers(0, len(entries) - 1)))) if len(entries) else []
    reach = Reach(gap_bytes=gap_bytes, block_bytes=block_bytes)
    way = fetching._read_ahead if ahead else fetching._read_in_turn
    with patch.object(fetching, "LOCAL", reach), patch.object(fetching, "_read_in_turn", way):
        read = list(read_payloads(files, entries[rows]))
    flat = [payload for payloads in lists for payload in payloads]
    assert read == [flat[row] for row in rows]


@given(LISTS, st.data(), st.integers(0, 200), st.integers(1, 200))
@settings(max_examples=100)
def test_blocks_hold_their_records_and_little_else(
    lists: list[list[bytes]], data: st.DataObject, gap_bytes: int, block_bytes: int
) -> None:
    entries = entries_of(lists)
    rows = sorted(data.draw(st.sets(st.integers(0, len(entries) - 1)))) if len(entries) else []
    part = entries[rows]
    blocks = plan_blocks(part, Reach(gap_bytes=gap_bytes, block_bytes=block_bytes))
    assert [row for block in blocks for row in range(block.first, block.last)] == list(range(len(part)))
    for block in blocks:
        inside = part[block.first : block.last]
        ends = inside["offset"] + inside["length"] + 4
        assert set(inside["file"]) == {block.file}
        assert (block.start, block.stop) == (inside["offset"].min(), ends.max())
        assert (inside["offset"][1:] - ends[:-1] <= gap_bytes).all()
        assert inside["offset"].max() - block.start < block_bytes


def test_a_gap_is_read_only_where_it_is_small() -> None:
    entries = entries_of([PAYLOADS])[[1, 2, 4]]
    gap = int(entries["offset"][2] - entries["offset"][1] - entries["length"][1] - 4)
    wide = Reach(gap_bytes=gap, block_bytes=1 << 20)
    assert [(block.first, block.last) for block in plan_blocks(entries, wide)] == [(0, 3)]
    narrow = replace(wide, gap_bytes=gap - 1)
    assert [(block.first, block.last) for block in plan_blocks(entries, narrow)] == [(0, 2), (2, 3)]


def test_the_offsets_of_scan_are_those_of_fetch(tmp_path: Path) -> None:
    written(tmp_path, [PAYLOADS])
    offsets = [offset for offset, *_ in read_records(tmp_path / "0.tfrecord", "a")]
    assert offsets == entries_of([PAYLOADS])["offset"].tolist()


@pytest.mark.parametrize("changed", [b"the third recorD", b"", b"\0" * 40])
def test_a_payload_that_has_changed_is_reported(tmp_path: Path, changed: bytes) -> None:
    files = written(tmp_path, [PAYLOADS])
    path = tmp_path / "0.tfrecord"
    path.write_bytes(path.read_bytes().replace(b"the third record", changed))
    message = r"^0\.tfrecord: record 2 at byte 61: its data changed while they were being read: run again$"
    with pytest.raises(RecordError, match=message):
        list(read_payloads(files, entries_of([PAYLOADS])))


@pytest.mark.parametrize("missing", [1, 4, 5, 100, 390])
def test_a_file_that_has_become_shorter_is_reported(tmp_path: Path, missing: int) -> None:
    files = written(tmp_path, [PAYLOADS])
    path = tmp_path / "0.tfrecord"
    os.truncate(path, path.stat().st_size - missing)
    with pytest.raises(RecordError, match=r"0\.tfrecord: record \d at byte \d+: its data changed"):
        list(read_payloads(files, entries_of([PAYLOADS])))


def test_blocks_are_asked_for_ahead_but_not_without_end() -> None:
    under_way, most = 0, 0

    class CountingRanges:
        def __init__(self, path: Path) -> None:
            del path

        def __enter__(self) -> "CountingRanges":
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def read(self, length: int, offset: int) -> bytes:
            nonlocal under_way, most
            del length, offset
            under_way += 1
            most = max(most, under_way)
            return b""

    def consumed(contents: Iterator[bytes]) -> int:
        nonlocal under_way
        count = 0
        for _ in contents:
            under_way -= 1
            count += 1
        return count

    blocks = [Block(file=0, start=n, stop=n + 1, first=n, last=n + 1) for n in range(50)]
    with patch.object(fetching, "RangeReader", CountingRanges):
        assert consumed(fetching._read_ahead(blocks, {0: Path("a")})) == 50
    assert 1 < most <= fetching.UNDER_WAY
