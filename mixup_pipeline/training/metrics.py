"""Measures of predictions: accuracy, negative log likelihood, calibration error, Brier score. Pure NumPy.

probabilities are float(n, classes) with rows that sum to 1; class_ids are int[n].
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.floating[Any]]
ClassIds = npt.NDArray[np.integer[Any]]

ECE_BINS = 15
_LEAST = 1e-12


def evaluate(probabilities: Probabilities, class_ids: ClassIds) -> dict[str, float]:
    """All measures, by name, and the mean confidence."""
    return {
        "accuracy": accuracy(probabilities, class_ids),
        "nll": negative_log_likelihood(probabilities, class_ids),
        "ece": calibration_error(probabilities, class_ids),
        "brier": brier_score(probabilities, class_ids),
        "confidence": float(probabilities.max(1).mean(dtype=np.float64)),
    }


def accuracy(probabilities: Probabilities, class_ids: ClassIds) -> float:
    """The share of examples for which the most probable class is the true one."""
    return float((probabilities.argmax(1) == class_ids).mean())


def negative_log_likelihood(probabilities: Probabilities, class_ids: ClassIds) -> float:
    """Mean of −ln p(true class); p below 1e-12 counts as 1e-12."""
    own = probabilities[np.arange(len(class_ids)), class_ids].astype(np.float64)
    return float(-np.log(np.maximum(own, _LEAST)).mean())


def brier_score(probabilities: Probabilities, class_ids: ClassIds) -> float:
    """Mean over examples of Σ over classes of (p − y)², from 0 to 2 (Brier 1950)."""
    difference = probabilities.astype(np.float64)
    difference[np.arange(len(class_ids)), class_ids] -= 1
    return float((difference**2).sum(1).mean())


def calibration_error(probabilities: Probabilities, class_ids: ClassIds, bins: int = ECE_BINS) -> float:
    """Expected calibration error (Guo et al. 2017): |accuracy − confidence| of each bin, weighted by its share."""
    return float(sum(share * abs(right - sure) for share, right, sure in reliability(probabilities, class_ids, bins)))


def reliability(
    probabilities: Probabilities, class_ids: ClassIds, bins: int = ECE_BINS
) -> list[tuple[float, float, float]]:
    """(share of examples, accuracy, mean confidence) of each of the equal bins (0, 1/bins], … of confidence.

    An empty bin has share, accuracy and confidence 0.
    """
    confidence = probabilities.max(1).astype(np.float64)
    right = probabilities.argmax(1) == class_ids
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts, sums, hits = (np.bincount(number, weights, bins) for weights in (None, confidence, right))
    full = np.maximum(counts, 1)
    return list(zip((counts / len(confidence)).tolist(), (hits / full).tolist(), (sums / full).tolist(), strict=True))
