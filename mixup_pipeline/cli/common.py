"""What the commands share: the one way to print, how an error is shown and what it exits with.

Names of files, features and classes come from outside, and may hold what a terminal obeys or a line of their own. So
everything is printed by `say`, line by line.
"""

import contextlib
import gc
import io
import logging
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import click

from mixup_pipeline.errors import MixupError, first_line, printable
from mixup_pipeline.process import leave
from mixup_pipeline.storage.atomic import FULL_DISK


def say(*lines: str, err: bool = False) -> None:
    """Print each argument as one line; what is not printable is shown as an escape. err: on standard error."""
    click.echo("\n".join(map(printable, lines)), err=err)


class Program(click.Command):
    """A command whose usage errors are printable too: Click quotes in them what the user gave."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with _printable_errors():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _printable_errors():
            return super().invoke(ctx)


@contextlib.contextmanager
def _printable_errors() -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        vars(error)["message"] = printable(error.message)  # declared final, yet read when the error is shown
        raise


class _OneLine(logging.Formatter):
    """What is logged, as one printable line."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


@contextlib.contextmanager
def shown_errors(*, debug: bool) -> Iterator[None]:
    """Show an error as one line and exit with its code; with debug, let the traceback through.

    An error that nobody foresaw is shown as one line too, with the advice to look at it with --debug.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
        raise  # Click shows them; of a reader that has gone away there is nothing to say
    except MixupError as error:
        if debug:
            raise
        say(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.errno in FULL_DISK:
            say("Error: what is printed cannot be written: no space is left on that device", err=True)
            sys.exit(1)
        say(
            f"Error: {type(error).__name__}: {first_line(error)} (unexpected: run again with --debug for details)",
            err=True,
        )
        sys.exit(1)


def log_quietly() -> None:
    """Show what this package logs; Beam logs each failure as pages of traceback, where the error line says it all."""
    for name in ("", "apache_beam"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger().addHandler(logging.NullHandler())  # for what sets a level of its own, as the log of Prism
    ours = logging.getLogger("mixup_pipeline")
    ours.setLevel(logging.INFO)
    ours.propagate = False
    if not ours.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(_OneLine())
        ours.addHandler(handler)


def _terminated(number: int, _: FrameType | None) -> None:
    """End as after an error, so that temporary files go. Commands that have more to say set a handler of their own."""
    sys.exit(128 + number)


def run_program(command: click.Command, *, leave_at_once: bool = True) -> None:
    """Run a command as the whole program.

    A batch program makes little garbage, so it is collected less often. leave_at_once: end as `process.leave` does;
    everything the program wrote is on disk by then. A terminal that lacks some characters shows question marks.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    gc.set_threshold(100_000, 20, 20)
    signal.signal(signal.SIGTERM, _terminated)
    code: int | str | None = 0
    try:
        command()
    except SystemExit as end:
        code = end.code
    exit_code = code if isinstance(code, int) else 0 if code is None else 1
    if not leave_at_once:
        sys.exit(exit_code)
    leave(exit_code)
