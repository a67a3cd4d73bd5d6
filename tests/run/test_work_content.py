"""What a work folder may hold: all that a run puts there, and nothing else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mixup_pipeline import MixConfig
from mixup_pipeline.run.work_content import foreign_content
from mixup_pipeline.run.work_folder import WorkFolder
from tests.datasets import Dataset
from tests.run.test_mix_shard import mixed


@pytest.fixture
def work(tmp_path: Path, dataset: Dataset) -> WorkFolder:
    """The work folder of a run that mixed all its shards."""
    mixed(dataset, tmp_path / "out", MixConfig(copies=2, num_shards=2, pairing="cross-class"))
    work = WorkFolder.of(tmp_path / "out")
    work.save_previous(["manifest.json"])
    for path in (work.spool(0), work.lock, work.staged / "a_mixup-train.tfrecord-00000-of-00001"):
        assert isinstance(path, Path)
        path.write_bytes(b"")
    work.new_partial("slots").write_bytes(b"")
    return work


def test_what_a_run_writes_is_not_foreign(work: WorkFolder) -> None:
    assert foreign_content(work.root) is None
    assert foreign_content(work.root / "missing") is None


@pytest.mark.parametrize(
    "name", ["notes.txt", "index/notes.txt", "shards/a.json", "staged/photo.png", "partial/a.tfrecord", "spool/1/2"]
)
def test_a_file_of_somebody_else_is_foreign(work: WorkFolder, name: str) -> None:
    path = Path(str(work.root)) / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    foreign = foreign_content(work.root)
    assert foreign is not None
    assert name.startswith(foreign)


@pytest.mark.parametrize("name", ["slots", "index", "partial", "partial/slots.0123456789ab", "request.json"])
@pytest.mark.parametrize("make", [os.symlink, lambda target, path: os.mkfifo(path)], ids=["link", "fifo"])
def test_a_link_or_a_fifo_is_foreign_even_by_the_name_of_ours(
    work: WorkFolder, tmp_path: Path, name: str, make: Callable[[Path, Path], None]
) -> None:
    path, outside = Path(str(work.root)) / name, tmp_path / "outside"
    if path.exists():
        path.rename(outside)
    else:
        outside.mkdir()
    make(outside, path)
    assert foreign_content(work.root) == name


def test_a_link_or_a_file_in_place_of_the_folder_is_foreign(work: WorkFolder, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(str(work.root))
    (tmp_path / "file").write_text("")
    assert foreign_content(tmp_path / "link") == foreign_content(tmp_path / "file") == ""


@pytest.mark.parametrize(
    ("content", "foreign"), [(b"", None), (bytes(300), None), (b'{"source": {"na', None), (b"[]", "request.json")]
)
def test_a_request_that_a_power_cut_damaged_is_still_ours(
    work: WorkFolder, content: bytes, foreign: str | None
) -> None:
    Path(str(work.request)).write_bytes(content)
    assert foreign_content(work.root) == foreign
