"""A Keras callback that counts steps, looks at the loss, saves now and then, and stops when asked."""

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
    """What `Stopped` says."""
    return f"stopped after step {done:,}, which is saved"


def diverged(found: str, done: int, learner: Learner) -> TrainingError:
    """The error of numbers that are none any more, found by this step."""
    rate = float(import_keras().ops.convert_to_numpy(learner.model.optimizer.learning_rate))
    return TrainingError(
        f"{found} by step {done:,} (learning rate {rate:g}): use a lower --learning-rate, or --precision bfloat16 or "
        f"float32"
    )


class Watched(Protocol):
    """What is watched: a trainer. stop_after: the step after which it is to stop."""

    learner: Learner
    stop_after: int

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""

    def save(self, done: int) -> None:
        """Keep all that a later run needs to go on after this step."""


def watch(trainer: Watched, done: int, end: int, on_begin: Callable[[], None], on_step: OnStep) -> Any:
    """A callback for steps done + 1 to end. on_begin: called once Keras has reset its metrics.

    It raises TrainingError where the loss is no longer a number, and Stopped after saving where `trainer.stop` was
    called.
    """
    keras = import_keras()

    class Watch(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.done, self.saved = done, time.monotonic()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            on_begin()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.done = min(done + batch + 1, end)  # Keras counts the last group of steps as a whole one
            measures = {name: float(value) for name, value in (logs or {}).items()}
            if not math.isfinite(measures["loss"]):
                raise diverged(f"the loss is {measures['loss']}", self.done, trainer.learner)
            on_step(self.done, trainer.total_steps, measures)
            late = time.monotonic() - self.saved > _SECONDS_BETWEEN_SAVES
            stopping = self.done >= trainer.stop_after and self.done < end  # at its end, an epoch is finished first
            if stopping or late:
                trainer.save(self.done)
                self.saved = time.monotonic()
            if stopping:
                raise Stopped(stopped_text(self.done))

    return Watch()
