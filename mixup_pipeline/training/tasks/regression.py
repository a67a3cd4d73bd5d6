"""Regression: one or several real values. Predictions are values in the units of the labels.

Models end in a layer that brings their outputs from mean 0 and spread 1 to the units of the training labels
(`models.in_units`), and the loss is taken in spreads. So labels of any scale are learned with the same learning rate.
The main measure is R², for several values their mean. A value that never differs among the evaluation examples has no
R² and is left out of the mean, which is said and counted.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from mixup_pipeline.training.tasks import Array, Floats, Measure, Task
from mixup_pipeline.training.tensorflow_import import import_keras


def mean_absolute_error(labels: Any, outputs: Any) -> Any:
    """A metric for Keras, in the units of the labels."""
    ops = import_keras().ops
    return ops.mean(ops.abs(labels - outputs), -1)


def r_squared(predictions: Floats, labels: Floats) -> float:
    """1 − Σ(y − ŷ)² / Σ(y − ȳ)², the mean over the values (columns) that differ among the examples."""
    differs = _differs(labels)
    errors = ((labels - predictions) ** 2).sum(0)[differs]
    spreads = ((labels - labels.mean(0)) ** 2).sum(0)[differs]
    return float((1 - errors / spreads).mean())


def _differs(labels: Array) -> Array:
    return np.asarray((labels != labels[:1]).any(0))


class Regression(Task):
    """Real values."""

    name = "regression"
    loss_title = "mean squared error in spreads"
    training = (Measure(name="mean_absolute_error", title="Mean absolute error", words="MAE", form=".4g"),)
    measures = (
        Measure(name="r2", title="R²", words="R²", within=(-np.inf, 1.0)),
        Measure(name="mse", title="MSE", words="MSE", within=(0.0, np.inf), higher_is_better=False, form=".4g"),
        Measure(name="mae", title="MAE", words="MAE", within=(0.0, np.inf), higher_is_better=False, form=".4g"),
    )
    printed = ("r2", "mse", "mae")
    drawn = (
        ("r2", "R² on clean examples", "R²"),
        ("mse", "Loss on clean examples", "mean squared error"),
    )
    in_units = True

    def loss(self, model: Any, *, from_logits: bool, label_smoothing: float) -> Any:
        """Mean squared error in spreads of the training labels, which the model's last layer holds."""
        ops, spread = import_keras().ops, model.layers[-1].spread

        def squared_error(labels: Any, outputs: Any) -> Any:
            return ops.mean(ops.square((labels - outputs) / spread), -1)

        return squared_error

    def metrics(self, *, from_logits: bool) -> list[Callable[..., Any]]:
        """Mean absolute error."""
        return [mean_absolute_error]

    def gives_logits(self, model: Any, outputs: Array) -> bool:
        """Never: outputs are values."""
        return False

    def predictions(self, outputs: Array, *, from_logits: bool) -> Floats:
        """The values."""
        return outputs.astype(np.float64)

    def notes(self, truth: Array) -> list[str]:
        """How many values never differ."""
        missing = int((~_differs(truth)).sum())
        if missing == truth.shape[1]:
            raise ValueError("their labels are all equal, so that no R² is defined")
        if not missing:
            return []
        return [
            f"{missing:,} of {truth.shape[1]:,} values are equal in all evaluation examples: R² is the mean over the "
            f"others"
        ]

    def evaluate(self, predictions: Floats, truth: Array) -> dict[str, float]:
        """R², mean squared and mean absolute error, over all values."""
        labels = truth.astype(np.float64)
        return {
            "r2": r_squared(predictions, labels),
            "mse": float(((predictions - labels) ** 2).mean()),
            "mae": float(np.abs(predictions - labels).mean()),
        }


TASK = Regression()
