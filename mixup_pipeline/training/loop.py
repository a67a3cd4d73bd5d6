"""The training loop. Keras runs the steps; this keeps the history, saves what a resumed run needs, and evaluates.

The number of a step decides its epoch. Everything random in a step depends on (seed, epoch) or on variables that are
saved. So on a CPU a run that was stopped anywhere ends with the same weights as one that was not.

The model is looked at on clean examples after each epoch. A run that is counted in steps is looked at ten times,
whatever the size of its training set: the best of more looks would be better by chance.
"""

import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from mixup_pipeline.errors import UsageError
from mixup_pipeline.storage.atomic import sha256_of
from mixup_pipeline.training.batches import Dataset, reading_errors, training_batches
from mixup_pipeline.training.claimed_folder import OnNote, ignore
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.learner import Learner, Learners, whole_groups
from mixup_pipeline.training.online import mixed_online
from mixup_pipeline.training.order import Feeding
from mixup_pipeline.training.run_folder import RunFolder
from mixup_pipeline.training.saved_state import Row, SavedState
from mixup_pipeline.training.scales import Scales
from mixup_pipeline.training.tensorboard import clear_log, log_rows
from mixup_pipeline.training.tensorflow_import import import_tensorflow
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.unchanged import Unchanged
from mixup_pipeline.training.watch import OnStep, Stopped, diverged, stopped_text, watch

_LOOKS = 10


