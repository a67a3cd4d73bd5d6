"""The shard writer: right bytes, size and hash; a final file only when all is well; no partial left behind."""

import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mixup_pipeline.errors import OutputError
from mixup_pipeline.storage.shard_writer import ShardWriter

BLOCKS: list[bytes | bytearray] = [b"first", bytearray(b"second"), b"", bytes(range(256)) * 5000, b"last"]

Write = Callable[[Any, memoryview], int]


class FaultyFile:
    """A file whose writes go through a function, which may write less or fail."""

    def __init__(self, file: Any, write: Write) -> None:
        self._file, self._write = file, write

    def write(self, data: memoryview) -> int:
        return self._write(self._file, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def full_disk(_: Any, data: memoryview) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_shard(
    partial: Path, final: Path, blocks: Iterable[bytes | bytearray], through: Write | None = None
) -> tuple[int, str]:
    """Write blocks and finish; `through` stands in for the write of the file."""
    with ShardWriter(partial, final) as writer:
        if through is not None:
            writer._file = FaultyFile(writer._file, through)  # type: ignore[assignment]
        for block in blocks:
            writer.write(block)
        return writer.finish()


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    return tmp_path / "partial"


@pytest.fixture
def final(tmp_path: Path) -> Path:
    return tmp_path / "shard-00000-of-00001"


def test_finish_gives_size_and_hash_and_the_final_name(partial: Path, final: Path) -> None:
    with ShardWriter(partial, final) as writer:
        for block in BLOCKS:
            writer.write(block)
        assert partial.exists()
        assert not final.exists()
        num_bytes, sha256 = writer.finish()
    data = b"".join(map(bytes, BLOCKS))
    assert final.read_bytes() == data
    assert num_bytes == len(data)
    assert sha256 == hashlib.sha256(data).hexdigest()
    assert list(final.parent.iterdir()) == [final]


def test_a_file_without_blocks_is_empty(partial: Path, final: Path) -> None:
    assert write_shard(partial, final, []) == (0, hashlib.sha256(b"").hexdigest())
    assert final.read_bytes() == b""


def test_the_data_are_on_disk_before_the_file_gets_its_name(
    partial: Path, final: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, bool]] = []
    fsync = os.fsync

    def noting_fsync(handle: int) -> None:
        seen.append((os.fstat(handle).st_size, final.exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    write_shard(partial, final, [b"x" * 1000])
    assert seen[0] == (1000, False)  # the file
    assert [named for _, named in seen] == [False, True]  # then, with its final name, the folder


def test_an_older_file_is_replaced(partial: Path, final: Path) -> None:
    final.write_bytes(b"from another attempt")
    write_shard(partial, final, [b"new"])
    assert final.read_bytes() == b"new"


def test_leaving_without_finish_leaves_nothing(partial: Path, final: Path) -> None:
    with ShardWriter(partial, final) as writer:
        writer.write(b"data")
        assert partial.exists()
    assert list(final.parent.iterdir()) == []


def test_an_error_in_the_middle_leaves_nothing(partial: Path, final: Path) -> None:
    def failing_blocks() -> Iterator[bytes | bytearray]:
        yield from BLOCKS
        raise KeyError

    with pytest.raises(KeyError):
        write_shard(partial, final, failing_blocks())
    assert list(final.parent.iterdir()) == []


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_short_writes_are_completed(partial: Path, final: Path, most: int) -> None:
    blocks: list[bytes | bytearray] = [b"some block", bytearray(b"another")]
    num_bytes, sha256 = write_shard(partial, final, blocks, lambda file, data: int(file.write(data[:most])))
    assert final.read_bytes() == b"some blockanother"
    assert (num_bytes, sha256) == (17, hashlib.sha256(b"some blockanother").hexdigest())


@pytest.mark.parametrize("num_blocks", [1, 3, 20])
def test_a_full_disk_is_an_output_error_that_names_the_final_file(partial: Path, final: Path, num_blocks: int) -> None:
    with pytest.raises(OutputError) as raised:
        write_shard(partial, final, [b"data"] * num_blocks, full_disk)
    assert str(raised.value) == (
        f"{final}: no space left on device: make room and run the same command again: what is finished is kept"
    )
    assert list(final.parent.iterdir()) == []


def test_a_full_disk_is_reported_before_many_blocks_are_made(partial: Path, final: Path) -> None:
    made = iter([b"data"] * 1000)
    with pytest.raises(OutputError):
        write_shard(partial, final, made, full_disk)
    assert len(list(made)) > 990


@pytest.mark.parametrize("failing", ["the file", "the folder"])
def test_a_failed_flush_is_an_output_error(
    partial: Path, final: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    fsync = os.fsync

    def failing_fsync(handle: int) -> None:
        if final.exists() == (failing == "the folder"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", failing_fsync)
    with pytest.raises(OutputError, match=r"shard-00000-of-00001: cannot be written \(input/output error\)"):
        write_shard(partial, final, [b"data"])
    assert not partial.exists()


def test_a_final_name_that_is_a_folder_is_an_output_error(partial: Path, final: Path) -> None:
    final.mkdir()
    with pytest.raises(OutputError, match=r"shard-00000-of-00001: cannot be written \(is a directory\)"):
        write_shard(partial, final, [b"data"])
    assert list(final.parent.iterdir()) == [final]


def test_a_partial_of_another_attempt_is_not_overwritten(partial: Path, final: Path) -> None:
    partial.write_bytes(b"of another attempt")
    with pytest.raises(OutputError, match=r"shard-00000-of-00001: cannot be written \(file exists\)"):
        ShardWriter(partial, final)
    assert partial.read_bytes() == b"of another attempt"


def test_a_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    final = tmp_path / "no/such/shard"
    with pytest.raises(OutputError, match=r"no/such/shard: cannot be written \(no such file or directory\)"):
        ShardWriter(final.with_name("partial"), final)
