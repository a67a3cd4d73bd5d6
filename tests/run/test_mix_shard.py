"""One shard: its bytes do not depend on how examples are gathered, and memory is bounded."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig
from mixup_pipeline.mixing.draw import Draw
from mixup_pipeline.mixing.slots import ShardTask
from mixup_pipeline.run import sharding as plan
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.mix_shard import Gathered, ShardInfo, ShardMixer
from mixup_pipeline.run.notes import FinishedShard
from mixup_pipeline.run.planning import plan_run
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.run import Run
from mixup_pipeline.run.slots import PARTNER, SlotEntries
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.index import ENTRY
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.range_reader import RangeReader
from tests.datasets import Dataset


def planned(dataset: Dataset, out: Path, config: MixConfig) -> list[ShardTask]:
    """Plan a run without Beam, and return its tasks."""
    request = Request(source=open_source(SourceConfig(src=str(dataset.folder))), config=config)
    out.mkdir()
    work = WorkFolder.of(out)
    work.create()
    work.save_request(request)
    files = [index_file(file, request.source.spec, config, work) for file in request.source.files]
    return plan_run(request, files, out)


def mixed(dataset: Dataset, out: Path, config: MixConfig) -> list[ShardInfo]:
    mixer = ShardMixer(out)
    return [info for task in planned(dataset, out, config) for info in mixer.mix_shard(task)]


@pytest.mark.parametrize("pairing", ["any", "within-class", "cross-class"])
@pytest.mark.parametrize(
    ("gather_bytes", "passes_together"), [(1 << 20, 64), (1 << 20, 2), (900, 64), (100, 64), (1, 64)]
)
def test_bytes_do_not_depend_on_what_is_gathered_together(
    tmp_path: Path,
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    pairing: str,
    gather_bytes: int,
    passes_together: int,
) -> None:
    config = MixConfig(copies=4, keep_originals=True, num_shards=3, pairing=pairing)
    wanted = {info.entry.name: info.entry.sha256 for info in mixed(dataset, tmp_path / "wanted", config)}
    monkeypatch.setattr(plan, "GATHER_BYTES", gather_bytes)
    monkeypatch.setattr(plan, "TOGETHER_BYTES", gather_bytes)
    monkeypatch.setattr(plan, "PASSES_TOGETHER", passes_together)
    assert {info.entry.name: info.entry.sha256 for info in mixed(dataset, tmp_path / "out", config)} == wanted


def test_no_more_is_gathered_than_allowed(tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    gather, seen = ShardMixer._gather, []

    def noting_gather(mixer: ShardMixer, draws: list[Draw], entries: SlotEntries) -> Gathered:
        seen.append(gather(mixer, draws, entries))
        return seen[-1]

    monkeypatch.setattr(plan, "GATHER_BYTES", 300)  # ten examples of 30 bytes
    monkeypatch.setattr(plan, "TOGETHER_BYTES", 300)
    monkeypatch.setattr(ShardMixer, "_gather", noting_gather)
    mixed(dataset, tmp_path / "out", MixConfig(copies=2))
    assert max(len(gathered.slots) for gathered in seen) == 10


def test_draws_of_a_pass_are_the_same_from_any_shard(tmp_path: Path, dataset: Dataset) -> None:
    found = []
    for num_shards in (1, 7):
        out = tmp_path / str(num_shards)
        tasks = planned(dataset, out, MixConfig(num_shards=num_shards, prob=0.7))
        mixer = ShardMixer(out)
        draws = [mixer.draw(0, task, mixer.bases(task))[0] for task in tasks]
        rows = np.concatenate([np.stack([draw.base, draw.partner, draw.lam], axis=1) for draw in draws])
        found.append(rows[np.argsort(rows[:, 0])])
    np.testing.assert_array_equal(found[0], found[1])


def test_a_finished_shard_is_kept_and_a_changed_one_is_made_again(tmp_path: Path, dataset: Dataset) -> None:
    tasks = planned(dataset, tmp_path / "out", MixConfig(num_shards=2))
    first = [info for task in tasks for info in ShardMixer(tmp_path / "out").mix_shard(task)]
    assert [info.kept for info in first] == [False, False]
    damaged = tmp_path / "out" / first[0].entry.name
    damaged.write_bytes(damaged.read_bytes()[:-1])
    second = [info for task in tasks for info in ShardMixer(tmp_path / "out").mix_shard(task)]
    assert [info.kept for info in second] == [False, True]
    assert [info.entry.sha256 for info in second] == [info.entry.sha256 for info in first]


def test_a_shard_of_another_run_is_made_again(tmp_path: Path, dataset: Dataset) -> None:
    """Its bytes are those of its note, so only the run id tells."""
    out = tmp_path / "out"
    tasks = planned(dataset, out, MixConfig(num_shards=2))
    wanted = [info.entry.sha256 for task in tasks for info in ShardMixer(out).mix_shard(task)]
    other = next(out.glob("*-00000-of-00002"))
    other.write_bytes(b"of another run")
    note = FinishedShard(run_id="0" * 64, examples=20, bytes=14, sha256=hashlib.sha256(b"of another run").hexdigest())
    WorkFolder.of(out).shards.save(other.name, note)
    again = [info for task in tasks for info in ShardMixer(out).mix_shard(task)]
    assert [info.kept for info in again] == [False, True]
    assert [info.entry.sha256 for info in again] == wanted


@pytest.mark.parametrize("num_examples", [2_000, 200_000])
def test_a_shard_reads_its_own_range_of_the_plan_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_examples: int
) -> None:
    config = MixConfig(copies=2, num_shards=10)
    spec = ExampleSpec(input_key="image", label_key="label", encoding="raw", shape=(1, 1, 1), num_classes=3)
    work = WorkFolder.of(tmp_path)
    work.create()
    work.save_run(
        Run(
            name="name",
            split="train",
            config=config,
            spec=spec,
            shape=(1, 1, 1),
            num_examples=num_examples,
            class_names=None,
            files=(),
        )
    )
    slots = np.zeros(num_examples, ENTRY)
    slots["record"] = np.arange(num_examples)
    work.save_slots(slots)
    for copy in range(config.copies):
        work.save_partners(copy, np.roll(np.arange(num_examples), -copy - 1), slots)
    read, requests = RangeReader.read, Counter[str]()

    def counting_read(ranges: RangeReader, length: int, offset: int) -> bytes:
        requests[ranges.path.name] += length
        return read(ranges, length, offset)

    monkeypatch.setattr(RangeReader, "read", counting_read)
    mixer, task = ShardMixer(tmp_path), ShardTask(shard=1, start=200, stop=300)
    entries = mixer.bases(task)
    for copy in range(config.copies):
        draw, entries = mixer.draw(copy, task, entries)
        np.testing.assert_array_equal(draw.partner, draw.base + copy + 1)
    assert entries.entries["record"].tolist() == list(range(200, 302))
    assert requests == {
        "slots": 100 * ENTRY.itemsize,
        "partners-00000": 100 * PARTNER.itemsize,
        "partners-00001": 100 * PARTNER.itemsize,
    }
