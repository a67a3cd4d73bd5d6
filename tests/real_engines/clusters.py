"""Real engines on this machine: Python workers as processes of their own, a Flink cluster of two JVMs."""

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from mixup_pipeline.engine.options import engines_folder
from tests.processes import free_port, running, wait_until

JOB_SERVER = engines_folder() / "flink-job-server.jar"
PRISM = engines_folder() / "prism"
NO_FLINK = "no Flink here: run `make engines` (needs Java and Maven)"
NO_PRISM = "no Prism here: run `make engines` (needs Go)"

HAS_FLINK = JOB_SERVER.is_file() and shutil.which("java") is not None
HAS_PRISM = PRISM.is_file()

SLOTS = 2
_QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Machines that live for seconds spend most of them compiling what they are about to forget."""
QUICK_JOB_SERVER = tuple(f"--job_server_jvm_property={option}" for option in _QUICK_START)
_OPENED = ("java.lang", "java.util", "java.nio", "java.net")
_SETTINGS = """\
jobmanager.rpc.address: localhost
jobmanager.rpc.port: {rpc}
jobmanager.bind-host: localhost
taskmanager.host: localhost
taskmanager.bind-host: localhost
taskmanager.numberOfTaskSlots: {slots}
taskmanager.memory.process.size: 1400m
jobmanager.memory.process.size: 1000m
rest.address: localhost
rest.port: {rest}
heartbeat.interval: 1000
heartbeat.timeout: 5000
classloader.resolve-order: parent-first
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 2
restart-strategy.fixed-delay.delay: 200 ms
"""


@contextlib.contextmanager
def worker_pool(log: Path, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """A server that starts Python workers as processes when an engine asks for them: its address."""
    port = free_port()
    command = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}"]
    with running([*command, "--container_executable="], log, env) as process:
        wait_until(lambda: _listens(port), process, log)
        yield f"localhost:{port}"


class FlinkCluster:
    """A job manager, and task managers that can be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rest = folder, free_port()
        settings = _SETTINGS.format(rpc=free_port(), rest=self.rest, slots=SLOTS)
        (folder / "config.yaml").write_text(settings)

    @property
    def address(self) -> str:
        return f"localhost:{self.rest}"

    @property
    def options(self) -> tuple[str, ...]:
        """Beam options for a job on this cluster."""
        where = (f"--flink_master={self.address}", f"--flink_job_server_jar={JOB_SERVER}", f"--parallelism={SLOTS}")
        return *where, *QUICK_JOB_SERVER

    def job_manager(self) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        main = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        return running([*self._java(["-Xmx600m"]), main, "--configDir", str(self.folder)], self.folder / "jobs.log")

    def task_manager(self) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        """With the memory that Flink's own start script computes for it."""
        computed = subprocess.run(
            [
                *self._java([]),
                "org.apache.flink.runtime.util.bash.BashJavaUtils",
                "GET_TM_RESOURCE_PARAMS",
                "--configDir",
                str(self.folder),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        machine, settings = (line.partition(":")[2].split() for line in computed.splitlines() if "EXEC_RESULT:" in line)
        main = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        log = self.folder / f"tasks-{time.monotonic_ns()}.log"
        return running([*self._java(machine), main, "--configDir", str(self.folder), *settings], log)

    def wait_for_slots(self, process: subprocess.Popen[bytes]) -> None:
        wait_until(lambda: self.ask("overview").get("slots-available") == SLOTS, process, self.folder / "jobs.log")

    def ask(self, what: str) -> dict[str, object]:
        """An answer of the cluster's REST interface; empty while it starts."""
        try:
            with urllib.request.urlopen(f"http://{self.address}/{what}", timeout=5) as answer:
                return dict(json.load(answer))
        except (urllib.error.URLError, ConnectionError):
            return {}

    def cancel(self, job: str) -> None:
        request = urllib.request.Request(f"http://{self.address}/jobs/{job}?mode=cancel", method="PATCH")
        urllib.request.urlopen(request, timeout=5).close()

    @staticmethod
    def _java(machine: list[str]) -> list[str]:
        opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED]
        return ["java", *_QUICK_START, *opened, *machine, "-cp", str(JOB_SERVER)]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("localhost", port)) == 0
