"""A Flink cluster that loses machines, is interrupted, is left alone, or is not what the user thinks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, augment
from mixup_pipeline.dataset.manifest import MANIFEST_NAME
from tests.cli.inprocess import error_of, run_augment
from tests.commands import command, run, succeed
from tests.processes import free_port
from tests.real_engines.clusters import HAS_FLINK, NO_FLINK, FlinkCluster, worker_pool
from tests.reference import shard_hashes

pytestmark = pytest.mark.skipif(not HAS_FLINK, reason=NO_FLINK)

MANY = ("--copies", "6", "--num-shards", "40")
"""Shards enough that some are finished while others are not."""
FEW = ("--copies", "2", "--num-shards", "4")
"""For runs that nothing disturbs."""


def on(cluster: FlinkCluster, workers: tuple[str, ...]) -> tuple[str, ...]:
    return ("--engine", "flink", "--", *cluster.options, *workers)


def begin(src: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    """The command, once some shards are finished."""
    process = subprocess.Popen(
        command("mixup-augment", "--src", src, "--out", out, *MANY, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait(lambda: any(out.glob("*.tfrecord-*")) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


def wait(true: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def states(cluster: FlinkCluster) -> list[str]:
    """Of all jobs, the newest last."""
    jobs = cluster.ask("jobs/overview")["jobs"]
    assert isinstance(jobs, list)
    return [job["state"] for job in sorted(jobs, key=lambda job: job["start-time"])]


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(child) for child in found.split()]


@pytest.fixture(scope="module")
def expected(large: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The hash of every shard, as the local engine makes them."""
    out = tmp_path_factory.mktemp("local") / "out"
    augment(str(large), out, MixConfig(copies=6, num_shards=40))
    return shard_hashes(out)


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[tuple[FlinkCluster, subprocess.Popen[bytes]]]:
    """A cluster whose task manager may be killed."""
    made = FlinkCluster(tmp_path)
    with made.job_manager() as jobs, made.task_manager() as tasks:
        made.wait_for_slots(jobs)
        yield made, tasks


def test_a_killed_task_manager_costs_time_only_and_states_are_told(
    large: Path,
    tmp_path: Path,
    workers: tuple[str, str],
    own_cluster: tuple[FlinkCluster, subprocess.Popen[bytes]],
    expected: dict[str, str],
) -> None:
    cluster, tasks = own_cluster
    process = begin(large, tmp_path / "out", *on(cluster, workers))
    tasks.kill()
    with cluster.task_manager():
        printed, complaint = process.communicate(timeout=200)
    assert process.returncode == 0, complaint
    assert shard_hashes(tmp_path / "out") == expected
    assert states(cluster) == ["FINISHED"]
    assert "kept from an earlier run" in printed
    told = [line.split() for line in complaint.splitlines() if line.startswith("BeamApp-")]
    assert len({job for job, _ in told}) == 1
    assert "running" in [state for _, state in told]
    assert told[-1][1] == "done"


def test_killed_python_workers_cost_time_only(
    large: Path, tmp_path: Path, cluster: FlinkCluster, expected: dict[str, str]
) -> None:
    with worker_pool(tmp_path / "log") as address:
        pool = int(subprocess.check_output(["pgrep", "-f", f"service_port={address.partition(':')[2]}"]).split()[0])
        beam = ("--environment_type=EXTERNAL", f"--environment_config={address}")
        process = begin(large, tmp_path / "out", *on(cluster, beam))
        killed = children(pool)
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        _, complaint = process.communicate(timeout=200)
    assert killed
    if process.returncode:  # the engine may give up; then the same command goes on
        assert complaint.splitlines()[-1].startswith("Error: ")
        with worker_pool(tmp_path / "log2") as address:
            beam = ("--environment_type=EXTERNAL", f"--environment_config={address}")
            succeed("mixup-augment", "--src", large, "--out", tmp_path / "out", *MANY, *on(cluster, beam))
    assert shard_hashes(tmp_path / "out") == expected


def test_an_interrupt_cancels_the_job(
    large: Path, tmp_path: Path, workers: tuple[str, str], cluster: FlinkCluster
) -> None:
    """By SIGTERM; tests/run/test_resume.py shows that Ctrl-C does the same."""
    process = begin(large, tmp_path / "out", *on(cluster, workers))
    servers = children(process.pid)
    process.send_signal(signal.SIGTERM)
    printed, complaint = process.communicate(timeout=60)
    assert (process.returncode, printed) == (1, "")
    assert complaint.splitlines()[-1].startswith("Stopped. Finished shards are kept")
    assert "Traceback" not in complaint
    wait(lambda: states(cluster)[-1] == "CANCELED")
    assert servers
    wait(lambda: not any(Path(f"/proc/{server}").exists() for server in servers))


