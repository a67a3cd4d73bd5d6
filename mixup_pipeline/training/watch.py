"""A Keras callback that counts steps, checks the loss, saves every ten minutes, and stops when asked."""

import math
import time
from collections.abc import Callable
from typing import Any, Protocol

from mixup_pipeline.errors import TrainingError
from mixup_pipeline.training.learner import Learner
from mixup_pipeline.training.tensorflow_import import import_keras

Measures = dict[str, float]
OnStep = Callable[[int, int, Measures], None]

_SECONDS_BETWEEN_SAVES = 600


class Stopped(Exception):  # noqa: N818 - it is no error
    """Training was stopped and saved."""


def stopped_text(done: int) -> str:
    """The message of `Stopped` after this step."""
    return f"stopped after step {done:,}, which is saved"


def diverged(found: str, done: int, learner: Learner) -> TrainingError:
    """The error for a loss or an output that is no longer a number. found: what was seen by this step."""
    rate = float(import_keras().ops.convert_to_numpy(learner.model.optimizer.learning_rate))
    return TrainingError(
        f"{found} by step {done:,} (learning rate {rate:g}): use a lower --learning-rate, or --precision bfloat16 or "
        f"float32"
    )


class Watched(Protocol):
    """The trainer, as the callback sees it. stop_after: the step after which it should stop."""

    learner: Learner
    stop_after: int

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""

    def save(self, done: int) -> None:
        """Save all that is needed to resume after this step."""


def watch(trainer: Watched, done: int, end: int, on_begin: Callable[[], None], on_step: OnStep) -> Any:
    """A callback for steps done + 1 to end. on_begin: called after Keras has reset its metrics.

    It raises TrainingError if the loss is no longer a number. If `trainer.stop` was called it saves and raises Stopped.
    """
    keras = import_keras()

    class Watch(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.done, self.saved = done, time.monotonic()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            on_begin()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.done = min(done + batch + 1, end)  # Keras counts the last group of steps as a full one
            measures = {name: float(value) for name, value in (logs or {}).items()}
            if not math.isfinite(measures["loss"]):
                raise diverged(f"the loss is {measures['loss']}", self.done, trainer.learner)
            on_step(self.done, trainer.total_steps, measures)
            late = time.monotonic() - self.saved > _SECONDS_BETWEEN_SAVES
            stopping = (
                self.done >= trainer.stop_after and self.done < end
            )  # an epoch that is at its end is finished first
            if stopping or late:
                trainer.save(self.done)
                self.saved = time.monotonic()
            if stopping:
                raise Stopped(stopped_text(self.done))

    return Watch()
