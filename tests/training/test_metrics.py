"""Measures against their definitions, written out example by example."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixup_pipeline.training.metrics import ECE_BINS, evaluate, reliability

CASES = (
    st.integers(0, 2**32 - 1)
    .map(np.random.default_rng)
    .map(lambda rng: (rng.dirichlet(np.full(4, 0.3), size=rng.integers(1, 40)), rng))
)


@given(CASES)
@settings(max_examples=60)
def test_measures_equal_the_slow_reference(case: tuple[np.ndarray, np.random.Generator]) -> None:
    probabilities, rng = case
    labels = rng.integers(0, 4, len(probabilities))
    found, count = evaluate(probabilities, labels), len(labels)
    rows = [(row.tolist(), int(label)) for row, label in zip(probabilities, labels, strict=True)]
    assert found["accuracy"] == pytest.approx(sum(p.index(max(p)) == y for p, y in rows) / count)
    assert found["nll"] == pytest.approx(sum(-math.log(max(p[y], 1e-12)) for p, y in rows) / count)
    assert found["brier"] == pytest.approx(
        sum(sum((value - (k == y)) ** 2 for k, value in enumerate(p)) for p, y in rows) / count
    )
    assert found["confidence"] == pytest.approx(sum(max(p) for p, _ in rows) / count)
    error = 0.0
    for number in range(ECE_BINS):
        inside = [(p, y) for p, y in rows if number / ECE_BINS < max(p) <= (number + 1) / ECE_BINS]
        if inside:
            right = sum(p.index(max(p)) == y for p, y in inside) / len(inside)
            error += len(inside) / count * abs(right - sum(max(p) for p, _ in inside) / len(inside))
    assert found["ece"] == pytest.approx(error)


def test_a_perfect_and_a_worst_prediction() -> None:
    sure = np.eye(3)
    assert evaluate(sure, np.array([0, 1, 2])) == {"accuracy": 1, "nll": 0, "ece": 0, "brier": 0, "confidence": 1}
    worst = evaluate(sure, np.array([1, 2, 0]))
    assert worst["accuracy"] == 0
    assert worst["brier"] == 2
    assert worst["ece"] == 1
    assert worst["nll"] == pytest.approx(-math.log(1e-12))


def test_reliability_holds_every_example_once() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), size=100)
    bins = reliability(probabilities, np.zeros(100, int))
    assert len(bins) == ECE_BINS
    assert sum(share for share, _, _ in bins) == pytest.approx(1)
