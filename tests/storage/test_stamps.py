"""Stamps: a file that was exchanged has another one, however well the copy is disguised."""

import os
import shutil
from pathlib import Path

import pytest

from mixup_pipeline.storage.stamps import stamp, stamps


def test_a_copy_with_equal_size_and_time_has_another_stamp(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"first")
    other.write_bytes(b"other")
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    before = stamp(path)
    assert stamp(path) == before

    shutil.copyfile(other, path)  # written into the same file, as by `cp`
    os.utime(path, ns=times)
    in_place = stamp(path)
    os.utime(other, ns=times)
    other.replace(path)  # renamed over it, as by `rsync`
    renamed = stamp(path)
    assert before[:2] == in_place[:2] == renamed[:2]
    assert len({before, in_place, renamed}) == 3


def test_the_stamps_of_many_files_are_those_of_each_and_none_where_there_is_no_file(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    paths = [tmp_path / "a", tmp_path / "missing", tmp_path / "b"]
    assert stamps(paths) == [stamp(paths[0]), None, stamp(paths[2])]
    with pytest.raises(NotADirectoryError):
        stamps([tmp_path / "a" / "below a file"])
