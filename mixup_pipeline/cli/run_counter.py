"""How far a comparison is: its runs, and parts of the one that is trained."""

from collections.abc import Mapping

from mixup_pipeline.cli.progress import Display, Stage


class RunCounter:
    """Counts the runs of a comparison for a display. What was found finished does not count towards the rate."""

    def __init__(self, display: Display, *, total: int) -> None:
        self._display, self._total, self._done, self._kept, self._trained = display, total, 0, 0, False
        display.show(Stage(name="Preparing"))

    def on_step(self, done: int, total: int, measures: Mapping[str, float]) -> None:
        """So many steps of a run are done."""
        self._trained = True
        detail = f"run {self._done + 1:,}: {done:,} of {total:,} steps, loss {measures['loss']:.4f}"
        self._show(self._done + done / total, detail)

    def on_run(self, number: int) -> None:
        """So many runs are done."""
        self._kept += not self._trained
        self._done, self._trained = number, False
        self._show(number, "")

    def _show(self, done: float, detail: str) -> None:
        self._display.show(
            Stage(name="Comparing", done=done, total=self._total, unit="runs", kept=self._kept, detail=detail)
        )
