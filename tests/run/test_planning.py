"""Planning: what it keeps open and leaves behind."""

import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline import MixConfig, MixupError, SourceConfig
from mixup_pipeline.errors import SizesError, SourceError
from mixup_pipeline.launch import estimate
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources import open_source
from tests.datasets import Dataset, example, png, write_records
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


def write_images(folder: Path, *sides: list[int]) -> SourceConfig:
    """A file for each list: images that are as high and wide as it says; 0: no image."""
    folder.mkdir()
    for number, of_file in enumerate(sides):
        images = [png(np.zeros((side, side, 3), np.uint8)) if side else b"<html>" for side in of_file]
        records = [example({"image": image, "label": 0}) for image in images]
        write_records(folder / f"train-{number:05d}-of-{len(sides):05d}", records)
    return SourceConfig(src=f"{folder}/train-*", num_classes=2)


@pytest.mark.parametrize("on_bad_record", ["fail", "skip"])
@pytest.mark.parametrize(
    ("limit", "counted"),
    [(1, {(4, 4): 1}), (3, {(4, 4): 3}), (4, {(4, 4): 3, (5, 5): 1}), (None, {(4, 4): 3, (5, 5): 2})],
)
def test_the_census_is_that_of_the_examples_which_the_limit_leaves(
    tmp_path: Path, limit: int | None, counted: dict[tuple[int, int], int], on_bad_record: str
) -> None:
    config = replace(write_images(tmp_path / "data", [4, 4, 4], [5, 5]), image_size="6")
    run = estimate(config, MixConfig(limit=limit, on_bad_record=on_bad_record)).run
    census = run.source.census
    assert census is not None
    assert run.num_examples == sum(counted.values()) == sum(census.formats.values())
    assert (census.sizes, census.smallest, census.largest) == (len(counted), min(counted), max(counted))


def test_sizes_beyond_the_limit_do_not_matter(tmp_path: Path) -> None:
    config = write_images(tmp_path / "data", [4, 4, 4], [5, 5])
    assert estimate(config, MixConfig(limit=3)).run.shape == (4, 4, 3)
    with pytest.raises(SizesError, match="2 sizes"):
        estimate(config, MixConfig(limit=4))


def test_a_source_without_a_usable_record_is_refused_with_the_reasons(tmp_path: Path) -> None:
    config = write_images(tmp_path / "data", [0, 0], [0])
    with pytest.raises(SourceError, match=r"nothing to mix: the image is none of JPEG.* \(3\)$"):
        estimate(config, MixConfig(on_bad_record="skip"))
