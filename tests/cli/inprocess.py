"""Running the commands inside the test's own process."""

import contextlib
import logging
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner, Result

from mixup_pipeline.cli import augment, inspect, verify

_BESIDE_THE_ERROR = re.compile(
    r"$|Usage: |Try |Note: |(Preparing|Indexing|Training)[,:]|.* is not prepared in .*: asking TFDS to download it$"
)
"""Lines that may stand beside the one line of the error."""


@contextlib.contextmanager
def process_as_before() -> Iterator[None]:
    """Put back what a command changes for good, as it is a whole program: handlers of signals and threads, logging."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    thread_handler = threading.excepthook
    loggers = [logging.getLogger(name) for name in ("", "apache_beam", "mixup_pipeline")]
    before = [(logger, logger.level, logger.propagate, logger.handlers[:]) for logger in loggers]
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        threading.excepthook = thread_handler
        logging.disable(logging.NOTSET)
        for logger, level, propagate, attached in before:
            logger.setLevel(level)
            logger.propagate, logger.handlers = propagate, attached


def _run(command: click.Command, *args: str | Path) -> Result:
    with process_as_before():
        return CliRunner().invoke(command, [str(arg) for arg in args])


def run_augment(*args: str | Path) -> Result:
    return _run(augment.main, *args)


def run_inspect(*args: str | Path) -> Result:
    return _run(inspect.main, *args)


def run_verify(*args: str | Path) -> Result:
    return _run(verify.main, *args)


def error_of(result: Result, code: int) -> str:
    """The one line that a command which failed as it should has printed."""
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)  # and nothing that Python would show a traceback of
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if not _BESIDE_THE_ERROR.match(line)]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("Error: ")
    return lines[0]


def succeed(result: Result) -> str:
    """What a command printed that has done its work."""
    assert result.exit_code == 0, result.output
    assert result.exception is None
    return result.stdout


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder with their content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
