"""The training loop. Keras runs the steps; this keeps the history, saves what a resumed run needs, and evaluates.

The number of a step decides its epoch. Everything random in a step depends on (seed, epoch) or on variables that are
saved. So on a CPU a run that was stopped anywhere ends with the same weights as one that was not.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixup_pipeline.errors import OutputError, UsageError
from mixup_pipeline.training.batches import Dataset, Feeding, reading_errors, training_batches
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.learner import Learner, Learners, whole_groups
from mixup_pipeline.training.metrics import evaluate
from mixup_pipeline.training.online import mixed_online
from mixup_pipeline.training.run_folder import Row, RunFolder
from mixup_pipeline.training.tensorboard import log_row
from mixup_pipeline.training.tensorflow_import import import_tensorflow
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.watch import OnStep, Stopped, diverged, stopped_text, watch


def _ignore(*_: Any) -> None:
    """A callback that does nothing."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to train on what.

    clean: unmixed examples for the last epochs, if the config asks for them. online_alpha: mix the examples of `train`
    while they are read, with λ ~ Beta(online_alpha, online_alpha).

    Raises UsageError if the examples do not fill one batch.
    """

    config: TrainConfig
    train: ExampleFiles
    evaluation: Evaluation
    clean: ExampleFiles | None = None
    online_alpha: float | None = None

    def __post_init__(self) -> None:
        if not self.steps_per_epoch:
            raise UsageError(
                f"batch-size must be from 1 to {self.train.examples:,}, the number of examples, got "
                f"{self.config.batch_size:,}"
            )

    @property
    def steps_per_epoch(self) -> int:
        return self.train.examples // self.config.batch_size

    @property
    def total_steps(self) -> int:
        return self.config.steps or self.config.epochs * self.steps_per_epoch

    def batches(self, epoch: int, offset: int, steps: int) -> Dataset:
        """The batches of an epoch from number `offset` on, `steps` of them."""
        config = self.config
        clean = self.clean is not None and epoch >= config.epochs - config.clean_last_epochs
        records = self.clean if clean and self.clean is not None else self.train
        feeding = Feeding(batch_size=config.batch_size, seed=config.seed, shuffle_buffer=config.shuffle_buffer)
        if self.online_alpha is None:
            batches = training_batches(records, feeding, epoch)
        else:
            batches = mixed_online(records, feeding, epoch, alpha=self.online_alpha)
        batches = batches.skip(offset).take(steps)
        return batches.apply(import_tensorflow().data.experimental.assert_cardinality(steps))


class Trainer:
    """One training run in its folder."""

    def __init__(self, job: Job, folder: RunFolder, learners: Learners) -> None:
        """Raises UsageError if the model is unknown or does not fit the examples."""
        self.job, self._folder, self.stop_after = job, folder, job.total_steps + 1
        self.learner: Learner = learners.get(
            job.config,
            job.train.shape,
            job.train.num_classes,
            epoch_steps=job.steps_per_epoch,
            total_steps=job.total_steps,
        )
        self.learner.begin(job.config.seed)

    def train(self, on_step: OnStep = _ignore, on_epoch: Callable[[Row], None] = _ignore) -> list[Row]:
        """Train to the end, from the last save if there is one. Returns the history.

        on_step: called after each group of steps with the number done, of how many, and the running measures. on_epoch:
        called with the row of each finished epoch.

        Raises TrainingError if the loss or an output is no longer a number. If `stop` was called, saves and raises
        Stopped.
        """
        job, learner = self.job, self.learner
        done, on_begin = self._restore()
        history = self._history(done)
        while done < job.total_steps:
            epoch, offset = divmod(done, job.steps_per_epoch)
            started = time.monotonic()
            steps = min(job.steps_per_epoch - offset, job.total_steps - done)
            callback = watch(self, done, done + steps, on_begin, on_step)
            with whole_groups(), reading_errors(job.train):
                fitted = learner.model.fit(
                    job.batches(epoch, offset, steps), epochs=1, verbose=0, shuffle=False, callbacks=[callback]
                )
            done, on_begin = done + steps, _ignore
            measures = {name: float(values[-1]) for name, values in fitted.history.items()}
            row: Row = {"epoch": epoch + 1, "step": done, **measures, **self._measure(done)}
            history.append({**row, "seconds": round(time.monotonic() - started, 3)})
            self._save_epoch(history, done)
            on_epoch(history[-1])
            if self.stop_after <= done < job.total_steps:
                raise Stopped(stopped_text(done))
        return history

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.job.total_steps

    def stop(self) -> None:
        """Save after the steps that are running, and end with Stopped. May be called from a signal handler."""
        self.stop_after = 0

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self.stop_after == 0

    def save(self, done: int) -> None:
        """Save all that is needed to resume after this step."""
        self._folder.save_state(done, self.learner.state())

    def _measure(self, done: int) -> dict[str, float]:
        """The measures on clean examples after this step. The loss of a step is that of the weights before it."""
        evaluation = self.job.evaluation
        probabilities = evaluation.predict(self.learner)
        if not np.isfinite(probabilities).all():
            raise diverged("the model's output is not a number", done, self.learner)
        return evaluate(probabilities, evaluation.class_ids)

    def _history(self, done: int) -> list[Row]:
        """The epochs that were complete after this step.

        Raises OutputError if the file does not hold as many.
        """
        rows = [row for row in self._folder.load_history() if row["step"] <= done]
        full, begun = divmod(done, self.job.steps_per_epoch)
        if len(rows) != full + (begun > 0 and done == self.job.total_steps):
            folder = self._folder.root
            raise OutputError(
                f"{folder}/history.csv: has {len(rows)} epochs by step {done}: remove {folder} and train again"
            )
        return rows

    def _restore(self) -> tuple[int, Callable[[], None]]:
        """The steps done at the last save, and a function that restores the running metrics of a begun epoch."""
        saved = self._folder.load_state()
        if saved is None:
            return 0, _ignore
        done, state = saved
        try:
            self.learner.load(state)
        except ValueError as error:
            folder = self._folder.root
            raise OutputError(f"{folder}/state.npz: {error}: remove {folder} and train again") from error
        begun = done % self.job.steps_per_epoch > 0
        return done, (lambda: self.learner.load_running(state)) if begun else _ignore

    def _save_epoch(self, history: list[Row], done: int) -> None:
        """Save the history, the weights and the state after a finished epoch."""
        folder, model = self._folder, self.learner.model
        folder.save_history(history)
        folder.save_weights(model, folder.last_weights)
        if best_row(history) is history[-1]:
            folder.save_weights(model, folder.best_weights)
        log_row(folder.root / "tensorboard", history[-1])
        self.save(done)


def best_row(history: list[Row]) -> Row:
    """The epoch with the highest accuracy on clean examples; the first of equals."""
    return max(history, key=lambda row: row["accuracy"])
