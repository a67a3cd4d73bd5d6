"""Reading ranges: of regular files only."""

import os
from pathlib import Path

import pytest

from mixup_pipeline.storage.range_reader import RangeReader


def test_ranges_are_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    with RangeReader(tmp_path / "a") as file:
        assert file.size == 10
        assert [file.read(length, offset) for length, offset in ((3, 0), (3, 8), (3, 10), (0, 5))] == [
            b"012",
            b"89",
            b"",
            b"",
        ]


def test_a_pipe_a_device_and_a_folder_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError, match="it is not a regular file") as raised:
            RangeReader(path)
        assert raised.value.filename == str(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
