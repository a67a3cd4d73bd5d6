"""Servers of object stores on this machine: moto for S3, fake-gcs-server for GCS, each behind a proxy that can fail."""

import contextlib
import http.client
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mixup_pipeline.engine.options import engines_folder
from tests.processes import free_port, running, wait_until

GCS_SERVER = engines_folder() / "fake-gcs-server"
HAS_GCS = GCS_SERVER.is_file()
NO_GCS = "no fake-gcs-server here: run `make engines` (needs Go)"
BUCKET = "bucket"

Fault = Callable[[str, str], int | None]
"""(method, path) → the status to answer with at once, 0 to break the connection, None to pass the request on."""

_SKIPPED = {"connection", "transfer-encoding", "content-length", "date", "server"}


class Proxy(ThreadingHTTPServer):
    """Passes requests to a port of this machine, `seconds` later. requests: (method, path, range header)."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, target: int) -> None:
        super().__init__(("localhost", 0), _Handler)
        self.target, self.seconds = target, 0.0
        self.fault: Fault | None = None
        self.requests: list[tuple[str, str, str | None]] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @contextlib.contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        self.fault = fault
        try:
            yield
        finally:
            self.fault = None

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: clients may leave whenever they like."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _pass_on(self) -> None:
        body = self._body()
        self.server.requests.append((self.command, self.path, self.headers.get("Range")))
        status = self.server.fault(self.command, self.path) if self.server.fault else None
        if status == 0:
            self.close_connection = True
            return
        if status is not None:
            self._answer(status, {}, b"")
            return
        time.sleep(self.server.seconds)
        headers = {key: value for key, value in self.headers.items() if key.lower() not in ("connection", "expect")}
        with contextlib.closing(http.client.HTTPConnection("localhost", self.server.target)) as inner:
            inner.request(self.command, self.path, body, headers)
            answer = inner.getresponse()
            kept = {key: value for key, value in answer.getheaders() if key.lower() not in _SKIPPED}
            if self.command == "HEAD":
                kept["Content-Length"] = answer.getheader("Content-Length") or "0"
            self._answer(answer.status, kept, answer.read())

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            del self.headers["Transfer-Encoding"]
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = _pass_on  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextlib.contextmanager
def proxied(target: int) -> Iterator[Proxy]:
    proxy = Proxy(target)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()


@contextlib.contextmanager
def s3_server() -> Iterator[tuple[Proxy, dict[str, str]]]:
    """The proxy and the environment of clients; the bucket is there."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with proxied(int(server.get_host_and_port()[1])) as proxy:
        credentials = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
        env = {"AWS_ENDPOINT_URL": f"http://localhost:{proxy.port}", "AWS_EC2_METADATA_DISABLED": "true", **credentials}
        client: Any = boto3.client(
            "s3", endpoint_url=env["AWS_ENDPOINT_URL"], aws_access_key_id="key", aws_secret_access_key="secret"
        )
        client.create_bucket(Bucket=BUCKET)
        client.close()
        yield proxy, env
    server.stop()


@contextlib.contextmanager
def gcs_server(log: Path) -> Iterator[tuple[Proxy, dict[str, str]]]:
    """The proxy and the environment of clients; the bucket is there."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    port = free_port()
    with proxied(port) as proxy:
        address = f"localhost:{proxy.port}"
        options = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
        command = [str(GCS_SERVER), *options, "-public-host", address, "-external-url", f"http://{address}"]
        with running(command, log) as process:
            wait_until(lambda: _answers(port), process, log)
            env = {"STORAGE_EMULATOR_HOST": f"http://{address}", "NO_GCE_CHECK": "true"}
            client: Any = storage.Client(
                project="test",
                credentials=AnonymousCredentials(),
                client_options={"api_endpoint": f"http://{address}"},
            )
            client.create_bucket(BUCKET)
            client.close()
            yield proxy, env


def _answers(port: int) -> bool:
    inner = http.client.HTTPConnection("localhost", port)
    try:
        inner.request("GET", "/storage/v1/b")
        return inner.getresponse().status == 200
    except OSError:
        return False
    finally:
        inner.close()
