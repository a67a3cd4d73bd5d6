"""Replacing a dataset with --overwrite: the old one stays until the new one is complete."""

import contextlib
from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, MixupError, SourceConfig, augment
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.run.claim import claim
from mixup_pipeline.run.commit import commit_run
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.mix_shard import ShardInfo, ShardMixer
from mixup_pipeline.run.planning import plan_run
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources import open_source
from tests.damage import read_payloads, replace_record
from tests.datasets import Dataset, example, write_records
from tests.reference import folder_bytes

OLD, NEW = MixConfig(copies=3), MixConfig(num_shards=2, seed=1)


@pytest.fixture
def out(tmp_path: Path, dataset: Dataset) -> Path:
    """A finished dataset, whose shards share no name with those of `NEW`."""
    augment(str(dataset.folder), tmp_path / "out", OLD)
    return tmp_path / "out"


@pytest.fixture
def new(tmp_path: Path, dataset: Dataset) -> dict[str, bytes]:
    """What replaces it."""
    augment(str(dataset.folder), tmp_path / "new", NEW)
    return folder_bytes(tmp_path / "new")


def mix_all(out: Path, request: Request) -> list[ShardInfo]:
    """All steps but the last."""
    work = WorkFolder.of(out)
    files = [index_file(file, request.source.spec, request.config, work) for file in request.source.files]
    tasks = plan_run(request, files, out)
    return [info for task in tasks for info in ShardMixer(out).mix_shard(task)]


def stop_before_the_commit(out: Path, request: Request) -> None:
    """All steps but the last, under a claim that Ctrl-C ends."""
    with contextlib.suppress(KeyboardInterrupt), claim(out, request, overwrite=True):
        mix_all(out, request)
        raise KeyboardInterrupt


@pytest.mark.parametrize("config", [NEW, MixConfig(copies=3, seed=5), OLD], ids=["others", "equal names", "the same"])
def test_the_old_files_stay_until_the_commit(tmp_path: Path, dataset: Dataset, out: Path, config: MixConfig) -> None:
    before = folder_bytes(out)
    augment(str(dataset.folder), tmp_path / "new", config)
    request = Request(source=open_source(SourceConfig(src=str(dataset.folder))), config=config)
    with claim(out, request, overwrite=True):
        infos = mix_all(out, request)
        assert folder_bytes(out) == before
        assert verify(out).faults == []
        commit_run(infos, out)
        assert folder_bytes(out) == folder_bytes(tmp_path / "new")
        commit_run(infos, out)  # an engine may lose the first result
        assert folder_bytes(out) == folder_bytes(tmp_path / "new")


def test_a_source_that_fails_while_it_is_mixed_leaves_the_old_dataset_as_it_was(
    tmp_path: Path, out: Path, new: dict[str, bytes]
) -> None:
    before = folder_bytes(out)
    bad = write_records(tmp_path / "bad.tfrecord", [example({"image": b"\x89PNG\r\n\x1a\n broken", "label": 0})] * 4)
    with pytest.raises(MixupError, match="record 0"):
        augment(SourceConfig(src=str(bad), num_classes=2), out, overwrite=True)
    assert folder_bytes(out) == before
    assert not (out / ".work").exists()


def test_a_stopped_replacement_goes_on_and_keeps_what_is_staged(
    dataset: Dataset, out: Path, new: dict[str, bytes]
) -> None:
    request = Request(source=open_source(SourceConfig(src=str(dataset.folder))), config=NEW)
    stop_before_the_commit(out, request)
    with pytest.raises(MixupError, match="use --overwrite to replace it"):
        augment(str(dataset.folder), out, NEW)
    assert augment(str(dataset.folder), out, NEW, overwrite=True).kept_shards == 2
    assert folder_bytes(out) == new


def test_the_old_run_can_take_its_folder_back(dataset: Dataset, out: Path) -> None:
    before = folder_bytes(out)
    request = Request(source=open_source(SourceConfig(src=str(dataset.folder))), config=NEW)
    stop_before_the_commit(out, request)
    assert augment(str(dataset.folder), out, OLD).kept_shards == 3
    assert folder_bytes(out) == before


