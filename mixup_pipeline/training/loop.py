"""The training loop: Keras does the steps, this keeps the history, saves what a resumed run needs, and evaluates.

A step belongs to an epoch by its number alone, and everything random in a step depends on (seed, epoch) or on variables
that are saved. So a run that was stopped anywhere ends with the same weights as one that was not, on a CPU.
"""

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import TrainingError, UsageError
from mixup_pipeline.randomness import words
from mixup_pipeline.training.config import TrainConfig
from mixup_pipeline.training.dataset import Dataset, Feeding, evaluation_batches, training_batches
from mixup_pipeline.training.devices import Devices
from mixup_pipeline.training.metrics import evaluate
from mixup_pipeline.training.models import build_model, gives_probabilities
from mixup_pipeline.training.records import Records
from mixup_pipeline.training.run_folder import Row, RunFolder
from mixup_pipeline.training.tensorflow_import import import_keras, import_tensorflow

_EVALUATION_BATCH = 512
_SECONDS_BETWEEN_SAVES = 600

Array = npt.NDArray[Any]
Measures = dict[str, float]


class Stopped(Exception):  # noqa: N818 - it is no error
    """Training was stopped and saved."""


def _ignore(*_: Any) -> None:
    """Where nobody wants to hear of it."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is trained on what. clean: unmixed examples for the last epochs, where the config asks for them."""

    config: TrainConfig
    train: Records
    evaluation: Records
    clean: Records | None = None

    @property
    def steps_per_epoch(self) -> int:
        return self.train.examples // self.config.batch_size

    @property
    def total_steps(self) -> int:
        return self.config.steps or self.config.epochs * self.steps_per_epoch

    @property
    def num_epochs(self) -> int:
        """Epochs that are begun."""
        return math.ceil(self.total_steps / self.steps_per_epoch)


class Trainer:
    """One training run in its folder."""

    def __init__(self, job: Job, folder: RunFolder, devices: Devices) -> None:
        if not job.steps_per_epoch:
            raise UsageError(
                f"batch-size must be from 1 to {job.train.examples:,}, the number of examples, got "
                f"{job.config.batch_size:,}"
            )
        self._job, self._folder, self.stop_after = job, folder, job.total_steps + 1
        self.total_steps = job.total_steps
        keras = import_keras()
        precision = job.config.precision
        keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")
        keras.utils.set_random_seed(int(words(1, job.config.seed, "train")[0] >> np.uint64(33)))
        with devices.strategy().scope():
            shape, num_classes = job.train.shape, job.train.num_classes
            self.model = build_model(job.config.model, shape, num_classes, job.config.dropout)
            self.from_logits = not gives_probabilities(self.model, shape, num_classes)
            self.model.compile(
                _optimizer(job),
                keras.losses.CategoricalCrossentropy(
                    from_logits=self.from_logits, label_smoothing=job.config.label_smoothing, dtype="float32"
                ),
                metrics=[weighted_accuracy, dominant_accuracy],
                jit_compile=devices.jit_compile,
                steps_per_execution=devices.steps_together(job.steps_per_epoch),
            )
            self.model.optimizer.build(self.model.trainable_variables)

    def train(
        self, on_step: Callable[[int, int, Measures], None] = _ignore, on_epoch: Callable[[Row], None] = _ignore
    ) -> list[Row]:
        """Train to the end, from the last save if there is one; the history.

        on_step: called now and then with the steps done, of how many, and the running measures. on_epoch: with each
        finished row.

        Raises TrainingError where the loss is no longer a number, and Stopped after saving where `stop` was called.
        """
        job, history = self._job, self._folder.load_history()
        done, running = self._restore()
        history = [row for row in history if row["epoch"] * job.steps_per_epoch <= done]
        evaluation = evaluation_batches(job.evaluation, _EVALUATION_BATCH)
        while done < job.total_steps:
            epoch, offset = divmod(done, job.steps_per_epoch)
            started = time.monotonic()
            steps = min(job.steps_per_epoch - offset, job.total_steps - done)
            watch = _watch(self, done, done + steps, running, on_step)
            batches = self._batches(epoch, offset, steps)
            with _short_last_group():
                fitted = self.model.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=[watch])
            done, running = done + steps, None
            measures = {name: float(values[-1]) for name, values in fitted.history.items()}
            row: Row = {"epoch": epoch + 1, "step": done, **measures, **self.evaluate(evaluation)}
            history.append({**row, "seconds": round(time.monotonic() - started, 3)})
            self._keep(history, done)
            on_epoch(history[-1])
        return history

    def stop(self) -> None:
        """Save after the steps that are running, and end with Stopped."""
        self.stop_after = 0

    def evaluate(self, batches: Dataset) -> Measures:
        """Measures of the model as it is on clean examples."""
        labels = np.concatenate([labels.argmax(1) for _, labels in batches.as_numpy_iterator()])
        return evaluate(self.predict(batches), labels)

    def predict(self, batches: Dataset) -> npt.NDArray[np.float64]:
        """float64(n, num_classes) probabilities."""
        with _short_last_group():
            outputs = self.model.predict(batches, verbose=0).astype(np.float64)
        if self.from_logits:
            outputs = np.exp(outputs - outputs.max(1, keepdims=True))
        return outputs / outputs.sum(1, keepdims=True)

    def save(self, done: int) -> None:
        """Keep all that a later run needs to go on after this step."""
        numpy = import_keras().ops.convert_to_numpy
        self._folder.save_state(done, [numpy(variable) for variable in self._variables()])

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables, *self.model.metrics_variables]

    def _restore(self) -> tuple[int, list[Array] | None]:
        """The steps that are done and the running measures of an epoch that is begun."""
        state = self._folder.load_state()
        if state is None:
            return 0, None
        done, arrays = state
        fixed = [*self.model.variables, *self.model.optimizer.variables]
        for variable, array in zip(fixed, arrays, strict=False):
            variable.assign(array)
        return done, arrays[len(fixed) :]

    def _batches(self, epoch: int, offset: int, steps: int) -> Dataset:
        """So many batches of an epoch from an offset on."""
        job, config = self._job, self._job.config
        clean = job.clean is not None and epoch >= config.epochs - config.clean_last_epochs
        records = job.clean if clean and job.clean is not None else job.train
        feeding = Feeding(batch_size=config.batch_size, seed=config.seed, shuffle_buffer=config.shuffle_buffer)
        batches = training_batches(records, feeding, epoch).skip(offset).take(steps)
        return batches.apply(import_tensorflow().data.experimental.assert_cardinality(steps))

    def _keep(self, history: list[Row], done: int) -> None:
        folder = self._folder
        folder.save_history(history)
        folder.save_weights(self.model, folder.last_weights)
        if best_row(history) is history[-1]:
            folder.save_weights(self.model, folder.best_weights)
        self.save(done)


