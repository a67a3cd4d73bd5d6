"""Small files that are whole or absent, hashes, and the error of a file that cannot be written."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from mixup_pipeline.errors import OutputError
from mixup_pipeline.storage import atomic as files
from mixup_pipeline.storage.atomic import output_error, sha256_of, sync_folder, write_atomically


def test_text_is_written_as_utf8_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    write_atomically(path, "λ = 0.2\n")
    assert path.read_bytes() == "λ = 0.2\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_an_older_text_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    write_atomically(path, "a longer text")
    write_atomically(path, "new")
    assert path.read_text() == "new"


def test_the_text_is_on_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen, fsync = tmp_path / "manifest.json", [], os.fsync

    def noting_fsync(handle: int) -> None:
        seen.append(path.exists())
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    write_atomically(path, "text")
    assert seen == [False, True]


def test_a_failure_keeps_the_older_text_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "manifest.json"
    write_atomically(path, "old")

    def failing_fsync(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", failing_fsync)
    with pytest.raises(OutputError, match=r"manifest\.json: no space left on device: make room"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"none/a\.json: cannot be written \(no such file or directory\)"):
        write_atomically(tmp_path / "none/a.json", "text")


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 35])
def test_sha256_of_equals_that_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(files, "_CHUNK_BYTES", 10)
    path = tmp_path / "a"
    path.write_bytes(bytes(range(size)))
    assert sha256_of(path) == hashlib.sha256(bytes(range(size))).hexdigest()


def test_sync_folder_leaves_no_handle_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    sync_folder(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "no space left on device: make room and run the same command again: what is finished is kept"),
        (errno.EDQUOT, "disk quota exceeded: make room and run the same command again: what is finished is kept"),
        (errno.EACCES, "cannot be written (permission denied): choose another place or fix its permissions"),
        (errno.EROFS, "cannot be written (read-only file system): choose another place or fix its permissions"),
    ],
)
def test_output_error_says_what_to_do(code: int, message: str) -> None:
    error = output_error(Path("/out/a"), OSError(code, os.strerror(code)))
    assert type(error) is OutputError
    assert str(error) == f"/out/a: {message}"


def test_output_error_of_an_error_without_a_number() -> None:
    assert str(output_error(Path("/out/a"), OSError("Odd"))).startswith("/out/a: cannot be written (odd):")
