"""The job of a run: its counters, and what the launcher's process knows of it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment, submit
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.engine.job import run_job
from mixup_pipeline.engine.options import pipeline_options
from mixup_pipeline.errors import EngineError, UsageError
from mixup_pipeline.run.claim import claim
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.versions import check_versions, versions
from mixup_pipeline.sources import open_source
from tests.damage import cut
from tests.datasets import Dataset


def counted(dataset: Dataset, out: Path, config: MixConfig, beam_args: Sequence[str] = ()) -> dict[str, int]:
    request = Request(source=open_source(SourceConfig(src=str(dataset.folder))), config=config)
    with claim(out, request, overwrite=False):
        return run_job(out, pipeline_options("local", beam_args))


@pytest.mark.parametrize(
    "beam_args",
    [
        (),
        pytest.param(
            ("--direct_running_mode=multi_processing", "--direct_num_workers=2"), marks=pytest.mark.slow, id="processes"
        ),
    ],
)
def test_counters_say_what_was_done(dataset: Dataset, tmp_path: Path, beam_args: Sequence[str]) -> None:
    config = MixConfig(copies=2, keep_originals=True, prob=0.5, num_shards=2)
    counters = counted(dataset, tmp_path / "out", config, beam_args)
    manifest = read_manifest(tmp_path / "out")
    examples = manifest.source.examples
    assert counters["records_indexed"] == examples
    assert counters.get("records_skipped", 0) == 0
    assert counters["examples_mixed"] == manifest.totals.mixed
    assert counters["examples_written"] == 3 * examples
    assert counters["bytes_written"] == sum(shard.bytes for shard in manifest.shards)
    assert examples <= counters["examples_decoded"] <= 3 * examples
    assert counters.get("shards_kept", 0) == 0


def test_shards_that_are_kept_are_counted_as_such(dataset: Dataset, tmp_path: Path) -> None:
    config = MixConfig(num_shards=4)
    counted(dataset, tmp_path / "out", config)
    (tmp_path / "out/manifest.json").unlink()
    shard = next(iter(sorted((tmp_path / "out").glob("*.tfrecord-*"))))
    cut(shard, 1)
    counters = counted(dataset, tmp_path / "out", config)
    assert counters["shards_kept"] == 3
    assert counters["examples_written"] == next(
        entry.examples for entry in read_manifest(tmp_path / "out").shards if entry.name == shard.name
    )


def test_bad_records_that_are_left_out_are_counted(dataset: Dataset, tmp_path: Path) -> None:
    path = next(iter(dataset.folder.glob("*.tfrecord*")))
    content = bytearray(path.read_bytes())
    content[40] ^= 1  # inside the first payload
    path.write_bytes(bytes(content))
    assert counted(dataset, tmp_path / "out", MixConfig(on_bad_record="skip"))["records_skipped"] == 1


def test_states_are_told_of_jobs_that_have_a_name_only(dataset: Dataset, tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    augment(str(dataset.folder), tmp_path / "out", on_state=lambda job, state: told.append((job, state)))
    assert told == []


def test_a_local_job_cannot_be_left_alone(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="engine local: the job ends with the command that started it"):
        submit(str(dataset.folder), tmp_path / "out", engine="local")
    assert not (tmp_path / "out").exists()


def test_versions_have_to_be_those_of_the_launcher() -> None:
    here = versions()
    check_versions(here)
    check_versions({**here, "python": here["python"].rpartition(".")[0] + ".99"})
    for library, other in (("numpy", "1.0.0"), ("mixup-pipeline", "9.9.9"), ("python", "2.7.18")):
        with pytest.raises(EngineError, match=rf"^workers have {library} \d.*, the launcher has {other[:3]}.*on both$"):
            check_versions({**here, library: other})