def _ignore(*_: Any) -> None:
    """A callback that does nothing."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to train on what.

    evaluation: what the model is looked at on. test: where that chooses the best epoch, the examples that are looked at
    once, when training has ended.
    clean: unmixed examples for the last epochs, if the config asks for them. online_alpha: mix the examples of `train`
    while they are read, with λ ~ Beta(online_alpha, online_alpha). scales: if numbers are to be standardized. units:
    the scales of labels that are values.

    Raises UsageError if the examples do not fill one batch.
    """

    config: TrainConfig
    train: ExampleFiles
    evaluation: Evaluation
    test: Evaluation | None = None
    clean: ExampleFiles | None = None
    online_alpha: float | None = None
    scales: Scales | None = None
    units: Scales | None = None

    def __post_init__(self) -> None:
        if not self.steps_per_epoch:
            is_default = self.config.batch_size == TrainConfig.batch_size
            raise UsageError(
                f"--batch-size must be from 1 to {self.train.examples:,}, the number of examples, got "
                f"{self.config.batch_size:,}{' (the default)' if is_default else ''}"
            )

    @property
    def steps_per_epoch(self) -> int:
        return self.train.examples // self.config.batch_size

    @property
    def total_steps(self) -> int:
        return self.config.steps or self.config.epochs * self.steps_per_epoch

    @cached_property
    def looks(self) -> tuple[int, ...]:
        """The steps after which the model is looked at on clean examples, ascending; the last step is one."""
        total, per_epoch = self.total_steps, self.steps_per_epoch
        if self.config.steps is None:
            return tuple(range(per_epoch, total + 1, per_epoch))
        return tuple(sorted({-(-total * look // _LOOKS) for look in range(1, _LOOKS + 1)}))

    def epoch_of(self, step: int) -> int:
        """The epoch, from 1, that a step, from 1, belongs to."""
        return -(-step // self.steps_per_epoch)

    def batches(self, steps: range) -> Dataset:
        """The batches of some steps of one look, counted from 0."""
        config = self.config
        clean = self.clean is not None and self.epoch_of(steps.stop) > config.epochs - config.clean_last_epochs
        records = self.clean if clean and self.clean is not None else self.train
        feeding = Feeding(batch_size=config.batch_size, seed=config.seed)
        if self.online_alpha is None:
            batches = training_batches(records, feeding, steps)
        else:
            batches = mixed_online(records, feeding, steps, alpha=self.online_alpha)
        return batches.apply(import_tensorflow().data.experimental.assert_cardinality(len(steps)))


class Trainer:
    """One training run in its folder."""

    def __init__(self, job: Job, folder: RunFolder, learners: Learners, *, run: str = "") -> None:
        """run: the digest of the request, which a save must have.

        Raises SourceError if a file of examples is not there, UsageError if the model is unknown or does not fit them.
        """
        self.job, self._folder, self._run, self.stop_after = job, folder, run, job.total_steps + 1
        self._done, self._history = 0, list[Row]()
        self._best: str | None = None
        self._on_begin: Callable[[], None] = _ignore
        self._unchanged = Unchanged(job.train, *([job.clean] if job.clean is not None else []))
        self.learner: Learner = learners.get(
            job.config,
            job.train.interface,
            epoch_steps=job.looks[0],
            total_steps=job.total_steps,
        )
        self._begin()

    def train(self, on_step: OnStep = _ignore, on_epoch: Callable[[Row], None] = _ignore) -> list[Row]:
        """Train to the end, from where `resume` went back to. Returns the history.

        on_step: called after each group of steps with the number done, of how many, and the running measures. on_epoch:
        called with the row of each look, which with epochs is each finished epoch.

        Raises TrainingError if the loss or an output is no longer a number, SourceError if the examples cannot be read
        or were written anew meanwhile. If `stop` was called, saves and raises Stopped.
        """
        job, learner, done, on_begin = self.job, self.learner, self._done, self._on_begin
        while done < job.total_steps:
            end, started = job.looks[bisect_right(job.looks, done)], time.monotonic()
            callback = watch(self, done, end, on_begin, on_step)
            with whole_groups(), reading_errors(job.train):
                fitted = learner.model.fit(
                    job.batches(range(done, end)), epochs=1, verbose=0, shuffle=False, callbacks=[callback]
                )
            self._unchanged.check()
            done, on_begin = end, _ignore
            measures = {name: float(values[-1]) for name, values in fitted.history.items()}
            row: Row = {"epoch": job.epoch_of(done), "step": done, **measures, **self._measure(done, job.evaluation)}
            self._finish_epoch({**row, "seconds": round(time.monotonic() - started, 3)})
            on_epoch(self._history[-1])
            if self.stop_after <= done < job.total_steps:
                raise Stopped(stopped_text(done))
        return self._history

    def test(self) -> dict[str, dict[str, float]]:
        """The measures on the test examples, if there are any, with the weights of the last and of the chosen look."""
        if self.job.test is None:
            return {}
        last = self._measure(self._done, self.job.test)  # the model's weights are the last ones
        self.learner.load_weights(self._folder.best_weights)
        return {"last": last, "best": self._measure(self._done, self.job.test)}

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
        state = SavedState(
            step=done, arrays=self.learner.state(), history=self._history, best=self._best, run=self._run
        )
        self._folder.save_state(state)

    def resume(self, on_note: OnNote = ignore) -> None:
        """Go back to the last save, if there is one, and write again what follows from it.

        A save that cannot be used is as none: on_note is told, and training begins anew.
        """
        try:
            state = self._folder.load_state()
            if state is None:
                return
            self._check(state)
            self.learner.load(state.arrays)
        except ValueError as error:
            on_note(f"{error}: training begins anew")
            self._begin()
            clear_log(self._folder.log)
            return
        self._done, self._history, self._best = state.step, list(state.history), state.best
        if state.step not in self.job.looks:
            self._on_begin = partial(self.learner.load_running, state.arrays)
        clear_log(self._folder.log)
        self._write_epochs(self._history)

    def _begin(self) -> None:
        """Start anew."""
        self.learner.begin(self.job.config.seed, self.job.scales, self.job.units)

    def _measure(self, done: int, evaluation: Evaluation) -> dict[str, float]:
        """The measures on clean examples after this step. The loss of a step is that of the weights before it."""
        predictions = evaluation.predict(self.learner)
        if not np.isfinite(predictions).all():
            raise diverged("the model's output is not a number", done, self.learner)
        return self.learner.task.evaluate(predictions, evaluation.truth)

    def _check(self, state: SavedState) -> None:
        """Raise ValueError naming the file if a save is not of this run, or the best weights are not those it names."""
        folder, done = self._folder, state.step
        looks = bisect_right(self.job.looks, done)
        if state.run != self._run or len(state.history) != looks or done > self.job.total_steps:
            raise ValueError(f"{folder.root}/state.npz: is of another run")
        best = folder.best_weights
        if state.best is not None and not (best.is_file() and sha256_of(best) == state.best):
            raise ValueError(f"{best}: is not as it was written")

    def _finish_epoch(self, row: Row) -> None:
        """Save, then write what follows from the save. After a stop in between `resume` writes that."""
        self._done = int(row["step"])
        self._history.append(row)
        if self.learner.task.best(self._history) is row:
            self._best = None  # they are the model's now
        self.save(self._done)
        self._write_epochs([row])

    def _write_epochs(self, rows: list[Row]) -> None:
        """Write the history and the weights of a save. rows: those to be logged."""
        folder, model = self._folder, self.learner.model
        if not self._history:
            return
        folder.save_history(self._history)
        if self._history[-1]["step"] == self._done:
            folder.save_weights(model, folder.last_weights)
            if self._best is None:
                self._best = folder.save_weights(model, folder.best_weights)
        log_rows(folder.log, rows)
