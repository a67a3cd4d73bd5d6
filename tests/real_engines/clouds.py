"""Google Cloud on this machine: a real emulator of its storage, and a Dataflow service that runs what is sent to it."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_runner_api_pb2 as messages
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from mixup_pipeline.storage.clients import close_clients
from tests.real_stores.servers import HAS_GCS, NO_GCS, gcs_server

needs_storage = pytest.mark.skipif(not HAS_GCS, reason=NO_GCS)

_TENTATIVE = {"tentative": "true"}
"""Dataflow sends each counter twice: as tried, and as committed."""


@contextlib.contextmanager
def google_storage(log: Path) -> Iterator[storage.Client]:
    """An emulator with one bucket; Google's clients find it by the environment, until the block ends."""
    with gcs_server(log) as (_, env), pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        close_clients()
        with contextlib.closing(storage.Client(project="here", credentials=AnonymousCredentials())) as client:
            yield client
    close_clients()


class Dataflow(http.server.ThreadingHTTPServer):
    """A service that keeps each request, and runs the pipeline that was staged for it before it answers.

    It knows of a job only what the request says and the bucket holds, as the real one does.
    """

    def __init__(self, client: storage.Client) -> None:
        super().__init__(("localhost", 0), _Requests)
        self.client = client
        self.jobs: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.counters: dict[str, int] = {}

    @property
    def address(self) -> str:
        return f"http://localhost:{self.server_port}"

    def staged(self, job: dict[str, Any]) -> bytes:
        """The pipeline that a request names, out of the bucket."""
        url = job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
        return bytes(storage.Blob.from_uri(url, self.client).download_as_bytes())

    def run(self, job: dict[str, Any]) -> None:
        """With Beam's local runner; workers in this process stand for those of the image."""
        pipeline = messages.Pipeline.FromString(self.staged(job))
        for environment in pipeline.components.environments.values():
            environment.urn, environment.payload = python_urns.EMBEDDED_PYTHON, b""
            del environment.dependencies[:]
        result = FnApiRunner().run_via_runner_api(pipeline, PipelineOptions([]))
        result.wait_until_finish()
        self.counters = {found.key.metric.name: found.committed for found in result.metrics().query()["counters"]}

    def answer(self, path: str, body: bytes) -> dict[str, Any]:
        if path == "/token":
            return {"access_token": "a token", "token_type": "Bearer", "expires_in": 3600}
        self.paths.append(path.partition("?")[0])
        if body:
            self.jobs.append(json.loads(body))
            self.run(self.jobs[-1])
            return {**self.jobs[-1], "id": "job-1", "currentState": "JOB_STATE_DONE"}
        if self.paths[-1].endswith("/metrics"):
            counted = self.counters.items()
            return {"metrics": [_metric(name, count, kind) for name, count in counted for kind in (_TENTATIVE, {})]}
        return {"id": "job-1", "currentState": "JOB_STATE_DONE"}


def account_key(service: Dataflow, path: Path) -> Path:
    """The key file of a service account whose tokens come from the service."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {"type": "service_account", "client_email": "mixer@some-project", "private_key": secret}
    path.write_text(json.dumps({**account, "token_uri": f"{service.address}/token"}))
    return path


class _Requests(http.server.BaseHTTPRequestHandler):
    server: Dataflow

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = json.dumps(self.server.answer(self.path, body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass


def _metric(name: str, count: int, kind: dict[str, str]) -> dict[str, Any]:
    context = {"namespace": "mixup", "step": "s1", **kind}
    return {"name": {"origin": "user", "name": name, "context": context}, "scalar": count}


@contextlib.contextmanager
def dataflow(client: storage.Client) -> Iterator[Dataflow]:
    with Dataflow(client) as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()
