"""Tasks: what a network learns from a kind of label, and how good its predictions are.

A task has the loss, the measures while training, what the outputs of a model become as predictions, and the measures of
predictions on clean examples. One of these is the main measure: it chooses the best epoch and leads all tables.

Each task has its own file and is registered in `config.registry.TASKS`. A label kind names its task.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config.registry import LABEL_KINDS, TASKS

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Row = dict[str, float | int]

FLATTERS = "the best, chosen on these very examples"
CHOSEN = "the chosen one"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure of predictions.

    name: in files. title: in tables and charts. words: in a printed line. within: its lowest and its highest value.
    in_percent: whether it is shown in percent, and its differences in points. form: how it is printed otherwise.
    """

    name: str
    title: str
    words: str = ""
    within: tuple[float, float] = (0.0, 1.0)
    higher_is_better: bool = True
    in_percent: bool = False
    form: str = ".4f"

    def printed(self, value: float) -> str:
        """The measure and its value, for a line."""
        return f"{self.words or self.name} {value:{self.form}}"


class Task(ABC):
    """What is learned.

    activation: what the outputs of the models of this package pass at last; None for nothing. loss_title: what the
    loss is. training: the measures while training besides the loss, in the order of a printed line. measures: those on
    clean examples, the main one first. printed: those of them that a line shows. drawn: those that are drawn by epoch,
    with a title and a unit.
    with_classes: whether a prediction is one class, so that probes of its confidence make sense. in_units: whether
    predictions are values, which a last layer brings to the units of the labels.
    """

    name: ClassVar[str]
    activation: ClassVar[str | None] = None
    loss_title: ClassVar[str]
    training: ClassVar[tuple[Measure, ...]]
    measures: ClassVar[tuple[Measure, ...]]
    printed: ClassVar[tuple[str, ...]]
    drawn: ClassVar[tuple[tuple[str, str, str], ...]]
    with_classes: ClassVar[bool] = False
    in_units: ClassVar[bool] = False

    @property
    def main(self) -> Measure:
        """The measure that chooses the best epoch and leads all tables."""
        return self.measures[0]

    @property
    def columns(self) -> frozenset[str]:
        """The columns of a history."""
        return frozenset({"epoch", "step", "loss", "seconds", *(one.name for one in (*self.training, *self.measures))})

    def best(self, history: Sequence[Row]) -> Row:
        """The epoch that is best by the main measure; the first of equals."""
        sign = 1 if self.main.higher_is_better else -1
        return max(history, key=lambda row: sign * row[self.main.name])

    def line(self, row: Row, looked_at: str = "clean") -> str:
        """The measures of an epoch for a printed line: of training, then on the examples that were looked at."""
        before = "".join(f"  {one.printed(row[one.name])}" for one in self.training)
        clean = "  ".join(one.printed(row[one.name]) for one in self.measures if one.name in self.printed)
        return f"loss {row['loss']:.4f}{before}  |  {looked_at} {clean}"

    def last_and_best(
        self, last: Mapping[str, float], best: Mapping[str, float], looked_at: str = "clean", at: str = FLATTERS
    ) -> str:
        """The main measure at the last and at the best epoch, for a printed line. at: what the best one is called."""
        main = self.main
        return f"{looked_at} {main.printed(last[main.name])} at the last epoch, {best[main.name]:{main.form}} at {at}"

    @abstractmethod
    def loss(self, model: Any, *, from_logits: bool, label_smoothing: float) -> Any:
        """The loss for `model.compile`, computed in float32."""

    @abstractmethod
    def metrics(self, *, from_logits: bool) -> list[Callable[..., Any]]:
        """Functions (labels, outputs) for `model.compile`, called as `training` names them, in any order."""

    @abstractmethod
    def gives_logits(self, model: Any, outputs: Array) -> bool:
        """Whether a model outputs logits. outputs: (2, num_classes), what it gives for two inputs."""

    @abstractmethod
    def predictions(self, outputs: Array, *, from_logits: bool) -> Floats:
        """Predictions (n, num_classes) from a model's outputs; NaN where an output is not finite."""

    def truth(self, labels: Array) -> Array:
        """What predictions are measured against. labels: float32 (n, num_classes) of clean examples."""
        return labels

    def notes(self, truth: Array) -> list[str]:
        """What cannot be measured on these examples. Raises ValueError, with the reason, if the main measure cannot."""
        return []

    @abstractmethod
    def evaluate(self, predictions: Floats, truth: Array) -> dict[str, float]:
        """All measures, by name."""


def task_of(label_kind: str) -> Task:
    """The task of a label kind."""
    return task_named(LABEL_KINDS[label_kind].task)


def task_of_history(row: Row) -> Task:
    """The task whose measures a row of a history holds. Raises ValueError if there is none."""
    found: Task | None = next((task for task in TASKS.values() if task.columns == set(row)), None)
    if found is None:
        raise ValueError("its columns are not those of a history")
    return found


def task_named(name: str) -> Task:
    """The task of this name."""
    task: Task = TASKS[name]
    return task
