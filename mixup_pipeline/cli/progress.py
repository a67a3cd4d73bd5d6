"""Progress bars on the terminal. That of a run watches the output folder, so it works the same on every engine."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mixup_pipeline.cli.common import say
from mixup_pipeline.records.names import shard_pattern
from mixup_pipeline.run.run import Run
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.source import Source
from mixup_pipeline.storage.places import ObjectPath, Place

ShowSteps = Callable[[int, int, Mapping[str, float]], None]
Say = Callable[..., None]
"""`cli.common.say`"""

_LOCAL_POLL_SECONDS = 0.2
_STORE_POLL_SECONDS = 5.0
"""Longer, because listing an object store takes one request or more."""


@contextlib.contextmanager
def shown_shards(doing: str, *, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """Gives a function (done, total) that moves a bar of shards. It does nothing if not `shown`."""
    if not shown:
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as display:
        task = display.add_task(doing, total=None)
        yield lambda done, total: display.update(task, completed=done, total=total)


@contextlib.contextmanager
def shown_steps(*, quiet: bool) -> Iterator[tuple[ShowSteps, Say]]:
    """Gives two functions: one moves a bar of training steps with the current loss, the other prints a line above it.

    Without a terminal there is no bar. If `quiet`, neither does anything.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, measures: None, (lambda *lines, err=False: None) if quiet else say
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as display:
        task = display.add_task("Training", total=None)

        def show(done: int, total: int, measures: Mapping[str, float]) -> None:
            display.update(task, completed=done, total=total, description=f"Training, loss {measures['loss']:.4f}")

        def say_above(*lines: str, err: bool = False) -> None:
            display.stop()  # removes the bar
            say(*lines, err=err)
            display.start()

        yield show, say_above


class Progress:
    """A bar of a run: files indexed, then examples written, examples/s and the time left. Nothing if not `shown`."""

    def __init__(self, *, shown: bool) -> None:
        self._shown, self._done = shown, threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def watch(self, source: Source, out: Place) -> None:
        """Start to show the run in this folder."""
        if self._shown:
            self._thread = threading.Thread(target=self._show, args=(source, out), daemon=True)
            self._thread.start()

    def _show(self, source: Source, out: Place) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as display:
            task: Any = display.add_task("Indexing", total=None, rate="")
            seconds = _STORE_POLL_SECONDS if isinstance(out, ObjectPath) else _LOCAL_POLL_SECONDS
            while not self._done.wait(seconds):
                run = read_run(out)
                if run is None:
                    indexed = sum(1 for _ in (out / ".work" / "index").glob("*.json"))
                    display.update(task, description=f"Indexing {indexed}/{len(source.files)} files")
                    continue
                total = run.num_examples * run.num_passes
                shards = sum(1 for _ in WorkFolder.of(out).finished.glob("*.json"))
                display.update(
                    task,
                    description=f"Mixing, {shards}/{run.num_shards * run.num_passes} shards",
                    total=total,
                    completed=min(total, written_examples(out, run)),
                    rate=_rate(display.tasks[0].speed),
                )


def read_run(out: Place) -> Run | None:
    """The run planned in this folder, or None where there is no plan yet."""
    work = WorkFolder.of(out)
    return work.load_run() if work.run.exists() else None


def written_examples(out: Place, run: Run) -> int:
    """Estimate how many mixed examples are written, from the sizes of finished and unfinished shards."""
    num_bytes = 0
    folders: tuple[Place, ...] = (out, WorkFolder.of(out).partial)
    for folder in folders:
        for path in folder.glob(shard_pattern(run.name, run.split)):
            try:
                num_bytes += path.stat().st_size
            except FileNotFoundError:  # renamed or removed since the folder was listed
                continue
    return num_bytes // run.record_bytes


def _rate(speed: float | None) -> str:
    return f"{speed:,.0f} examples/s" if speed else ""
