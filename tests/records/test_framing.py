"""TFRecord framing: round trips against other readers, chunk boundaries, and damage of every kind."""

import gzip
import os
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import google_crc32c
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tfrecord.reader import tfrecord_iterator, tfrecord_loader

from mixup_pipeline.errors import RecordError, SourceError
from mixup_pipeline.records import framing as records
from mixup_pipeline.records.framing import (
    FRAME_BYTES,
    HEADER_BYTES,
    decompress,
    first_payload,
    frame,
    header,
    is_compressed,
    masked_crc32c,
    masked_crc32cs,
    pick_records,
    read_records,
    walk_records,
)
from tests.damage import cut, flip
from tests.datasets import example
from tests.helpers import brief

PAYLOADS = [b"first", b"", b"the third record", b"\0" * 40]
FILE = b"".join(map(frame, PAYLOADS))
LISTS = st.lists(st.binary(max_size=60), max_size=8)


def slow_crc32c(data: bytes) -> int:
    """Compute CRC-32C bit by bit from its polynomial."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def slow_mask(crc: int) -> int:
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) % 2**32


def slow_frame(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    crcs = [struct.pack("<I", slow_mask(slow_crc32c(data))) for data in (length, payload)]
    return length + crcs[0] + payload + crcs[1]


def payloads_of(path: Path) -> list[bytes]:
    """The payloads of a file, which must be undamaged."""
    found = list(read_records(path, path.name))
    assert [fault for *_, fault in found] == [None] * len(found)
    return [payload for _, payload, _, _ in found]


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# Framing


def test_crc_is_that_of_the_standard() -> None:
    assert google_crc32c.value(b"123456789") == slow_crc32c(b"123456789") == 0xE3069283
    assert masked_crc32c(b"123456789") == slow_mask(0xE3069283) == 0xC78AB0E5
    assert masked_crc32c(b"") == 0xA282EAD8


def test_a_frame_is_pinned() -> None:
    assert frame(b"123456789").hex(" ", 4) == "09 00000000 00000037 f9713931 32333435 36373839 e5b08ac7"


@given(st.lists(st.binary(max_size=60), max_size=6))
@settings(max_examples=50)
def test_frames_equal_the_slow_reference(payloads: list[bytes]) -> None:
    assert [frame(payload) for payload in payloads] == [slow_frame(payload) for payload in payloads]
    assert [header(len(payload)) for payload in payloads] == [slow_frame(p)[:HEADER_BYTES] for p in payloads]
    assert masked_crc32cs(payloads).tolist() == [slow_mask(slow_crc32c(payload)) for payload in payloads]


def test_another_reader_reads_our_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", FILE)
    assert [bytes(payload) for payload in tfrecord_iterator(str(path))] == PAYLOADS


def test_another_reader_reads_our_examples(tmp_path: Path) -> None:
    data = b"".join(frame(example({"image": bytes([i] * i), "label": i, "lam": i / 8})) for i in range(1, 5))
    path = write(tmp_path / "a.tfrecord", data)
    kinds = {"image": "byte", "label": "int", "lam": "float"}
    rows = tfrecord_loader(str(path), None, kinds)
    assert [{key: np.array(value).tolist() for key, value in row.items()} for row in rows] == [
        {"image": bytes([i] * i), "label": [i], "lam": [i / 8]} for i in range(1, 5)
    ]


# Scanning and reading


@given(LISTS, st.integers(HEADER_BYTES, 200))
@settings(max_examples=100)
def test_scan_finds_every_record_across_chunks_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes], chunk_bytes: int
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "scan.tfrecord", b"".join(map(slow_frame, payloads)))
    with patch.object(records, "_CHUNK_BYTES", chunk_bytes):
        found = list(read_records(path, "scan.tfrecord"))
    starts = np.cumsum([0, *(len(payload) + FRAME_BYTES for payload in payloads)])[: len(payloads)]
    assert found == [
        (int(start) + HEADER_BYTES, payload, slow_mask(slow_crc32c(payload)), None)
        for start, payload in zip(starts, payloads, strict=True)
    ]


@pytest.mark.parametrize("chunk_bytes", range(HEADER_BYTES, 130))
def test_scan_finds_records_of_one_length_across_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    monkeypatch.setattr(records, "_CHUNK_BYTES", chunk_bytes)
    payloads = [b"record%d" % number for number in range(8)]
    assert payloads_of(write(tmp_path / "a.tfrecord", b"".join(map(frame, payloads)))) == payloads


def test_scan_reads_records_larger_than_a_chunk(tmp_path: Path) -> None:
    payloads = [b"a" * 5, b"b" * (9 << 20), b"c" * 7, b"d" * (5 << 20), b""]
    assert payloads_of(write(tmp_path / "a.tfrecord", b"".join(map(frame, payloads)))) == payloads


def test_scan_reads_a_file_about_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    payloads = [bytes(1000 + length) for length in range(400)]
    path = write(tmp_path / "a.tfrecord", b"".join(map(frame, payloads)))
    num_bytes, pread = 0, os.pread

    def counting_pread(handle: int, length: int, offset: int) -> bytes:
        nonlocal num_bytes
        piece = pread(handle, length, offset)
        num_bytes += len(piece)
        return piece

    monkeypatch.setattr(os, "pread", counting_pread)
    assert payloads_of(path) == payloads
    assert num_bytes <= 2 * path.stat().st_size


# Damage


@pytest.mark.parametrize("size", range(len(FILE) + 1))
def test_a_cut_is_reported_except_exactly_between_records(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "a.tfrecord", FILE[:size])
    ends = np.cumsum([0, *(len(payload) + FRAME_BYTES for payload in PAYLOADS)]).tolist()
    whole = sum(end <= size for end in ends) - 1
    found = []
    if size in ends:
        assert payloads_of(path) == PAYLOADS[:whole]
    else:
        with pytest.raises(RecordError, match=rf"^a\.tfrecord: record {whole} at byte {ends[whole]}: .*the file ends"):
            found += [payload for _, payload, _, _ in read_records(path, path.name)]


@pytest.mark.parametrize("position", range(len(FILE)))
def test_every_flipped_bit_is_reported(tmp_path: Path, position: int) -> None:
    for bit in range(8):
        damaged = bytearray(FILE)
        damaged[position] ^= 1 << bit
        path = write(tmp_path / "a.tfrecord", bytes(damaged))
        faults = []
        try:
            for _, payload, _, fault in read_records(path, path.name):
                assert fault is not None or payload in PAYLOADS
                faults.append(fault)
        except RecordError:
            continue
        assert len(faults) == len(PAYLOADS)
        assert [fault for fault in faults if fault is not None] == [
            "its data do not match their CRC: the file is damaged"
        ]


def test_records_after_a_damaged_payload_are_still_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", FILE.replace(b"first", b"fIrst"))
    found = list(read_records(path, path.name))
    assert [fault is None for *_, fault in found] == [False, True, True, True]
    assert [payload for _, payload, _, _ in found] == [b"fIrst", *PAYLOADS[1:]]


@pytest.mark.parametrize("length", [60, 1 << 20, 1 << 31, 1 << 40, 2**63 - 1, 2**64 - 1])
def test_a_forged_length_with_a_sound_crc_costs_nothing(tmp_path: Path, length: int) -> None:
    path = write(tmp_path / "a.tfrecord", frame(b"first") + header(length) + b"short")
    tracemalloc.start()
    try:
        with pytest.raises(RecordError) as raised:
            list(read_records(path, "a.tfrecord"))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 8 << 20
    assert str(raised.value) == (
        f"a.tfrecord: record 1 at byte 21: the record claims {length:,} bytes, the file ends after 17: it is truncated"
    )


def test_a_record_beyond_2_gib_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", header(2**31))
    with path.open("r+b") as file:
        file.truncate(2**31 + FRAME_BYTES)  # sparse
    with pytest.raises(RecordError, match=r"record 0 at byte 0: the record holds 2,147,483,648 bytes, at most 80 MiB"):
        list(read_records(path, "a.tfrecord"))


@pytest.mark.parametrize("data", [b"just some text, much longer than a header", b"\0" * 100, b"\xff" * 12], ids=brief)
def test_another_format_is_reported(tmp_path: Path, data: bytes) -> None:
    path = write(tmp_path / "a.tfrecord", data)
    with pytest.raises(RecordError, match=r"record 0 at byte 0: the length does not match its CRC"):
        list(read_records(path, "a.tfrecord"))


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    assert payloads_of(write(tmp_path / "a.tfrecord", b"")) == []


# Compressed files


def multi_member_gzip(data: bytes) -> bytes:
    return b"".join(gzip.compress(data[start : start + 30]) for start in range(0, len(data), 30))


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "multi-member gzip": multi_member_gzip,
    "zlib": zlib.compress,
    "fast zlib": lambda data: zlib.compress(data, 1),
    "best zlib": lambda data: zlib.compress(data, 9),
}
JOINED: dict[str, Callable[[bytes], bytes]] = {
    "zeros after the end": lambda data: gzip.compress(data) + bytes(1000),
    "zeros between members": lambda data: gzip.compress(data[:50]) + bytes(7) + gzip.compress(data[50:]),
    "an empty first member": lambda data: gzip.compress(b"") + gzip.compress(b"") + gzip.compress(data),
}
each_compression = pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS.keys())


@pytest.mark.parametrize("compress", [*COMPRESSIONS.values(), *JOINED.values()], ids=[*COMPRESSIONS, *JOINED])
@pytest.mark.parametrize("chunk_bytes", [1, 7, 29, 1 << 20])
def test_decompress_gives_the_original(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: Callable[[bytes], bytes], chunk_bytes: int
) -> None:
    monkeypatch.setattr(records, "_CHUNK_BYTES", chunk_bytes)
    path = write(tmp_path / "a.tfrecord", compress(FILE))
    assert is_compressed(path)
    decompress(path, "a.tfrecord", tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes() == FILE


@each_compression
def test_a_truncated_compressed_file_is_reported(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    data = compress(FILE)
    whole = [len(compress(FILE[:cut])) for cut in range(30, len(FILE), 30)] if compress is multi_member_gzip else []
    for size in range(len(data)):
        path = write(tmp_path / "a.tfrecord", data[:size])
        if size in whole:  # cut between two members
            decompress(path, "a.tfrecord", tmp_path / "plain")
            continue
        with pytest.raises(SourceError, match=r"^a\.tfrecord: the compressed file is damaged .*: make it again$"):
            decompress(path, "a.tfrecord", tmp_path / "plain")


@each_compression
def test_a_damaged_compressed_file_is_reported(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    data = bytearray(compress(FILE))
    data[-2] ^= 0xFF  # in the checksum or the length at the end
    with pytest.raises(SourceError, match=r"a\.tfrecord: the compressed file is damaged"):
        decompress(write(tmp_path / "a.tfrecord", bytes(data)), "a.tfrecord", tmp_path / "plain")


def test_decompress_takes_little_memory_for_a_file_that_shrank_much(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", gzip.compress(bytes(64 << 20), 1))
    tracemalloc.start()
    try:
        decompress(path, "a.tfrecord", tmp_path / "plain")
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "plain").stat().st_size == 64 << 20
    assert peak_bytes < 32 << 20


@pytest.mark.parametrize(
    ("data", "compressed"),
    [
        (FILE, False),
        (b"", False),
        (b"x", False),
        (b"x\x01", True),
        (b"plain text, no record", False),
        (frame(bytes(0x8B1F)), False),  # its first bytes are those of GZIP
        (frame(bytes(0x9C78)), False),  # and of ZLIB
        (gzip.compress(b"", mtime=0), True),
        (zlib.compress(b""), True),
    ],
    ids=range(9),
)
def test_is_compressed(tmp_path: Path, data: bytes, compressed: bool) -> None:
    assert is_compressed(write(tmp_path / "a.tfrecord", data)) == compressed


@pytest.mark.parametrize("compress", [bytes, *COMPRESSIONS.values()], ids=["plain", *COMPRESSIONS])
def test_first_payload(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = write(tmp_path / "a.tfrecord", compress(frame(b"one") + frame(b"two")))
    assert first_payload(path, "a.tfrecord") == b"one"


def test_first_payload_of_an_empty_file_is_empty(tmp_path: Path) -> None:
    assert first_payload(write(tmp_path / "a.tfrecord", b""), "a.tfrecord") == b""


def test_first_payload_of_a_file_cut_inside_it_is_reported(tmp_path: Path) -> None:
    for compress in (bytes, gzip.compress):
        path = write(tmp_path / "a.tfrecord", compress(frame(b"first")[:-1]))
        with pytest.raises(RecordError, match=r"a\.tfrecord: record 0 at byte 0: .*truncated"):
            first_payload(path, "a.tfrecord")


@pytest.mark.parametrize("data", [b"\x1f\x8bno stream", gzip.compress(FILE)[:10] + b"\xff" * 30], ids=range(2))
def test_first_payload_of_a_damaged_compressed_file_is_reported(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(SourceError, match=r"a\.tfrecord"):
        first_payload(write(tmp_path / "a.tfrecord", data), "a.tfrecord")


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_first_payload_with_a_wrong_crc_is_reported(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = write(tmp_path / "a.tfrecord", compress(FILE.replace(b"first", b"fIrst")))
    with pytest.raises(RecordError, match=r"a\.tfrecord: record 0"):
        first_payload(path, "a.tfrecord")


# Walking and picking

SIZES = st.sampled_from([0, 1, 40, 8191, 8192, 8193, 30_000, 65_508, 65_535, 65_536, 65_537, 200_000])
FILES = st.lists(SIZES | st.integers(0, 90_000), max_size=8)
TAILS = st.sampled_from([0, 1, 300, 9000, 70_000, 1_000_000])
Outcome = tuple[list[Any], str | None]


def mixed_file(folder: pytest.TempPathFactory, sizes: list[int]) -> tuple[Path, list[bytes], list[int]]:
    """Write a file of records of these sizes, without long repetitions: the file, the payloads, each record's start."""
    payloads = [np.random.default_rng(number).bytes(size) for number, size in enumerate(sizes)]
    path = write(folder.getbasetemp() / "a.tfrecord", b"".join(map(frame, payloads)))
    return path, payloads, np.cumsum([0, *(size + FRAME_BYTES for size in sizes)]).tolist()


