"""Temperature scaling: against brute force, and that it undoes what a temperature did."""

import numpy as np
import pytest

from mixup_pipeline.comparison.calibration import calibrated, fit_temperature, scaled
from mixup_pipeline.training.metrics import negative_log_likelihood


def network(temperature: float, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of a network whose logits are this many times too large, and classes drawn from the right ones."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (count, 5))
    right = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    class_ids = (rng.random((count, 1)) > right.cumsum(1)).sum(1)
    wrong = np.exp(logits * temperature)
    return wrong / wrong.sum(1, keepdims=True), class_ids


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_it_finds_the_temperature_and_the_calibration_comes_back(temperature: float) -> None:
    probabilities, class_ids = network(temperature)
    found = fit_temperature(probabilities, class_ids)
    assert found == pytest.approx(temperature, rel=0.05)
    after = calibrated(probabilities, class_ids, found)
    assert after["ece"] < 0.015
    tried = [negative_log_likelihood(scaled(probabilities, float(t)), class_ids) for t in np.geomspace(0.1, 10, 200)]
    assert after["nll"] <= min(tried) + 1e-6


def test_certain_and_impossible_classes_stay_finite() -> None:
    found = scaled(np.array([[1.0, 0.0], [0.0, 1.0]]), 3.0)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(1), 1)
