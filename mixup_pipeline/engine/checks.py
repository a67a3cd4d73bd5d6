"""Errors of an engine in one line: what can be checked before a job is submitted, and why a job failed."""

import os
import re
import shutil
import socket
import zipfile
from collections.abc import Sequence
from pathlib import Path

from apache_beam.options.pipeline_options import (
    DirectOptions,
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
    PrismRunnerOptions,
    StandardOptions,
)
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.runner import create_runner

from mixup_pipeline.engine.flink import Cluster
from mixup_pipeline.errors import EngineError, UsageError, first_line
from mixup_pipeline.sources.source import Source
from mixup_pipeline.storage.atomic import sizes
from mixup_pipeline.storage.places import ObjectPath, Place, is_url, place

LARGE_SOURCE_BYTES = 512 << 20
"""From this size on, several processes save more than the 1.5 seconds that they take to start."""
_MAX_PORT = 65535
_TIMEOUT_SECONDS = 10
_ENVIRONMENT_TYPES = ("DOCKER", "PROCESS", "EXTERNAL", "LOOPBACK")
_JOB_SERVER_CLASS = "org/apache/beam/runners/flink/FlinkJobServerDriver.class"
_NO_WORKER = re.compile(r"didn't get control connection|StartWorker|UNAVAILABLE: io exception")
_NO_DOWNLOAD = re.compile(r"Unable to fetch remote .*? at \S+")
_LOST_WORKER = re.compile(r"Channel closed prematurely")
_CANCELLED = re.compile(r"state CANCELLED|CancellationException|was cancelled")
_GAVE_UP = re.compile(r"failed in state|JobExecutionException|NoRestartStrategy|Socket closed|StatusCode")
_LOCAL_HOSTS = ("localhost", "127.0.0.1")
_GRPC = "no_grpc_proxy"
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")
_RUN_AGAIN = "finished shards are kept: run the same command again"


def check_engine(options: PipelineOptions) -> None:
    """Check what the runner needs, as far as this machine can tell.

    Raises UsageError or EngineError naming what is missing.
    """
    runner = _runner(options)
    if runner == "FlinkRunner":
        _check_flink(options)
    elif runner == "PrismRunner":
        prism = options.view_as(PrismRunnerOptions).prism_location
        _check_program("prism_location", prism)
        if prism and Path(prism).is_file() and not os.access(prism, os.X_OK):
            raise UsageError(
                f"Beam options after '--': --prism_location={prism}: is not a program: build one with `make engines`"
            )
    if runner != "DataflowRunner":
        _check_portable(options)


def reach_this_machine_directly() -> None:
    """Send nothing for this machine through a proxy. gRPC does, where http_proxy is set, and then waits for ever."""
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")  # Python's libraries prefer the small letters
    if known.strip() != "*":
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = _with_loopback(known)
    # gRPC reads this one alone, where it is set, and knows no "*"
    os.environ[_GRPC] = _with_loopback(os.environ.get(_GRPC) or known.strip("* "))


def _with_loopback(hosts: str) -> str:
    known = hosts.split(",") if hosts else []
    return ",".join([*known, *(host for host in _LOOPBACK if host not in known)])


def use_all_cores(options: PipelineOptions, source: Source, copies: int, beam_args: Sequence[str]) -> None:
    """Let the local engine use one process per core for a large source. A small one is done before they have started.

    Images that are brought to a size take longest, so more copies make a source of them large sooner.

    beam_args: the user's Beam options. Nothing changes where they choose the processes themselves.
    """
    large = LARGE_SOURCE_BYTES / (1 if source.spec.images.size is None else copies)
    direct = options.view_as(DirectOptions)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = any(flag.startswith("--direct_") for flag in beam_args)
    if is_local(options) and not given and cores > 1 and _source_bytes(source) >= large:
        direct.direct_running_mode, direct.direct_num_workers = "multi_processing", cores


def _source_bytes(source: Source) -> int:
    """Size of all source files, by listing their folders."""
    paths = {place(file.path) for file in source.files}
    present = {folder: sizes(folder) for folder in {path.parent for path in paths}}
    return sum(present[path.parent].get(path.name, 0) for path in paths)


def check_paths(options: PipelineOptions, source: Source, out: Place) -> None:
    """Check that the workers can reach source and output: those of Dataflow see object stores only.

    Raises UsageError for a source or an output folder on this machine.
    """
    if _runner(options) != "DataflowRunner":
        return
    near = next((file.path for file in source.files if not is_url(file.path)), None)
    if near is not None:
        raise UsageError(
            f"--src {near}: is on this machine, where Dataflow cannot read: copy the source to gs:// first"
        )
    if not isinstance(out, ObjectPath):
        raise UsageError(f"--out {out}: is on this machine, where Dataflow cannot write: use a folder of gs://")


def is_detached(options: PipelineOptions) -> bool:
    """Whether the job keeps running after the command that submitted it has ended."""
    runner = _runner(options)
    if runner == "FlinkRunner":
        return Cluster.of(options) is not None
    return runner == "DataflowRunner"