def outcome(found: Iterator[Any]) -> Outcome:
    """The values that an iterator yields, and the error that ends it."""
    items = []
    try:
        for item in found:
            items.append(item)  # those before an error count
    except RecordError as error:
        return items, str(error)
    return items, None


def slow_walk(path: Path, tail_bytes: int) -> Outcome:
    found, error = outcome(read_records(path, path.name))
    return [(start, len(p), p[max(0, len(p) - tail_bytes) :], crc) for start, p, crc, _ in found], error


@given(FILES, TAILS)
@settings(max_examples=60)
def test_walk_finds_the_records_of_scan(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], tail: int) -> None:
    path, _, _ = mixed_file(tmp_path_factory, sizes)
    assert outcome(walk_records(path, path.name, tail)) == slow_walk(path, tail)


@given(FILES, TAILS, st.integers(0, 8), st.integers(-14, 14))
@settings(max_examples=100)
def test_walk_ends_at_a_cut_as_scan_does(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], tail: int, record: int, shift: int
) -> None:
    path, _, starts = mixed_file(tmp_path_factory, sizes)
    os.truncate(path, min(starts[-1], max(0, starts[record % len(starts)] + shift)))
    assert outcome(walk_records(path, path.name, tail)) == slow_walk(path, tail)


@given(FILES.filter(bool), TAILS, st.data())
@settings(max_examples=50)
def test_walk_ends_at_a_damaged_length_as_scan_does(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], tail: int, data: st.DataObject
) -> None:
    path, _, starts = mixed_file(tmp_path_factory, sizes)
    record = data.draw(st.integers(0, len(sizes) - 1))
    flip(path, starts[record] + data.draw(st.integers(0, HEADER_BYTES - 1)))
    found, error = outcome(walk_records(path, path.name, tail))
    assert (found, error) == slow_walk(path, tail)
    assert len(found) == record
    assert str(error).startswith(f"a.tfrecord: record {record} at byte {starts[record]}: ")


