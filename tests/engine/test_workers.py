"""Worker processes of the local engine: they do the work, and neither hang nor stay behind nor load others' files."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from mixup_pipeline.run.work_folder import WorkFolder
from tests.cli.inprocess import run_augment, succeed
from tests.commands import command
from tests.reference import shard_hashes

RUN = ("--src", "mnist_sample", "--limit", "1500", "--copies", "20", "--num-shards", "4")
PROCESSES = ("--", "--direct_running_mode=multi_processing", "--direct_num_workers=2")


def started(out: Path, folder: Path | None = None) -> "subprocess.Popen[str]":
    """The run in two processes, begun in a folder and behind a proxy that is not there."""
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "grpc_proxy"), "http://127.0.0.1:9")
    given = command("mixup-augment", *RUN, "--out", out, *PROCESSES)
    return subprocess.Popen(given, cwd=folder, env=os.environ | proxies, stderr=subprocess.PIPE, text=True)


def workers_of(process: "subprocess.Popen[str]") -> list[int]:
    """The process ids of its workers, once it has some."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 60
    while not (found := children.read_text().split()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return [int(worker) for worker in found]


def runs(worker: int) -> bool:
    state = Path(f"/proc/{worker}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
def test_workers_pass_by_proxies_and_by_files_of_the_current_folder(tmp_path: Path) -> None:
    for module in ("queue", "apache_beam", "mixup_pipeline", "numpy"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('a stranger')")
    process = started(tmp_path / "out", tmp_path)
    assert workers_of(process)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said
    succeed(run_augment(*RUN, "--out", tmp_path / "alone"))
    assert shard_hashes(tmp_path / "out") == shard_hashes(tmp_path / "alone")


@pytest.mark.slow
def test_a_worker_that_dies_while_it_starts_ends_the_run_with_one_line(tmp_path: Path) -> None:
    process = started(tmp_path / "out")
    os.kill(workers_of(process)[0], signal.SIGKILL)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert said.startswith("Error: a worker process ")
    assert said.endswith(": finished shards are kept: run the same command again\n")
    assert said.count("\n") == 1


@pytest.mark.slow
def test_workers_end_with_the_command_that_started_them(tmp_path: Path) -> None:
    process = started(tmp_path / "out")
    finished, deadline = WorkFolder.of(tmp_path / "out").finished, time.monotonic() + 60
    while not (finished.is_dir() and any(finished.iterdir())):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task")
    workers = [int(pid) for path in children.glob("*/children") for pid in path.read_text().split()]
    assert len(workers) == 2
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while any(map(runs, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