def test_an_old_shard_of_equal_name_and_size_is_not_taken_for_a_new_one(dataset: Dataset, out: Path) -> None:
    config = MixConfig(copies=3, seed=5)
    request = Request(source=open_source(SourceConfig(src=str(dataset.folder))), config=config)
    with claim(out, request, overwrite=True):
        infos = mix_all(out, request)
        WorkFolder.of(out).staged.joinpath(infos[0].entry.name).unlink()
        with pytest.raises(MixupError, match="is missing or was changed"):
            commit_run(infos, out)


# A source that changes while it is mixed


def exchange_payload(path: Path, record: int) -> None:
    """Put another record of equal length there with a right CRC, so that the file is a sound one of equal size."""
    payload = bytearray(read_payloads(path)[record])
    payload[-1] ^= 1
    replace_record(path, record, bytes(payload))


@pytest.mark.parametrize("when", ["before mixing", "before the commit"])
def test_a_file_exchanged_during_the_run_is_noticed(tmp_path: Path, dataset: Dataset, when: str) -> None:
    out = tmp_path / "out"
    request = Request(source=open_source(SourceConfig(src=str(dataset.folder))), config=MixConfig())
    with claim(out, request, overwrite=False):
        work = WorkFolder.of(out)
        files = [index_file(file, request.source.spec, request.config, work) for file in request.source.files]
        tasks = plan_run(request, files, out)
        infos = []
        if when == "before the commit":
            infos = [info for task in tasks for info in ShardMixer(out).mix_shard(task)]
        exchange_payload(dataset.files[0], 1)
        with pytest.raises(MixupError, match="changed"):
            commit_run(infos or [info for task in tasks for info in ShardMixer(out).mix_shard(task)], out)
    assert not (out / "manifest.json").exists()


def test_a_file_that_was_only_touched_is_compared_by_its_content(tmp_path: Path, dataset: Dataset) -> None:
    out = tmp_path / "out"
    request = Request(source=open_source(SourceConfig(src=str(dataset.folder))), config=MixConfig())
    with claim(out, request, overwrite=False):
        infos = mix_all(out, request)
        dataset.files[0].write_bytes(dataset.files[0].read_bytes())
        assert commit_run(infos, out).totals.examples > 0


def test_a_file_that_is_gone_before_the_commit_is_named(tmp_path: Path, dataset: Dataset) -> None:
    out = tmp_path / "out"
    request = Request(source=open_source(SourceConfig(src=str(dataset.folder))), config=MixConfig())
    with claim(out, request, overwrite=False):
        infos = mix_all(out, request)
        dataset.files[0].rename(tmp_path / "elsewhere")
        with pytest.raises(MixupError, match=r"-00000-of-00002: was removed during the run"):
            commit_run(infos, out)


# Two runs in one folder


def test_a_run_that_lost_its_folder_writes_no_shard_and_no_manifest(tmp_path: Path, dataset: Dataset) -> None:
    out, source = tmp_path / "out", open_source(SourceConfig(src=str(dataset.folder)))
    first, second = (Request(source=source, config=MixConfig(seed=seed)) for seed in (0, 1))
    with claim(out, first, overwrite=False):
        infos = mix_all(out, first)
        mixer = ShardMixer(out)
        mixer.run  # noqa: B018 (it is read once)
        tasks = plan_run(first, list(mixer.run.files), out)
    with claim(out, second, overwrite=True):
        others = mix_all(out, second)
        for path in out.glob("*.tfrecord-*"):
            path.unlink()
        with pytest.raises(MixupError, match="another mixup-augment has taken this folder"):
            list(mixer.mix_shard(tasks[0]))
        with pytest.raises(MixupError, match="another run has written it meanwhile"):
            commit_run(infos, out)
        assert [path.name for path in out.iterdir()] == [".work"]
        commit_run(others, out)
