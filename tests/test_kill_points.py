"""The harness of the campaigns: which calls it counts, and what its faults do."""

import contextlib
import errno
import os
import shutil
from pathlib import Path

import pytest

from mixup_pipeline.storage.atomic import sync_folder
from tests.kill_points import KILL, POWER_CUT, Killed, count_calls, injected


def write_flushed(path: Path) -> None:
    with path.open("w") as file:
        file.write("text")
        file.flush()
        os.fsync(file.fileno())


def make_and_remove(folder: Path) -> None:
    """Fourteen calls below the folder."""
    (folder / "a").mkdir()
    (folder / "a/b").write_text("text")
    write_flushed(folder / "b")  # open, fsync
    (folder / "b").replace(folder / "c")
    sync_folder(folder)
    handle = os.open(folder / "d", os.O_CREAT | os.O_WRONLY)
    os.close(handle)
    (folder / "d").rename(folder / "e")
    os.truncate(folder / "e", 3)
    (folder / "f").symlink_to("e")
    (folder / "f").unlink()
    shutil.rmtree(folder / "a")  # b, a
    (folder / "a").mkdir()


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_calls_are_counted_below_the_folder_only(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    assert count_calls(inside, lambda: make_and_remove(outside)) == 0
    with injected(inside, at=None) as seen:
        make_and_remove(inside)
    assert seen.calls == [
        "mkdir a",
        "open a/b",
        "open b",
        "fsync b",
        "rename b c",
        "fsync .",
        "open d",
        "rename d e",
        "truncate e",
        "symlink f",
        "remove f",
        "remove a/b",
        "rmdir a",
        "mkdir a",
    ]


def test_a_kill_lets_no_clean_up_run(tmp_path: Path) -> None:
    for k in range(14):
        folder = tmp_path / str(k)
        folder.mkdir()
        with injected(folder, at=k, fault=KILL) as seen:
            try:
                make_and_remove(folder)
            finally:
                shutil.rmtree(folder)
        assert seen.fired
        assert len(seen.calls) == k + 1
        assert folder.exists()
    assert names(tmp_path / "7") == {"a", "a/b", "c", "d"}


def test_an_error_is_raised_once(tmp_path: Path) -> None:
    with injected(tmp_path, at=0, fault=OSError(errno.EIO, "bad")) as seen:
        with pytest.raises(OSError, match="bad"):
            (tmp_path / "a").mkdir()
        (tmp_path / "a").mkdir()
    assert seen.calls == ["mkdir a", "mkdir a"]
    with pytest.raises(ValueError, match="other"), injected(tmp_path, at=9):
        raise ValueError("other")


def test_a_power_cut_empties_what_was_not_flushed(tmp_path: Path) -> None:
    write_flushed(tmp_path / "flushed")
    with injected(tmp_path, at=4, fault=POWER_CUT):
        (tmp_path / "new").write_text("text")
        (tmp_path / "new").rename(tmp_path / "renamed")
        write_flushed(tmp_path / "synced")
        with contextlib.suppress(Exception):
            (tmp_path / "never").touch()
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {"flushed": "text", "renamed": "", "synced": "text"}


def test_killed_is_no_exception_that_code_catches() -> None:
    assert not issubclass(Killed, Exception)
