"""One store of each kind a test process."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mixup_pipeline.storage.clients import close_clients
from mixup_pipeline.storage.places import ObjectPath
from tests.real_stores.servers import BUCKET, HAS_GCS, NO_GCS, Proxy, gcs_server, s3_server

SCHEMES = ["s3", pytest.param("gs", marks=pytest.mark.skipif(not HAS_GCS, reason=NO_GCS))]


@dataclass(frozen=True)
class Server:
    """A store on this machine. env: what clients need to find it."""

    scheme: str
    proxy: Proxy
    env: dict[str, str]


@pytest.fixture(scope="session", params=SCHEMES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("store") / "log"
    with s3_server() if request.param == "s3" else gcs_server(log) as (proxy, env):
        yield Server(request.param, proxy, env)


@pytest.fixture
def folder(server: Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectPath]:
    """An empty folder in the store, reached by this process too."""
    for key, value in server.env.items():
        monkeypatch.setenv(key, value)
    close_clients()
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    yield ObjectPath.of(f"{server.scheme}://{BUCKET}/{name}")
    close_clients()


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients of this process try again at once, for tests of what they do and not of how long they wait."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.02)))
