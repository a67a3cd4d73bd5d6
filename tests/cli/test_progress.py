"""What long commands say of their progress: lines in a log, a bar on a terminal. The clock is the test's own."""

import io
import re
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result

from mixup_pipeline.cli import progress
from mixup_pipeline.cli.progress import Clock, Display, Lines, Pace, Stage, duration_text, line_of, rate_text, shown
from mixup_pipeline.cli.run_counter import RunCounter
from tests.cli.inprocess import run_augment, run_inspect, run_verify, succeed


class Script(Clock):
    """A clock whose time passes only where something waits. steps: what happens after each wait; then it is the end."""

    def __init__(self, steps: Sequence[Callable[[], None]] = ()) -> None:
        self.seconds, self._steps = 0.0, list(steps)

    def now(self) -> float:
        return self.seconds

    def wait(self, ended: threading.Event, seconds: float) -> bool:
        self.seconds += seconds
        if self._steps:
            self._steps.pop(0)()
            return False
        return True


def _same(stage: Stage | None) -> Stage | None:
    return stage


def said(capsys: pytest.CaptureFixture[str], stages: Sequence[Stage | None]) -> list[str]:
    """The lines that a log shows of stages, one of which is there at each look, five seconds apart."""
    clock = Script()
    display = Display(Lines(clock), clock)
    clock._steps = [partial(display.watch, partial(_same, stage)) for stage in stages]
    display.run(threading.Event())
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()


def mixing(done: int, total: int = 1000) -> Stage:
    return Stage(name="Mixing", done=done, total=total, unit="examples")


def test_a_log_says_nothing_of_the_first_half_minute(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, [mixing(100 * k) for k in range(5)]) == []


def test_a_log_says_a_line_every_half_minute(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, [mixing(50 * k) for k in range(18)]) == [
        "Mixing: 250 of 1,000 examples, 10 examples/s, 75 s left",
        "Mixing: 550 of 1,000 examples, 10 examples/s, 45 s left",
        "Mixing: 850 of 1,000 examples, 10 examples/s, 15 s left",
    ]


def test_the_rate_leaves_out_what_was_there_before(capsys: pytest.CaptureFixture[str]) -> None:
    resumed = [mixing(500 + 10 * k) for k in range(6)]
    assert said(capsys, resumed) == ["Mixing: 550 of 1,000 examples, 2.0 examples/s, 4 min left"]


def test_each_stage_has_a_rate_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    indexing = [Stage(name="Indexing", done=k, total=4, unit="files") for k in range(5)]
    assert said(capsys, [*indexing, mixing(0), *(mixing(100 * k) for k in range(1, 7))]) == [
        "Mixing: 0 of 1,000 examples",
        "Mixing: 600 of 1,000 examples, 20 examples/s, 20 s left",
    ]


def test_what_stands_still_or_cannot_be_counted_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, [Stage(name="Preparing")] * 6) == ["Preparing, 25 s so far"]
    assert said(capsys, [mixing(0)] * 12)[-1] == "Mixing: 0 of 1,000 examples, 55 s so far"
    assert said(capsys, [None] * 8) == []


def test_what_cannot_be_looked_up_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def gone() -> Stage:
        raise FileNotFoundError("run.json")

    clock = Script()
    display = Display(Lines(clock), clock)
    clock._steps = [lambda: display.watch(gone), *[lambda: display.show(mixing(7))] * 6]
    display.run(threading.Event())
    assert capsys.readouterr().err == "Mixing: 7 of 1,000 examples, 20 s so far\n"


def test_slow_stores_are_looked_at_less_often() -> None:
    clock, looks = Script([lambda: None] * 3), list[float]()
    display = Display(Lines(clock), clock)
    display.watch(lambda: looks.append(clock.now()), every=20)
    display.run(threading.Event())
    assert looks == [20, 40, 60]


def test_nothing_is_drawn_after_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Script()
    display = Display(Lines(clock), clock)

    def late() -> Stage:
        display.end()  # while this look is under way
        return mixing(7)

    clock._steps = [lambda: display.watch(late)] * 8
    display.run(threading.Event())
    display.say("late")
    assert capsys.readouterr() == ("", "")


class Soon(Clock):
    """A clock that is half a minute further whenever it is asked."""

    def __init__(self) -> None:
        self.seconds, self.looked = 0.0, threading.Event()

    def now(self) -> float:
        self.seconds += 30
        return self.seconds

    def wait(self, ended: threading.Event, seconds: float) -> bool:
        if self.seconds > 60:
            self.looked.set()
        return ended.wait(0.001)


