"""How far a long command is, on standard error: a bar on a terminal, elsewhere a line every half minute.

A command tells its `Display` the stage it is in (`show`), or how to find out (`watch`). A thread looks at it again and
again, reckons the rate and the time left, and has one of the two faces draw it. So work never waits for what is shown,
and a stage that tells nothing for minutes is shown as well.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from mixup_pipeline.cli.common import say

LINE_SECONDS = 30.0
_BAR_LOOK_SECONDS, _LINE_LOOK_SECONDS = 0.1, 5.0
_END_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Stage:
    """How far a stage is: done, of how many `unit`s. total: None where nobody knows.

    kept: how many of those done were there before, so that the rate leaves them out. detail: what else to say.
    """

    name: str
    done: float = 0
    total: float | None = None
    unit: str = ""
    kept: float = 0
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast a stage goes. seconds: since it was first seen. rate: units a second, None before the first is done."""

    seconds: float
    rate: float | None = None

    def left(self, stage: Stage) -> float | None:
        """Seconds until all is done."""
        if self.rate is None or stage.total is None:
            return None
        return max(0.0, stage.total - stage.done) / self.rate


class Clock:
    """The time. Tests have one of their own."""

    def now(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def wait(self, ended: threading.Event, seconds: float) -> bool:
        """Wait so long, or until the end. Returns whether this is the end."""
        return ended.wait(seconds)


class Face(Protocol):
    """How a stage is shown. look_seconds: how often to look at it."""

    look_seconds: float

    def draw(self, stage: Stage, pace: Pace) -> None:
        """Show a stage."""

    def say(self, *lines: str, err: bool = False) -> None:
        """Print lines of their own."""

    def end(self) -> None:
        """Take away what was drawn."""


class Display:
    """What a command shows of its progress. Without a face it shows nothing."""

    def __init__(self, face: Face | None, clock: Clock) -> None:
        self._face, self._clock, self._every = face, clock, 0.0
        self._look: Callable[[], Stage | None] = lambda: None
        self._name, self._begun, self._first = "", 0.0, 0.0
        self._drawing = threading.Lock()

    def show(self, stage: Stage) -> None:
        """Show this stage from now on."""
        self._look = lambda: stage

    def watch(self, look: Callable[[], Stage | None], *, every: float = 0) -> None:
        """Show what `look` finds, asking for it so many seconds apart or more. What it raises is ignored."""
        self._look, self._every = look, every

    def say(self, *lines: str, err: bool = False) -> None:
        """Print lines as `cli.common.say` does, above a bar."""
        self._draw()  # what was shown since the last look
        with self._drawing:
            if self._face is not None:
                self._face.say(*lines, err=err)

    def run(self, ended: threading.Event) -> None:
        """Look and draw until the end."""
        seconds = self._face.look_seconds if self._face is not None else 0.0
        while not self._clock.wait(ended, max(seconds, self._every)):
            self._draw()

    def end(self) -> None:
        """Take away what was drawn, and draw nothing more: a look may still be under way."""
        with self._drawing:
            if self._face is not None:
                self._face.end()
            self._face = None

    def _draw(self) -> None:
        stage = None
        with contextlib.suppress(Exception):  # files come and go while they are looked at
            stage = self._look()
        with self._drawing:
            if stage is not None and self._face is not None:
                self._face.draw(stage, self._pace(stage))

    def _pace(self, stage: Stage) -> Pace:
        now, new = self._clock.now(), stage.done - stage.kept
        if stage.name != self._name:
            self._name, self._begun, self._first = stage.name, now, new
        seconds, done = now - self._begun, new - self._first
        return Pace(seconds=seconds, rate=done / seconds if done > 0 and seconds > 0 else None)


@contextlib.contextmanager
def shown(*, quiet: bool = False, clock: Clock | None = None) -> Iterator[Display]:
    """Gives a display: none if `quiet`, a bar on a terminal, else lines."""
    clock = clock or Clock()
    if quiet:
        yield Display(None, clock)
        return
    face: Face = Bar() if sys.stderr.isatty() else Lines(clock)
    display, ended = Display(face, clock), threading.Event()
    thread = threading.Thread(target=display.run, args=(ended,), daemon=True)
    thread.start()
    try:
        yield display
    finally:
        ended.set()
        thread.join(_END_SECONDS)  # a store may not answer
        display.end()


class Lines:
    """For logs: a line every half minute, the first after half a minute."""

    look_seconds = _LINE_LOOK_SECONDS

    def __init__(self, clock: Clock) -> None:
        self._clock, self._said = clock, clock.now()

    def draw(self, stage: Stage, pace: Pace) -> None:
        """Print a line if it is time."""
        now = self._clock.now()
        if now - self._said >= LINE_SECONDS:
            self._said = now
            say(line_of(stage, pace), err=True)

    def say(self, *lines: str, err: bool = False) -> None:
        """Print lines of their own."""
        say(*lines, err=err)

    def end(self) -> None:
        """Nothing is to be taken away."""


class Bar:
    """For terminals. It appears with the first stage, and is gone at the end."""

    look_seconds = _BAR_LOOK_SECONDS

    def __init__(self) -> None:
        self._display = _rich_bar()
        self._task = self._display.add_task("", counted="", pace="")

    def draw(self, stage: Stage, pace: Pace) -> None:
        """Move the bar."""
        self._display.update(
            self._task,
            description=f"{stage.name}, {stage.detail}" if stage.detail else stage.name,
            counted=_counted(stage),
            total=stage.total,
            completed=stage.done,
            pace=", ".join(_pace_texts(stage, pace)),
        )
        self._display.start()

    def say(self, *lines: str, err: bool = False) -> None:
        """Print lines above the bar."""
        self._display.stop()  # removes the bar
        say(*lines, err=err)
        self._display.start()

    def end(self) -> None:
        """Take the bar away."""
        self._display.stop()


def _rich_bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    fields = ("description", "fields[counted]", "fields[pace]")
    name, *others = (TextColumn(f"{{task.{field}}}", markup=False) for field in fields)
    return Progress(name, BarColumn(), *others, console=Console(stderr=True), transient=True)


def line_of(stage: Stage, pace: Pace) -> str:
    """A stage in one line: `Mixing: 1,200 of 6,000 examples (1 of 4 shards), 40 examples/s, 2 min left`."""
    counted = f": {_counted(stage)}" if _counted(stage) else ""
    detail = f" ({stage.detail})" if stage.detail else ""
    return ", ".join([f"{stage.name}{counted}{detail}", *_pace_texts(stage, pace)])


def _counted(stage: Stage) -> str:
    return "" if stage.total is None else f"{_count(stage.done)} of {_count(stage.total)} {stage.unit}"


def _pace_texts(stage: Stage, pace: Pace) -> list[str]:
    left = pace.left(stage)
    if pace.rate is None or left is None:
        return [f"{duration_text(pace.seconds)} so far"] if pace.seconds >= 1 else []
    return [rate_text(pace.rate, stage.unit), f"{duration_text(left)} left"]


def _count(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"


def rate_text(rate: float, unit: str) -> str:
    """A rate, for the shortest time in which one is done: `40 examples/s`, `3.5 shards/min`, `0.2 runs/h`."""
    per, seconds = next(((per, s) for per, s in (("s", 1), ("min", 60)) if rate * s >= 1), ("h", 3600))
    return f"{rate * seconds:,.0f} {unit}/{per}" if rate * seconds >= 10 else f"{rate * seconds:.1f} {unit}/{per}"


def duration_text(seconds: float) -> str:
    """A time in two units at most: `45 s`, `12 min`, `3 h 20 min`. Rounded up to full minutes from two minutes on."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = -(-int(seconds) // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60:,} h {minutes % 60} min"
