"""Calibration after temperature scaling (Guo et al. 2017): one number, fitted on held-out examples, makes up for much.

A network that is worse calibrated as it is may be as good as another once both are scaled. Pure NumPy and SciPy.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from mixup_pipeline.training.metrics import ClassIds, Probabilities, calibration_error, negative_log_likelihood

_LEAST = 1e-30
_LOG_RANGE = (-4.0, 4.0)


def scaled(probabilities: Probabilities, temperature: float) -> npt.NDArray[np.float64]:
    """float64(n, classes): the probabilities with their logits divided by a temperature, > 0."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), _LEAST)) / temperature
    logits -= logits.max(1, keepdims=True)
    weights = np.exp(logits)
    return np.asarray(weights / weights.sum(1, keepdims=True))


def fit_temperature(probabilities: Probabilities, class_ids: ClassIds) -> float:
    """The temperature, from e⁻⁴ to e⁴, with the lowest negative log likelihood."""

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(scaled(probabilities, float(np.exp(log_temperature))), class_ids)

    return float(np.exp(optimize.minimize_scalar(loss, bounds=_LOG_RANGE, method="bounded").x))


def calibrated(probabilities: Probabilities, class_ids: ClassIds, temperature: float) -> dict[str, Any]:
    """The temperature, and negative log likelihood and calibration error of the scaled probabilities."""
    found = scaled(probabilities, temperature)
    return {
        "temperature": temperature,
        "nll": negative_log_likelihood(found, class_ids),
        "ece": calibration_error(found, class_ids),
    }