@pytest.mark.parametrize("quiet", [False, True])
def test_the_thread_ends_with_the_command(capsys: pytest.CaptureFixture[str], quiet: bool) -> None:
    clock, before = Soon(), threading.active_count()
    with shown(quiet=quiet, clock=clock) as display:
        display.show(mixing(3))
        assert quiet or clock.looked.wait(10)
        display.say("one", err=True)
    assert threading.active_count() == before
    printed = capsys.readouterr().err
    assert printed == "" if quiet else ("Mixing: 3 of 1,000 examples\n" in printed and "one\n" in printed)


def stages(result: Result) -> list[str]:
    """The names of the stages that a command has said, each once."""
    succeed(result)
    return list(dict.fromkeys(re.split("[:,]| [(]", line)[0] for line in result.stderr.splitlines()))


def test_commands_say_their_stages_in_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    show = Display.show

    def seen(display: Display, stage: Stage) -> None:
        show(display, stage)
        display._draw()  # some stages are over before the thread looks

    monkeypatch.setattr(progress, "Clock", Soon)
    monkeypatch.setattr(Display, "show", seen)
    asked, out = ("--src", "mnist_sample", "--copies", "2"), tmp_path / "out"
    mixed = [name for name in stages(run_augment(*asked, "--out", out)) if name not in ("Planning", "Finishing")]
    assert mixed == ["Preparing", "Indexing", "Mixing"]  # the other two may be over between two looks
    assert stages(run_augment(*asked, "--dry-run")) == ["Indexing"]
    assert stages(run_verify(out, "--against", "mnist_sample")) == ["Checking", "Mixing again"]
    found = "mnist_sample-train.tfrecord-00000-of-00001__7"
    assert stages(run_inspect(out, "--find", found)) == ["Searching"]
    for quiet in (run_augment(*asked, "--out", out, "--quiet"), run_augment(*asked, "--dry-run", "--quiet")):
        assert stages(quiet) == []
    assert stages(run_verify(out, "--quiet")) == []


def test_a_terminal_shows_a_bar_and_lines_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TERM", "xterm")
    bar = progress.Bar()
    bar.say("before", err=True)
    bar.draw(Stage(name="Mixing", done=250, total=1000, unit="examples", detail="[1] of 4"), Pace(seconds=25, rate=10))
    bar.say("between", err=True)
    bar.end()
    shown_there = terminal.getvalue()
    assert shown_there.startswith("before\n")
    for text in ("Mixing, [1] of 4", "250 of 1,000 examples", "10 examples/s, 75 s left", "between\n"):
        assert text in shown_there


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (4512.4, "4,512 runs/s"),
        (10, "10 runs/s"),
        (1, "1.0 runs/s"),
        (0.5, "30 runs/min"),
        (1 / 60, "1.0 runs/min"),
        (0.01, "36 runs/h"),
        (0.0001, "0.4 runs/h"),
    ],
)
def test_rates(rate: float, text: str) -> None:
    assert rate_text(rate, "runs") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (119.4, "119 s"),
        (120, "2 min"),
        (121, "3 min"),
        (7140, "119 min"),
        (7200, "2 h 0 min"),
        (90061, "25 h 2 min"),
        (10_000_000, "2,777 h 47 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_line_says_all_it_knows() -> None:
    stage = Stage(name="Mixing", done=1200, total=6000, unit="examples", detail="1 of 4 shards")
    line = "Mixing: 1,200 of 6,000 examples (1 of 4 shards), 40 examples/s, 2 min left"
    assert line_of(stage, Pace(seconds=30, rate=40)) == line


def test_runs_of_a_comparison(capsys: pytest.CaptureFixture[str]) -> None:
    """Two of six runs were found; one run takes 20 seconds of which each look sees a quarter."""
    clock = Script()
    display = Display(Lines(clock), clock)
    runs = RunCounter(display, total=6)

    def found() -> None:
        runs.on_run(1)
        runs.on_run(2)

    def step(quarter: int) -> Callable[[], None]:
        return lambda: runs.on_step(quarter, 4, {"loss": 0.5})

    clock._steps = [found, *(step(quarter) for quarter in (1, 2, 3, 4)), lambda: runs.on_run(3), step(1), step(2)]
    clock._steps += [step(3)] * 4
    display.run(threading.Event())
    assert capsys.readouterr().err.splitlines() == [
        "Comparing: 3 of 6 runs, 2.4 runs/min, 75 s left",
        "Comparing: 3.8 of 6 runs (run 4: 3 of 4 steps, loss 0.5000), 1.9 runs/min, 71 s left",
    ]
