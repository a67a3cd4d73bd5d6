"""Planning: what it keeps open and leaves behind."""

import resource
from pathlib import Path
from typing import Any

import pytest

from mixup_pipeline import MixConfig, MixupError, SourceConfig
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources import open_source
from tests.datasets import Dataset
from tests.reference import folder_bytes
from tests.run.test_every_stop import mix
from tests.run.test_mix_shard import planned

COPIES = 60


def test_many_copies_need_few_open_files(tmp_path: Path, dataset: Dataset) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 20, before[1]))
    try:
        planned(dataset, tmp_path / "out", MixConfig(copies=COPIES, pairing="cross-class"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert len(list((tmp_path / "out/.work").glob("partners-*"))) == COPIES


@pytest.mark.parametrize("pairing", ["any", "within-class", "cross-class"])
def test_a_stop_between_two_copies_does_not_block_the_next_run(
    tmp_path: Path, dataset: Dataset, pairing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request(
        source=open_source(SourceConfig(src=str(dataset.folder))), config=MixConfig(copies=2, pairing=pairing)
    )
    mix(tmp_path / "expected", request)
    calls, saved = [], WorkFolder.save_partners

    def stopped(work: WorkFolder, copy: int, *arguments: Any) -> None:
        calls.append(copy)
        if copy == 1:
            raise KeyboardInterrupt
        saved(work, copy, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(WorkFolder, "save_partners", stopped)
        with pytest.raises(KeyboardInterrupt):
            mix(tmp_path / "out", request)
    assert calls == [0, 1]
    mix(tmp_path / "out", request)
    assert folder_bytes(tmp_path / "out") == folder_bytes(tmp_path / "expected")
    assert not (tmp_path / "out/.work").exists()


def test_work_of_an_older_version_is_no_obstacle(tmp_path: Path, dataset: Dataset) -> None:
    """It kept pairings in a folder, which a stopped run left behind."""
    request = Request(source=open_source(SourceConfig(src=str(dataset.folder))), config=MixConfig())
    left = tmp_path / "out/.work/partial/mixup-a1b2c3d4"
    left.mkdir(parents=True)
    (left / "0").write_bytes(b"")
    mix(tmp_path / "out", request)
    assert not (tmp_path / "out/.work").exists()
    (tmp_path / "other/.work/partial/mixup-a1b2c3d4").mkdir(parents=True)
    (tmp_path / "other/.work/partial/mixup-a1b2c3d4/notes.txt").write_text("mine")
    with pytest.raises(MixupError, match=r"\.work/partial/mixup-a1b2c3d4/notes\.txt is not from mixup-augment"):
        mix(tmp_path / "other", request)
