"""Commit: the manifest is written only if all shards exist."""

from dataclasses import replace
from itertools import repeat
from pathlib import Path

import msgspec
import pytest

from mixup_pipeline import MixConfig, MixupError
from mixup_pipeline.dataset.quick_check import checked_manifest
from mixup_pipeline.mixing.totals import ShardTotals
from mixup_pipeline.run import commit
from mixup_pipeline.run.commit import commit_run
from mixup_pipeline.run.mix_shard import ShardInfo
from mixup_pipeline.run.notes import FinishedShard, FinishedShards
from mixup_pipeline.run.work_folder import WorkFolder
from tests.datasets import Dataset
from tests.run.test_mix_shard import mixed


@pytest.fixture
def infos(tmp_path: Path, dataset: Dataset) -> list[ShardInfo]:
    return mixed(dataset, tmp_path / "out", MixConfig(num_shards=3))


def test_the_manifest_lists_the_shards_in_order_whatever_order_they_come_in(
    tmp_path: Path, infos: list[ShardInfo]
) -> None:
    forward = commit_run(infos, tmp_path / "out")
    assert commit_run(infos[::-1], tmp_path / "out") == forward
    assert [shard.name for shard in forward.shards] == sorted(info.entry.name for info in infos)


@pytest.mark.slow
def test_more_than_100_000_shards_are_listed_by_number_and_verified(
    tmp_path: Path, infos: list[ShardInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shards are only described. Names with a sixth digit do not sort by their numbers."""
    work, count = WorkFolder.of(tmp_path / "out"), 100_001
    planned = work.load_run()
    first, *others = planned.files
    files = (replace(first, examples=count - sum(file.examples for file in others)), *others)
    run = replace(planned, num_examples=count, files=files, config=replace(planned.config, num_shards=count))
    work.save_run(run)
    names = [run.shard_name(0, shard) for shard in range(count)]
    totals = ShardTotals.of_originals(1)
    shards = [msgspec.structs.replace(infos[0].entry, name=name, examples=1, bytes=9) for name in names]
    many = [replace(infos[0], run_id=run.run_id, entry=shard, totals=totals) for shard in shards]
    monkeypatch.setattr(commit, "sizes", lambda out: dict.fromkeys(names, 9))
    note = FinishedShard(run_id=run.run_id, examples=1, bytes=9, sha256=infos[0].entry.sha256)
    monkeypatch.setattr(FinishedShards, "load_each", lambda notes, names: repeat(note, len(names)))
    commit_run(many[::-1], tmp_path / "out")
    manifest, faults = checked_manifest(tmp_path / "out")
    assert faults == []
    assert manifest is not None
    assert [shard.name for shard in manifest.shards] == names


def test_a_missing_shard_is_refused(tmp_path: Path, infos: list[ShardInfo]) -> None:
    with pytest.raises(MixupError, match="2 of 3 shards"):
        commit_run(infos[:-1], tmp_path / "out")
    assert not (tmp_path / "out/manifest.json").exists()


def test_a_doubled_or_strange_shard_is_refused(tmp_path: Path, infos: list[ShardInfo]) -> None:
    with pytest.raises(MixupError, match="4 of 3 shards"):
        commit_run([*infos, infos[0]], tmp_path / "out")
    with pytest.raises(MixupError, match="3 of 3 shards"):
        commit_run(
            [*infos[1:], replace(infos[0], entry=msgspec.structs.replace(infos[0].entry, examples=1))], tmp_path / "out"
        )


def test_a_shard_that_changed_on_disk_is_refused(tmp_path: Path, infos: list[ShardInfo]) -> None:
    path = tmp_path / "out" / infos[1].entry.name
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(MixupError, match="missing or was changed"):
        commit_run(infos, tmp_path / "out")
    path.unlink()
    with pytest.raises(MixupError, match="missing or was changed"):
        commit_run(infos, tmp_path / "out")
