"""Fixtures of the command tests: what a command changes in its process is put back."""

import logging
import signal
import subprocess
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    """A command is a whole program: it sets signal handlers and levels of logging for good."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    loggers = [logging.getLogger(name) for name in ("", "apache_beam", "mixup_pipeline")]
    before = [(logger, logger.level, logger.propagate, logger.handlers[:]) for logger in loggers]
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    logging.disable(logging.NOTSET)
    for logger, level, propagate, attached in before:
        logger.setLevel(level)
        logger.propagate, logger.handlers = propagate, attached


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that would ask TFDS for a dataset answers at once, and without the network."""

    def answer(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "TFDS knows no dataset of this name (did you mean mnist?)\n", "")

    monkeypatch.setattr(subprocess, "run", answer)
