"""What is looked at before a job, and how its failure is told; real engines are in tests/engines."""

import contextlib
import os
import shutil
import socket
import threading
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from mixup_pipeline import SourceConfig
from mixup_pipeline.engine import checks as engines
from mixup_pipeline.engine.checks import (
    check_engine,
    explain_failure,
    is_detached,
    reach_this_machine_directly,
    use_all_cores,
)
from mixup_pipeline.engine.flink import Cluster
from mixup_pipeline.engine.options import pipeline_options
from mixup_pipeline.errors import EngineError, UsageError
from mixup_pipeline.sources import open_source
from tests.datasets import Dataset
from tests.processes import free_port


@pytest.mark.parametrize(
    ("beam_args", "larger", "cores", "expected"),
    [
        ((), 0, 4, ("multi_processing", 4)),
        ((), 1, 4, ("in_memory", 1)),
        ((), 0, 1, ("in_memory", 1)),
        (("--direct_num_workers=3",), 0, 4, ("in_memory", 3)),
        (("--direct_running_mode=in_memory",), 0, 4, ("in_memory", 1)),
    ],
    ids=["large", "small", "one core", "own number", "own mode"],
)
def test_processes_for_a_large_source(
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    beam_args: Sequence[str],
    larger: int,
    cores: int,
    expected: tuple[str, int],
) -> None:
    size = sum(path.stat().st_size for path in dataset.folder.glob("*.tfrecord*"))
    monkeypatch.setattr(engines, "LARGE_SOURCE_BYTES", size + larger)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    options = pipeline_options("local", beam_args)
    use_all_cores(options, open_source(SourceConfig(src=str(dataset.folder))), 1, beam_args)
    given = options.get_all_options()
    assert (given["direct_running_mode"], given["direct_num_workers"]) == expected


@pytest.mark.parametrize(("copies", "mode"), [(1, "in_memory"), (2, "in_memory"), (3, "multi_processing")])
def test_photographs_are_a_large_source_sooner(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, copies: int, mode: str
) -> None:
    size = sum(path.stat().st_size for path in dataset.folder.glob("*.tfrecord*"))
    monkeypatch.setattr(engines, "LARGE_SOURCE_BYTES", 3 * size)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    options = pipeline_options("local", ())
    use_all_cores(options, open_source(SourceConfig(src=str(dataset.folder), image_size="8")), copies, ())
    assert options.get_all_options()["direct_running_mode"] == mode


@pytest.mark.parametrize(
    ("engine", "beam_args", "detached"),
    [
        ("local", (), False),
        ("prism", (), False),
        ("flink", (), False),
        ("flink", ("--flink_master=[auto]",), False),
        ("flink", ("--flink_master=host:8081", "--environment_type=DOCKER"), True),
    ],
)
def test_which_jobs_go_on_alone(engine: str, beam_args: Sequence[str], detached: bool) -> None:
    assert is_detached(pipeline_options(engine, beam_args)) is detached