def is_local(options: PipelineOptions) -> bool:
    """Whether the job runs on Beam's local runner, in this process or processes of its own."""
    return _runner(options) == "FnApiRunner"


def _runner(options: PipelineOptions) -> str:
    return (options.view_as(StandardOptions).runner or "").rpartition(".")[2]


def explain_failure(failure: str, options: PipelineOptions) -> EngineError | None:
    """Turn the text of a job's failure into an error of one line; None for an unknown kind of failure."""
    config = options.view_as(PortableOptions).environment_config
    if _NO_WORKER.search(failure):
        return EngineError(
            f"no Python worker started at {config or 'the engine'}: look at the log of the worker pool there; its "
            f"`python` must have mixup-pipeline; {_RUN_AGAIN}"
        )
    if download := _NO_DOWNLOAD.search(failure):
        return EngineError(
            f"Beam cannot download the engine's program ({download[0].rstrip(':')}): build it with `make engines`, or "
            f"name one on this machine with --prism_location, --flink_job_server_jar or --spark_job_server_jar after --"
        )
    if is_local(options) and _LOST_WORKER.search(failure):
        return EngineError(f"a worker process ended while it was at work: {_RUN_AGAIN}")
    if _CANCELLED.search(failure):
        return EngineError(f"the job was cancelled: {_RUN_AGAIN}")
    if _GAVE_UP.search(failure):
        return EngineError(f"the engine gave up ({_reason(failure)}): {_RUN_AGAIN}")
    return None


def _reason(failure: str) -> str:
    """The most telling line of a failure: the deepest cause of a Java trace, or the first line."""
    causes = re.findall(r"^Caused by: (.+)$", failure, re.MULTILINE)
    return (causes[-1] if causes else first_line(Exception(failure)))[:300]


def _check_flink(options: PipelineOptions) -> None:
    flink = options.view_as(FlinkRunnerOptions)
    if shutil.which("java") is None:
        raise EngineError("--engine flink needs Java to submit the job, but there is no `java`: install Java 11 or 17")
    jar = flink.flink_job_server_jar
    if jar and "://" not in jar:
        _check_program("flink_job_server_jar", jar)
        if not zipfile.is_zipfile(jar) or _JOB_SERVER_CLASS not in zipfile.ZipFile(jar).namelist():
            raise UsageError(
                f"Beam options after '--': --flink_job_server_jar={jar} is not a Flink job server of Beam: build one "
                f"with `make engines`, or leave the option out to have Beam download one"
            )
    cluster = Cluster.of(options)
    if cluster is not None:
        cluster.check()


def _check_program(option: str, where: str | None) -> None:
    if where and "://" not in where and not Path(where).is_file():
        raise UsageError(
            f"Beam options after '--': --{option}={where}: no such file: build it with `make engines`, or leave the "
            f"option out to have Beam download it"
        )


def _check_portable(options: PipelineOptions) -> None:
    """Check where the job is submitted, and where its Python workers run."""
    portable = options.view_as(PortableOptions)
    if portable.job_endpoint not in (None, "embed") and not _listens("job_endpoint", portable.job_endpoint):
        raise EngineError(
            f"--job_endpoint={portable.job_endpoint}: no job server listens there: start it, or leave the option out "
            f"to have one started"
        )
    if portable.artifact_endpoint is not None:
        _address("artifact_endpoint", portable.artifact_endpoint)
    kind = portable.environment_type
    if kind and kind not in _ENVIRONMENT_TYPES and not kind.startswith("beam:env:"):
        raise UsageError(
            f"Beam options after '--': --environment_type must be one of {', '.join(_ENVIRONMENT_TYPES)}, got {kind!r}"
        )
    if kind == "EXTERNAL":
        _check_worker_pool(portable.environment_config, options)
    runner = create_runner(options.view_as(StandardOptions).runner)
    for fault in PipelineOptionsValidator(options, runner).validate():
        raise UsageError(f"Beam options after '--': {fault}")


def _check_worker_pool(config: str | None, options: PipelineOptions) -> None:
    """Check only an engine on this machine: an address may mean something else on the machines of a cluster."""
    host, port = _address("environment_config", config)
    cluster = Cluster.of(options)
    here = host in _LOCAL_HOSTS and (cluster is None or cluster.host in _LOCAL_HOSTS)
    if here and not _listens("environment_config", config):
        raise EngineError(
            f"--environment_config={config}: no worker pool listens there: start one with `python -m "
            f"apache_beam.runners.worker.worker_pool_main --service_port={port}`"
        )


def _address(option: str, value: str | None) -> tuple[str, int]:
    host, _, port = (value or "").rpartition(":")
    if not host or not port.isdecimal() or int(port) > _MAX_PORT:
        what = {
            "environment_config": "Beam's worker pool on the machines of the engine",
            "job_endpoint": "a job server",
            "artifact_endpoint": "a job server's artifacts",
        }
        raise UsageError(
            f"Beam options after '--': --{option}=HOST:PORT is needed, the address of {what[option]}, got {value!r}"
        )
    return host, int(port)


def _listens(option: str, value: str | None) -> bool:
    try:
        socket.create_connection(_address(option, value), timeout=_TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True