@contextlib.contextmanager
def _short_last_group() -> Iterator[None]:
    """Keras takes a last group of steps that is shorter than the others for a lack of data, and warns."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Your input ran out of data")
        yield


def best_row(history: list[Row]) -> Row:
    """The epoch with the highest accuracy on clean examples, the first of equals."""
    return max(history, key=lambda row: row["accuracy"])


def _watch(
    trainer: Trainer, done: int, end: int, running: list[Array] | None, on_step: Callable[[int, int, Measures], None]
) -> Any:
    """A Keras callback that counts steps, looks at the loss, saves now and then, and stops when asked."""
    keras = import_keras()

    class Watch(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.done, self.saved = done, time.monotonic()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            for variable, array in zip(trainer.model.metrics_variables, running or [], strict=False):
                variable.assign(array)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.done = min(done + batch + 1, end)  # Keras counts the last group of steps as a whole one
            measures = {name: float(value) for name, value in (logs or {}).items()}
            if not math.isfinite(measures["loss"]):
                rate = float(keras.ops.convert_to_numpy(trainer.model.optimizer.learning_rate))
                raise TrainingError(
                    f"the loss is {measures['loss']} by step {self.done:,} (learning rate {rate:g}): use a lower "
                    f"--learning-rate, or --precision bfloat16 or float32"
                )
            on_step(self.done, trainer.total_steps, measures)
            late = time.monotonic() - self.saved > _SECONDS_BETWEEN_SAVES
            stopping = self.done >= trainer.stop_after
            if stopping or late:
                trainer.save(self.done)
                self.saved = time.monotonic()
            if stopping:
                raise Stopped(f"stopped after step {self.done:,}, which is saved")

    return Watch()


def weighted_accuracy(labels: Any, outputs: Any) -> Any:
    """The weight that the soft label gives to the predicted class: λ or 1−λ of a mixed example, or 0."""
    ops = import_keras().ops
    return ops.sum(labels * ops.one_hot(ops.argmax(outputs, -1), labels.shape[-1], dtype=labels.dtype), -1)


def dominant_accuracy(labels: Any, outputs: Any) -> Any:
    """Whether the predicted class is the heaviest of the soft label."""
    ops = import_keras().ops
    return ops.cast(ops.equal(ops.argmax(outputs, -1), ops.argmax(labels, -1)), "float32")


def _optimizer(job: Job) -> Any:
    keras, config = import_keras(), job.config
    rate: Any = config.learning_rate
    if config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, job.total_steps)
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=config.weight_decay or None)
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    return keras.optimizers.Adam(rate)