def test_a_job_cancelled_on_the_cluster_ends_the_command(
    large: Path, tmp_path: Path, workers: tuple[str, str], cluster: FlinkCluster, expected: dict[str, str]
) -> None:
    process = begin(large, tmp_path / "out", *on(cluster, workers))
    jobs = cluster.ask("jobs/overview")["jobs"]
    assert isinstance(jobs, list)
    (job,) = (job["jid"] for job in jobs if job["state"] == "RUNNING")
    cluster.cancel(job)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Error: the job was cancelled: finished shards are kept: run the same command again" in complaint
    printed = succeed("mixup-augment", "--src", large, "--out", tmp_path / "out", *MANY)
    assert "kept from an earlier run" in printed
    assert shard_hashes(tmp_path / "out") == expected


def test_a_job_that_is_not_waited_for(
    large: Path, tmp_path: Path, workers: tuple[str, str], cluster: FlinkCluster
) -> None:
    out = tmp_path / "out"
    printed = succeed("mixup-augment", "--src", large, "--out", out, *FEW, "--no-wait", *on(cluster, workers))
    assert printed.startswith("Submitted ")
    assert f"the folder is a dataset once {out / MANIFEST_NAME} exists" in printed
    wait(lambda: states(cluster)[-1] == "FINISHED")
    augment(str(large), tmp_path / "local", MixConfig(copies=2, num_shards=4))
    assert shard_hashes(out) == shard_hashes(tmp_path / "local")
    assert not (out / ".work").exists()


def test_workers_of_another_version_are_refused(large: Path, tmp_path: Path, cluster: FlinkCluster) -> None:
    other = tmp_path / "site/mixup_pipeline-9.9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: mixup-pipeline\nVersion: 9.9.9\n")
    with worker_pool(tmp_path / "log", {"PYTHONPATH": str(other.parent), "PYTHONSAFEPATH": "1"}) as address:
        beam = ("--environment_type=EXTERNAL", f"--environment_config={address}")
        done = run("mixup-augment", "--src", large, "--out", tmp_path / "out", *on(cluster, beam))
    assert done.returncode == 1
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("Error: "))
    assert line.startswith(
        "Error: workers have mixup-pipeline 9.9.9, the launcher has 0.1.0, so their bytes could differ"
    )


def test_what_users_get_wrong(large: Path, tmp_path: Path, cluster: FlinkCluster) -> None:
    nobody, wrong_jar = f"localhost:{free_port()}", tmp_path / "wrong.jar"
    wrong_jar.write_bytes(b"PK")
    pool = ("--environment_type=EXTERNAL", f"--environment_config={nobody}")
    master = f"--flink_master={cluster.address}"
    for options, code, words in (
        ((f"--flink_master={nobody}", *pool), 1, f"--flink_master={nobody}: no Flink answers there"),
        ((master, *pool), 1, f"--environment_config={nobody}: no worker pool listens there: start one"),
        ((master, pool[0]), 2, "--environment_config=HOST:PORT is needed"),
        ((master,), 2, "so say where Python workers with mixup-pipeline run"),
        ((master, *pool, f"--flink_job_server_jar={wrong_jar}"), 2, f"{wrong_jar} is not a Flink job server of Beam"),
        ((master, *pool, "--flink_job_server_jar=/no.jar"), 2, "--flink_job_server_jar=/no.jar: no such file"),
    ):
        done = run_augment("--src", large, "--out", tmp_path / "out", "--engine", "flink", "--", *options)
        assert words in error_of(done, code)
        assert not (tmp_path / "out").exists()


def test_no_java(large: Path, tmp_path: Path) -> None:
    env = {"PATH": str(Path(sys.executable).parent)}
    done = run("mixup-augment", "--src", large, "--out", tmp_path / "out", "--engine", "flink", env=env)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: --engine flink needs Java")


def test_local_jobs_have_to_be_waited_for(large: Path, tmp_path: Path) -> None:
    for engine in ("local", "flink", "prism"):
        line = error_of(run_augment("--src", large, "--out", tmp_path / "out", "--engine", engine, "--no-wait"), 2)
        assert f"engine {engine}: the job ends with the command that started it" in line
        assert not (tmp_path / "out").exists()
