"""Fixtures of the command tests: what a command changes in its process is put back."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.cli.inprocess import process_as_before


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    with process_as_before():
        yield


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that would ask TFDS for a dataset answers at once, and without the network."""

    def answer(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "TFDS knows no dataset of this name (did you mean mnist?)\n", "")

    monkeypatch.setattr(subprocess, "run", answer)
