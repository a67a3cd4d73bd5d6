"""Locks and claims in a store that fails at the wrong moment."""

import time
from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, SourceConfig
from mixup_pipeline.errors import SourceError
from mixup_pipeline.run.claim import claim
from mixup_pipeline.run.request import Request
from mixup_pipeline.sources import open_source
from mixup_pipeline.storage import gcs, locks
from mixup_pipeline.storage.clients import close_clients
from mixup_pipeline.storage.locks import hold_lock
from mixup_pipeline.storage.places import ObjectPath
from tests.datasets import write_tfds
from tests.real_stores.conftest import Server
from tests.real_stores.test_stores import Failing


def test_a_lost_answer_does_not_lose_the_lock(folder: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    write_if_match = ObjectPath.write_if_match

    def asked_twice(path: ObjectPath, content: bytes, version: str | None) -> str | None:
        """The answer to the first try is lost."""
        write_if_match(path, content, version)
        return write_if_match(path, content, version)

    monkeypatch.setattr(ObjectPath, "write_if_match", asked_twice)
    monkeypatch.setattr(locks, "_RENEW_SECONDS", 0.05)
    monkeypatch.setattr(locks, "_WATCH_SECONDS", 0.2)
    lock = folder / "lock"
    with hold_lock(lock, folder, "mixup-augment"):
        seen, deadline = {lock.version()}, time.monotonic() + 30
        while len(seen) < 4 and time.monotonic() < deadline:
            seen.add(lock.version())
    assert len(seen) == 4, "it was not renewed"
    assert not lock.exists()


def test_an_error_is_told_also_where_tidying_fails(
    folder: ObjectPath, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gcs, "_RETRY", gcs._RETRY.with_timeout(0.5))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    close_clients()
    source = open_source(SourceConfig(src=str(write_tfds(tmp_path / "shapes/1.0.0").folder)))
    claimed = claim(folder / "out", Request(source=source, config=MixConfig()), overwrite=False)
    claimed.__enter__()
    error = SourceError("damaged")
    with server.proxy.failing(Failing(503, -1)):
        assert claimed.__exit__(SourceError, error, None) is False  # so it goes on, and no other is raised
