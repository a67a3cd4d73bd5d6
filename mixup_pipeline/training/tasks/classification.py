"""Classification: one class of several. Labels are soft, predictions are probabilities that sum to 1."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mixup_pipeline.training import metrics
from mixup_pipeline.training.tasks import Array, Floats, Measure, Task
from mixup_pipeline.training.tensorflow_import import import_keras


def weighted_accuracy(labels: Any, outputs: Any) -> Any:
    """The weight that the soft label gives to the predicted class: λ or 1−λ of a mixed example, or 0."""
    ops = import_keras().ops
    return ops.sum(labels * ops.one_hot(ops.argmax(outputs, -1), labels.shape[-1], dtype=labels.dtype), -1)


def dominant_accuracy(labels: Any, outputs: Any) -> Any:
    """Whether the predicted class is the heaviest of the soft label."""
    ops = import_keras().ops
    return ops.cast(ops.equal(ops.argmax(outputs, -1), ops.argmax(labels, -1)), "float32")


class Classification(Task):
    """One class of several."""

    name = "classification"
    activation = "softmax"
    loss_title = "cross-entropy"
    training = (
        Measure(name="dominant_accuracy", title="Dominant accuracy", words="dominant accuracy"),
        Measure(name="weighted_accuracy", title="Weighted accuracy", words="λ-weighted"),
    )
    measures = (
        Measure(name="accuracy", title="Accuracy", in_percent=True),
        Measure(name="nll", title="NLL", within=(0.0, np.inf), higher_is_better=False),
        Measure(name="ece", title="ECE", higher_is_better=False, in_percent=True),
        Measure(name="brier", title="Brier score", within=(0.0, 2.0), higher_is_better=False),
        Measure(name="confidence", title="mean confidence", in_percent=True),
    )
    printed = ("accuracy", "nll", "ece")
    drawn = (
        ("accuracy", "Accuracy on clean examples", "accuracy"),
        ("nll", "Loss on clean examples", "negative log likelihood"),
    )
    with_classes = True

    def loss(self, model: Any, *, from_logits: bool, label_smoothing: float) -> Any:
        """Categorical cross-entropy."""
        return import_keras().losses.CategoricalCrossentropy(
            from_logits=from_logits, label_smoothing=label_smoothing, dtype="float32"
        )

    def metrics(self, *, from_logits: bool) -> list[Callable[..., Any]]:
        """Two accuracies for soft labels."""
        return [weighted_accuracy, dominant_accuracy]

    def gives_logits(self, model: Any, outputs: Array) -> bool:
        """Whether the outputs are no probabilities that sum to 1."""
        return not ((outputs >= 0).all() and np.allclose(outputs.sum(1), 1, atol=1e-2))

    def predictions(self, outputs: Array, *, from_logits: bool) -> Floats:
        """Probabilities that sum to 1."""
        outputs = outputs.astype(np.float64)
        with np.errstate(invalid="ignore"):
            if from_logits:
                outputs = np.exp(outputs - outputs.max(1, keepdims=True))
            return np.asarray(outputs / outputs.sum(1, keepdims=True))

    def truth(self, labels: Array) -> Array:
        """int[n]: the true classes; for a soft label the heaviest."""
        return np.asarray(labels.argmax(1))

    def evaluate(self, predictions: Floats, truth: Array) -> dict[str, float]:
        """Accuracy, negative log likelihood, calibration error, Brier score and mean confidence."""
        return metrics.evaluate(predictions, truth)


TASK = Classification()