@pytest.mark.parametrize(
    ("engine", "option", "kind", "words"),
    [
        ("prism", "--prism_location=/no/prism", UsageError, "--prism_location=/no/prism: no such file: build it"),
        ("flink", "--flink_job_server_jar=/no.jar", UsageError, "--flink_job_server_jar=/no.jar: no such file"),
        ("prism", f"--prism_location={__file__}", UsageError, "is not a program: build one"),
        ("prism", "--environment_type=EXTERNAL", UsageError, "--environment_config=HOST:PORT is needed"),
        ("prism", "--environment_type=NO", UsageError, "one of DOCKER, PROCESS, EXTERNAL, LOOPBACK, got 'NO'"),
        ("prism", "--environment_type=PROCESS", UsageError, "process_command is required"),
        ("prism", "--job_endpoint=here", UsageError, "--job_endpoint=HOST:PORT is needed"),
        ("prism", "--job_endpoint=here:99999", UsageError, "--job_endpoint=HOST:PORT is needed"),
        ("prism", "--job_endpoint=localhost:1", EngineError, "no job server listens there"),
    ],
)
def test_programs_that_are_missing(engine: str, option: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        check_engine(pipeline_options(engine, [option]))


@pytest.mark.parametrize(
    ("master", "refused"), [("localhost:8081", True), ("http://127.0.0.1:8081", True), ("far.example:8081", False)]
)
def test_a_worker_pool_is_looked_for_only_where_the_engine_is_here(
    monkeypatch: pytest.MonkeyPatch, master: str, refused: bool
) -> None:
    monkeypatch.setattr(Cluster, "check", lambda cluster: None)
    monkeypatch.setattr(shutil, "which", lambda program: program)
    pool = ("--environment_type=EXTERNAL", f"--environment_config=localhost:{free_port()}")
    options = pipeline_options("flink", [f"--flink_master={master}", *pool])
    with pytest.raises(EngineError, match="no worker pool listens") if refused else contextlib.nullcontext():
        check_engine(options)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("prism worker[job-001] didn't get control connection to localhost:1 after 1m0s", "no Python worker started"),
        (
            "RuntimeError: Unable to fetch remote prism binary at https://a/b.zip: <urlopen error>",
            r"cannot download the engine's program \(Unable to fetch .* at https://a/b.zip\): build it",
        ),
        ("Pipeline x failed in state CANCELLED: gone", "the job was cancelled: finished shards are kept"),
        ("java.util.concurrent.CancellationException", "the job was cancelled"),
        (
            "RuntimeError: java.lang.Exception: outer\nCaused by: a.B: middle\nCaused by: c.D: no slots\n"
            "JobExecutionException",
            r"the engine gave up \(c.D: no slots\)",
        ),
    ],
)
def test_failures_are_told_in_one_line(failure: str, words: str) -> None:
    error = explain_failure(failure, pipeline_options("prism", ["--environment_config=localhost:1"]))
    assert isinstance(error, EngineError)
    assert len(str(error).splitlines()) == 1
    with pytest.raises(EngineError, match=words):
        raise error


def test_what_speaks_another_language_is_no_flink() -> None:
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"SSH-2.0-Server\r\n")
                connection.recv(1000)

        threading.Thread(target=greet, daemon=True).start()
        for master in (f"localhost:{port}", "my host:8081"):
            with pytest.raises(EngineError, match="what answers there is not Flink"):
                check_engine(pipeline_options("flink", [f"--flink_master={master}", "--environment_type=DOCKER"]))


@pytest.mark.parametrize("address", ["localhost:70000", "localhost:0", "http://a:many", ":8081", "[::1", "a:-1"])
def test_what_is_no_address_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: program)
    with pytest.raises(
        UsageError, match=r"--flink_master must be \[local\], \[auto\] or HOST:PORT .* 1 to 65,535, got"
    ):
        check_engine(pipeline_options("flink", [f"--flink_master={address}", "--environment_type=DOCKER"]))
    with pytest.raises(UsageError, match="--artifact_endpoint=HOST:PORT is needed"):
        check_engine(pipeline_options("spark", ["--artifact_endpoint=localhost:70000"]))


def test_what_is_not_known_is_not_explained(tmp_path: Path) -> None:
    assert explain_failure(f"ValueError: {tmp_path}", pipeline_options("local", [])) is None


LOOPBACK = ["127.0.0.1", "::1", "[::1]", "localhost"]


@pytest.mark.parametrize(
    ("given", "hosts", "grpc"),
    [
        ({}, LOOPBACK, LOOPBACK),
        ({"no_proxy": "inside,localhost"}, [*LOOPBACK[:3], "inside", "localhost"], ["inside"]),
        ({"NO_PROXY": "inside"}, ["inside"], ["inside"]),
        ({"no_proxy": "*"}, ["*"], []),
        ({"NO_PROXY": "*"}, ["*"], []),
        ({"no_proxy": "inside", "no_grpc_proxy": "other"}, ["inside"], ["other"]),
    ],
)
def test_nothing_for_this_machine_goes_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], hosts: list[str], grpc: list[str]
) -> None:
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    for _ in range(2):
        reach_this_machine_directly()
        known = os.environ.get("no_proxy") or os.environ["NO_PROXY"]
        assert set(known.split(",")) == ({"*"} if hosts == ["*"] else {*hosts, *LOOPBACK})
        assert set(os.environ[engines._GRPC].split(",")) == {*grpc, *LOOPBACK}
        assert urllib.request.proxy_bypass("localhost")
        assert bool(urllib.request.proxy_bypass("inside")) == ("inside" in hosts or hosts == ["*"])
