"""Worker processes of the local engine.

Beam starts such processes too, but waits for ever for one that dies, and leaves them behind when it is killed itself.
So the environment of these workers, and what starts and watches them, is ours: a worker that dies, or does not connect
in time, fails every step that waits for it.
"""

import os
import subprocess
import threading
from typing import Any

from apache_beam.portability.api import beam_fn_api_pb2, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    ControlFuture,
    GrpcWorkerHandler,
    WorkerHandler,
)
from apache_beam.transforms.environments import Environment
from google.protobuf import json_format, text_format

from mixup_pipeline.errors import EngineError
from mixup_pipeline.process.children import python_command, start

CONNECT_SECONDS = 120.0
_POLL_SECONDS = 0.2
_STOP_SECONDS = 10.0
_URN = "mixup:env:worker_processes:v1"
_PROGRAM = "from apache_beam.runners.worker import sdk_worker_main; sdk_worker_main.main([])"


class WorkerProcesses(Environment):  # type: ignore[misc]  # Beam is not typed
    """The environment of steps that run in processes of this machine."""

    def to_runner_api_parameter(self, context: object) -> tuple[str, bytes]:
        return _URN, b""


@Environment.register_urn(_URN, bytes)  # type: ignore[untyped-decorator]
def _from_runner_api(payload: bytes, *_: object) -> WorkerProcesses:
    del payload
    return WorkerProcesses()


def local_runner() -> FnApiRunner:
    """Beam's local runner with these workers."""
    return FnApiRunner(default_environment=WorkerProcesses())


@WorkerHandler.register_environment(_URN, bytes)
class ProcessHandler(GrpcWorkerHandler):  # type: ignore[misc]
    """One worker process: starts it, watches it, ends it."""

    def __init__(self, payload: bytes, state: Any, provision_info: Any, grpc_server: Any) -> None:
        del payload
        super().__init__(state, provision_info, grpc_server)
        self._ending, self._death, self._lock = False, "", threading.Lock()
        self._push, self.control_conn.push = self.control_conn.push, self._push_if_alive

    def start_worker(self) -> None:
        control = endpoints_pb2.ApiServiceDescriptor(url=self.control_address)
        environment = {
            "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(control),
            "PIPELINE_OPTIONS": json_format.MessageToJson(self.provision_info.provision_info.pipeline_options),
            "WORKER_ID": self.worker_id,
        }
        self._process = start(python_command(_PROGRAM), os.environ | environment)
        self._watch = threading.Thread(target=self._watched, daemon=True)
        self._watch.start()

    def close(self) -> None:
        self._ending = True
        super().close()

    def stop_worker(self) -> None:
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._watch.join()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _watched(self) -> None:
        """Wait for the end of the process, and for its connection."""
        waited = 0.0
        while True:
            try:
                code = self._process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                waited += _POLL_SECONDS
                if self.control_conn._input is None and waited > CONNECT_SECONDS and not self._ending:
                    self._fail(f"a worker process has not connected within {CONNECT_SECONDS:g} seconds")
                    self._process.kill()
                continue
            if not self._ending:
                how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
                self._fail(f"a worker process {how}")
            return

    def _fail(self, death: str) -> None:
        """Give every request to this worker, waiting or to come, an error as its answer."""
        error = EngineError(f"{death}: finished shards are kept: run the same command again")
        with self._lock:
            self._death = self._death or f"{type(error).__module__}.{type(error).__name__}: {error}"
            waiting = list(self.control_conn._futures_by_id.values())
        for future in waiting:
            future.set(self._answer(future.instruction_id))

    def _push_if_alive(self, request: Any) -> Any:
        with self._lock:
            if not self._death or not hasattr(request, "instruction_id"):
                return self._push(request)
        return ControlFuture(request.instruction_id, self._answer(request.instruction_id))

    def _answer(self, instruction_id: str) -> Any:
        return beam_fn_api_pb2.InstructionResponse(instruction_id=instruction_id, error=self._death)
