"""A compiled Keras model that can start over. Compiling takes seconds, so that many short runs share one learner."""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import first_line
from mixup_pipeline.mixing.randomness import words
from mixup_pipeline.training import objective
from mixup_pipeline.training.batches import Dataset
from mixup_pipeline.training.devices import Devices
from mixup_pipeline.training.interface import Interface
from mixup_pipeline.training.models import (
    build_model,
    gives_logits,
    in_units,
    set_precision,
    set_scales,
    set_units,
    standardized,
)
from mixup_pipeline.training.scales import Scales
from mixup_pipeline.training.tensorflow_import import import_keras, import_tensorflow
from mixup_pipeline.training.train_config import TrainConfig

Array = npt.NDArray[Any]


class Learner:
    """Model, loss and optimizer of a configuration, on its devices. from_logits: the model outputs logits."""

    from_logits: bool

    def __init__(
        self,
        config: TrainConfig,
        interface: Interface,
        *,
        total_steps: int,
        steps_together: int,
        devices: Devices,
    ) -> None:
        """total_steps: where a cosine schedule ends. steps_together: how many steps Keras runs in one call.

        Raises UsageError if the model is unknown or does not fit the examples.
        """
        self.config, self.steps_together, self.devices = config, steps_together, devices
        self.interface, self.task = interface, interface.task
        set_precision(config.precision)
        with devices.strategy().scope():
            self.model = self.build()
            self.model.compile(
                objective.optimizer(config, total_steps),
                self.task.loss(self.model, from_logits=self.from_logits, label_smoothing=config.label_smoothing),
                metrics=self.task.metrics(from_logits=self.from_logits),
                jit_compile=devices.jit_compile,
                steps_per_execution=steps_together,
            )
            self.model.optimizer.build(self.model.trainable_variables)
            self._build_metrics()
        self._fresh_optimizer = _arrays(self.model.optimizer.variables)

    def begin(self, seed: int, scales: Scales | None = None, units: Scales | None = None) -> None:
        """Reset weights, optimizer and random generators to the start of a run with this seed.

        scales: those of its training examples, if they are to be standardized. units: those of its labels, if they are
        values.
        """
        import_keras().utils.set_random_seed(int(words(1, seed, "train")[0] >> np.uint64(33)))
        with self.devices.strategy().scope():
            fresh = _arrays(self.build().variables)
        self.load([*fresh, *self._fresh_optimizer])
        if scales is not None:
            set_scales(self.model, scales.mean, scales.spread)
        if units is not None:
            set_units(self.model, units.mean, units.spread)

    def state(self) -> list[Array]:
        """All arrays that training changes: variables of the model and the optimizer, then the running metrics."""
        return _arrays([*self._saved_variables(), *self.model.metrics_variables])

    def load(self, state: Sequence[Array]) -> None:
        """Restore the model and the optimizer from a `state`. Its running metrics are ignored.

        Raises ValueError if they belong to another model.
        """
        kept = self._saved_variables()
        if [tuple(array.shape) for array in state[: len(kept)]] != [tuple(variable.shape) for variable in kept]:
            raise ValueError("it belongs to another model")
        for variable, array in zip(kept, state[: len(kept)], strict=True):
            variable.assign(array)

    def load_running(self, state: Sequence[Array]) -> None:
        """Restore the running metrics from a `state`."""
        for variable, array in zip(self.model.metrics_variables, state[len(self._saved_variables()) :], strict=True):
            variable.assign(array)

    def load_weights(self, path: Path) -> None:
        """Load the model's weights from a file that Keras wrote.

        Raises ValueError naming the file if it is missing or damaged, or holds what is no number.
        """
        try:
            self.model.load_weights(path)
        except Exception as error:  # HDF5 can raise almost anything
            raise ValueError(f"{path}: cannot be read ({first_line(error)})") from error
        if not all(np.isfinite(array).all() for array in _arrays(self.model.variables)):
            raise ValueError(f"{path}: holds weights that are not numbers")

    def predict(self, batches: Dataset) -> npt.NDArray[np.float64]:
        """float64(n, num_classes): the predictions for all examples of the batches; NaN where one is not finite."""
        with whole_groups():
            return self.task.predictions(self.model.predict(batches, verbose=0), from_logits=self.from_logits)

    def build(self) -> Any:
        """A new model of this kind with new weights, not compiled.

        It is called once: that shows whether it outputs logits, and makes the variables of a keras.Model subclass.
        """
        model = build_model(self.config.model, self.interface, self.config.dropout)
        if self.config.standardize:
            model = standardized(model, self.interface.shape)
        self.from_logits = gives_logits(model, self.interface)
        if self.task.in_units:
            model = in_units(model, self.interface)
        return model

    def _build_metrics(self) -> None:
        """Make Keras create the variables of the metrics now, not with the first batch."""
        labels = np.eye(1, self.interface.num_classes, dtype=np.float32)
        self.model.test_on_batch(self.interface.zeros(1), labels)
        self.model.reset_metrics()

    def _saved_variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables]


class Learners:
    """Makes learners and keeps them: runs that differ only in seed and data share one."""

    def __init__(self, devices: Devices, *, deterministic: bool = False) -> None:
        """deterministic: only operations that give the same bits every time, even on a GPU, where they are slower."""
        self.devices, self.deterministic = devices, deterministic
        if deterministic:
            import_tensorflow().config.experimental.enable_op_determinism()
        self._made: dict[tuple[Any, ...], Learner] = {}

    def get(self, config: TrainConfig, interface: Interface, *, epoch_steps: int, total_steps: int) -> Learner:
        """A learner for runs of this configuration. Call its `begin` before training.

        Raises UsageError as `Learner` does.
        """
        together = self.devices.steps_together(epoch_steps)
        ends = total_steps if config.schedule == "cosine" or config.warmup else None
        compiled = replace(config, seed=0, epochs=1, steps=None, clean_last_epochs=0, val_share=0.0, augment=None)
        key = (compiled, interface, together, ends)
        if key not in self._made:
            self._made[key] = Learner(
                config, interface, total_steps=total_steps, steps_together=together, devices=self.devices
            )
        return self._made[key]


@contextlib.contextmanager
def whole_groups() -> Iterator[None]:
    """Silence a warning: Keras mistakes a last group with fewer steps for missing data."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Your input ran out of data")
        yield


def _arrays(variables: Sequence[Any]) -> list[Array]:
    to_numpy = import_keras().ops.convert_to_numpy
    return [to_numpy(variable) for variable in variables]
