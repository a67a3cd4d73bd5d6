"""Multi-label: several classes at once, or none. Labels are shares from 0 to 1, predictions are probabilities.

The main measure is the mean average precision (mAP) over the classes. A class without a positive example has no average
precision and is left out of the mean, which is said and counted. Measures are in pure NumPy.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.training.tasks import Array, Floats, Measure, Task
from mixup_pipeline.training.tensorflow_import import import_keras

_LEAST = 1e-12
_PRESENT = 0.5


def average_precision(scores: Floats, present: npt.NDArray[np.bool_]) -> float:
    """Average precision of one class: Σ (R_k − R_{k−1}) · P_k over the distinct scores, from the highest.

    Examples with equal scores are taken together, so that the order of examples does not matter. scores: float64[n].
    present: bool[n], of which at least one is true.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # the last example of each distinct score
    hits = np.cumsum(present[order])[ends]
    precision = hits / (ends + 1)
    return float((np.diff(hits, prepend=0) * precision).sum() / hits[-1])


def mean_average_precision(predictions: Floats, present: npt.NDArray[np.bool_]) -> float:
    """The mean of the average precisions of all classes that have a positive example."""
    measured = np.flatnonzero(present.any(0))
    return float(np.mean([average_precision(predictions[:, one], present[:, one]) for one in measured]))


def micro_f1(predictions: Floats, present: npt.NDArray[np.bool_]) -> float:
    """2·TP / (2·TP + FP + FN) over all examples and classes at 0.5; 0 where nothing is present and nothing is found."""
    found = predictions >= _PRESENT
    both, either = int((found & present).sum()), int(found.sum()) + int(present.sum())
    return 2 * both / either if either else 0.0


def binary_accuracy_at(threshold: float) -> Callable[..., Any]:
    """A metric for Keras: the share of classes of which the output says rightly whether they are present."""

    def binary_accuracy(labels: Any, outputs: Any) -> Any:
        ops = import_keras().ops
        right = ops.equal(ops.greater_equal(outputs, threshold), ops.greater_equal(labels, _PRESENT))
        return ops.mean(ops.cast(right, "float32"), -1)

    return binary_accuracy


class MultiLabel(Task):
    """Several classes at once."""

    name = "multi-label"
    activation = "sigmoid"
    loss_title = "binary cross-entropy"
    training = (Measure(name="binary_accuracy", title="Binary accuracy", words="binary accuracy"),)
    measures = (
        Measure(name="map", title="mAP", words="mAP", in_percent=True),
        Measure(name="micro_f1", title="micro F1", words="micro F1", in_percent=True),
        Measure(name="nll", title="NLL", within=(0.0, np.inf), higher_is_better=False),
        Measure(name="brier", title="Brier score", higher_is_better=False),
    )
    printed = ("map", "micro_f1", "nll")
    drawn = (
        ("map", "mAP on clean examples", "mean average precision"),
        ("nll", "Loss on clean examples", "mean binary cross-entropy"),
    )

    def loss(self, model: Any, *, from_logits: bool, label_smoothing: float) -> Any:
        """Binary cross-entropy, the mean over the classes."""
        return import_keras().losses.BinaryCrossentropy(
            from_logits=from_logits, label_smoothing=label_smoothing, dtype="float32"
        )

    def metrics(self, *, from_logits: bool) -> list[Callable[..., Any]]:
        """Binary accuracy; a mixed label counts as present from a share of a half on."""
        return [binary_accuracy_at(0.0 if from_logits else _PRESENT)]

    def gives_logits(self, model: Any, outputs: Array) -> bool:
        """Whether the last layer is no sigmoid. Two outputs between 0 and 1 would show nothing."""
        while getattr(model, "layers", None):
            model = model.layers[-1]
        keras = import_keras()
        return getattr(model, "activation", None) is not keras.activations.sigmoid

    def predictions(self, outputs: Array, *, from_logits: bool) -> Floats:
        """Probabilities of each class alone."""
        outputs = outputs.astype(np.float64)
        if not from_logits:
            return outputs
        least = np.exp(-np.abs(outputs))  # never overflows
        return np.where(outputs >= 0, 1 / (1 + least), least / (1 + least))

    def notes(self, truth: Array) -> list[str]:
        """How many classes have no positive example."""
        missing = int((~(truth >= _PRESENT).any(0)).sum())
        if missing == truth.shape[1]:
            raise ValueError("no example is of any class, so that no mAP is defined")
        if not missing:
            return []
        return [
            f"{missing:,} of {truth.shape[1]:,} classes have no positive evaluation example: mAP is the mean over the "
            f"others"
        ]

    def evaluate(self, predictions: Floats, truth: Array) -> dict[str, float]:
        """mAP and micro F1 against labels at 0.5; mean binary cross-entropy and squared error over all classes."""
        present, labels = truth >= _PRESENT, truth.astype(np.float64)
        of_present, of_absent = (np.log(np.maximum(share, _LEAST)) for share in (predictions, 1 - predictions))
        return {
            "map": mean_average_precision(predictions, present),
            "micro_f1": micro_f1(predictions, present),
            "nll": float(-(labels * of_present + (1 - labels) * of_absent).mean()),
            "brier": float(((predictions - labels) ** 2).mean()),
        }


TASK = MultiLabel()