def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that records the length of every read from now on."""
    lengths, pread = [], os.pread

    def counting_pread(handle: int, length: int, offset: int) -> bytes:
        lengths.append(length)
        return pread(handle, length, offset)

    monkeypatch.setattr(os, "pread", counting_pread)
    return lengths


def test_walk_reads_only_the_ends_of_large_records(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _, _ = mixed_file(tmp_path_factory, [200_000] * 20)
    lengths = reads(monkeypatch)
    assert len(list(walk_records(path, "a", 300))) == 20
    assert sum(lengths) < 100_000


def test_walk_reads_small_records_together(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _, _ = mixed_file(tmp_path_factory, [100] * 3000)
    lengths = reads(monkeypatch)
    assert len(list(walk_records(path, "a", 300))) == 3000
    assert len(lengths) < 10


@given(FILES, st.data())
@settings(max_examples=60)
def test_pick_gives_the_wanted_records_of_scan(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject
) -> None:
    path, _, starts = mixed_file(tmp_path_factory, sizes)
    rows = st.sets(st.integers(0, len(sizes) - 1)) if sizes else st.just(set[int]())
    for record in data.draw(rows):
        flip(path, starts[record + 1] - 4 - min(sizes[record], 1))  # its last byte, or its CRC
    wanted = data.draw(rows)
    expected = [(n, start, p, fault) for n, (start, p, _, fault) in enumerate(read_records(path, "a")) if n in wanted]
    assert outcome(pick_records(path, "a", wanted)) == (expected, None)


@given(FILES.filter(bool), st.data(), st.integers(0, 8), st.integers(-14, 14))
@settings(max_examples=100)
def test_pick_reports_a_cut_before_a_wanted_record(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject, record: int, shift: int
) -> None:
    path, payloads, starts = mixed_file(tmp_path_factory, sizes)
    os.truncate(path, min(starts[-1], max(0, starts[record % len(starts)] + shift)))
    size = path.stat().st_size
    whole = sum(end <= size for end in starts) - 1
    wanted = data.draw(st.sets(st.integers(0, len(sizes) - 1), min_size=1))
    assume(max(wanted) >= whole)
    found, error = outcome(pick_records(path, "a", wanted))
    assert [(n, payload) for n, _, payload, _ in found] == [(n, payloads[n]) for n in sorted(wanted) if n < whole]
    if size in starts:
        reason = f"there is no such record, the file holds {whole:,}: it was changed"
        assert error == f"a: record {max(wanted)} at byte {size}: {reason}"
    else:
        assert error == outcome(read_records(path, "a"))[1]


@pytest.mark.parametrize("damage", ["length", "cut"])
def test_pick_does_not_look_behind_the_last_wanted_record(tmp_path: Path, damage: str) -> None:
    path = write(tmp_path / "a.tfrecord", FILE)
    if damage == "length":
        flip(path, 21)
    else:
        cut(path, 25)
    assert [payload for _, _, payload, _ in pick_records(path, "a", {0})] == [b"first"]
