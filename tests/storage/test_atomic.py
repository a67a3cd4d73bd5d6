"""Small files that are whole or absent, hashes, and the error of a file that cannot be written."""

import errno
import fcntl
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
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


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path: Path) -> None:
    long = "a" * 60 + ".json"
    for left in (".a.json.0123456789ab", ".a.json.ffffffffffff", f".{'a' * 40}.0123456789ab"):
        (tmp_path / left).write_text("half")
    write_atomically(tmp_path / "a.json", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", f".{'a' * 40}.0123456789ab"}
    write_atomically(tmp_path / long, "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", long}


def test_nothing_else_is_swept(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("mine")
    others = [".a.json.0123456789a", ".a.json.0123456789AB", ".aXjson.0123456789ab", "a.json.0123456789ab", ".b.json.0"]
    for name in others:
        (tmp_path / name).write_text("mine")
    (tmp_path / ".a.json.00000000000a").symlink_to(kept)
    (tmp_path / ".a.json.00000000000b").mkdir()
    os.mkfifo(tmp_path / ".a.json.00000000000c")
    before = {path.name for path in tmp_path.iterdir()}
    write_atomically(tmp_path / "a.json", "whole")
    assert {path.name for path in tmp_path.iterdir()} == before | {"a.json"}
    assert kept.read_text() == "mine"


def test_what_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    path, writing = tmp_path / "a.json", tmp_path / ".a.json.0123456789ab"
    with writing.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_atomically(path, "whole")
        assert writing.exists()
    write_atomically(path, "whole")
    assert list(tmp_path.iterdir()) == [path]


def test_writers_of_one_file_do_not_sweep_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: write_atomically(path, str(number) * 100), [*range(10, 100)] * 2))
    assert path.read_text() == path.read_text()[:2] * 100
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_turns_read_only_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OutputError, match=r"a\.json: cannot be written \(read-only file system\)"):
        write_atomically(tmp_path / "a.json", "whole")


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
