"""Interrupted runs: no manifest, no partial shards, and the same command then writes the same bytes."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, MixupError, augment
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.run.claim import claim
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources import open_source
from tests.cli.inprocess import error_of, run_augment, run_verify, succeed
from tests.commands import command, run
from tests.datasets import Dataset, write_tfds
from tests.reference import shard_hashes

RUN = ("--src", "mnist_sample", "--limit", "3000", "--copies", "12", "--num-shards", "3", "--pairing", "cross-class")


def stop_half_way(out: Path, how: signal.Signals) -> tuple[int, str]:
    """Start a run and send it a signal after a few of its 36 shards are finished.

    Returns its exit code and its output.
    """
    process = subprocess.Popen(command("mixup-augment", *RUN, "--out", out), stderr=subprocess.PIPE, text=True)
    finished = WorkFolder.of(out).finished
    deadline = time.monotonic() + 60
    while len(list(finished.glob("*.json")) if finished.is_dir() else []) < 4:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(how)
    last_words = process.communicate(timeout=30)[1]
    return process.returncode, last_words


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run without an interruption."""
    out = tmp_path_factory.mktemp("whole") / "out"
    succeed(run_augment(*RUN, "--out", out))
    return out


@pytest.mark.slow
def test_a_killed_run_leaves_no_manifest_and_resumes_to_the_same_bytes(tmp_path: Path, whole: Path) -> None:
    out = tmp_path / "out"
    stop_half_way(out, signal.SIGKILL)
    assert not (out / "manifest.json").exists()
    kept = {path.name: path.stat().st_mtime_ns for path in out.glob("*.tfrecord-*")}
    assert 4 <= len(kept) < 36
    error_of(run_verify(out), 1)

    assert "--overwrite" in error_of(run_augment(*RUN, "--seed", "1", "--out", out), 1)
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("*.tfrecord-*")} == kept

    printed = succeed(run_augment(*RUN, "--out", out))
    assert "kept from an earlier run" in printed
    assert (out / "manifest.json").read_bytes() == (whole / "manifest.json").read_bytes()
    assert all((out / name).stat().st_mtime_ns == written for name, written in list(kept.items())[:3])
    assert not (out / ".work").exists()
    succeed(run_verify(out, "--against", "mnist_sample", "--sample", "100"))


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_at_once_and_says_how_to_resume(tmp_path: Path, how: signal.Signals) -> None:
    code, last_words = stop_half_way(tmp_path / "out", how)
    assert code == 1
    assert "run the same command again" in last_words
    assert not (tmp_path / "out/manifest.json").exists()


def test_a_finished_run_is_checked_and_left_alone(tmp_path: Path, whole: Path) -> None:
    shutil.copytree(whole, tmp_path / "out")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.tfrecord-*")}
    assert "already holds this run" in succeed(run_augment(*RUN, "--out", tmp_path / "out"))
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.tfrecord-*")} == before


def test_damaged_and_missing_shards_of_a_finished_run_are_made_again(tmp_path: Path, whole: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    first, second, *_ = sorted(out.glob("*.tfrecord-*"))
    first.unlink()
    damaged = bytearray(second.read_bytes())
    damaged[1000] ^= 1
    second.write_bytes(damaged)
    assert "34 of them kept" in succeed(run_augment(*RUN, "--out", out))
    assert shard_hashes(out) == shard_hashes(whole)
    succeed(run_verify(out))


def test_overwrite_replaces_another_run(tmp_path: Path, dataset: Dataset) -> None:
    augment(str(dataset.folder), tmp_path / "out", MixConfig(copies=3))
    with pytest.raises(MixupError, match="--overwrite"):
        augment(str(dataset.folder), tmp_path / "out")
    assert not (tmp_path / "out/.work").exists()
    augment(str(dataset.folder), tmp_path / "out", overwrite=True)
    assert len(list((tmp_path / "out").glob("*.tfrecord-*"))) == 1
    succeed(run_verify(tmp_path / "out"))


def test_a_source_that_changed_is_another_run(tmp_path: Path, dataset: Dataset) -> None:
    augment(str(dataset.folder), tmp_path / "out")
    before = shard_hashes(tmp_path / "out")
    write_tfds(dataset.folder, num_files=2, seed=1)
    with pytest.raises(MixupError, match="source has changed"):
        augment(str(dataset.folder), tmp_path / "out")
    assert shard_hashes(tmp_path / "out") == before


def test_a_failed_run_without_shards_does_not_block_another(tmp_path: Path, dataset: Dataset) -> None:
    with pytest.raises(MixupError, match="num-shards"):
        augment(str(dataset.folder), tmp_path / "out", MixConfig(num_shards=41))
    augment(str(dataset.folder), tmp_path / "out", MixConfig(num_shards=40))


@pytest.mark.slow
def test_two_runs_into_one_folder_the_second_is_refused(tmp_path: Path, dataset: Dataset) -> None:
    request = Request(source=open_source(SourceConfig(src=str(dataset.folder))), config=MixConfig())
    with claim(tmp_path / "out", request, overwrite=False):
        second = run("mixup-augment", "--src", dataset.folder, "--out", tmp_path / "out")
    assert second.returncode == 1
    assert "another mixup-augment is writing here" in second.stderr
