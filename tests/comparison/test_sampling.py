"""The sampling error of evaluation examples, against brute force and by simulation."""

import numpy as np
import pytest
from scipy import stats

from mixup_pipeline.comparison.sampling import both_interval, by_class, mcnemar, mcnemar_of_seeds


def test_mcnemar_is_the_binomial_test_of_those_that_differ() -> None:
    right = np.array([1, 1, 1, 1, 1, 0, 0, 1], bool)
    other = np.array([1, 0, 0, 0, 0, 1, 0, 1], bool)
    only_first, only_other, p = mcnemar(right, other)
    assert (only_first, only_other) == (4, 1)
    assert p == pytest.approx(stats.binomtest(4, 5).pvalue)
    assert mcnemar(right, right) == (0, 0, 1.0)
    found = mcnemar_of_seeds([right, right], [other, right])
    assert (found["only_arm"], found["only_baseline"]) == (2, 0.5)
    assert found["p"] == [pytest.approx(0.375), 1.0]


def drawn(rng: np.random.Generator, num_seeds: int, count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Two ways of training without a difference: examples are easy or hard, seeds good or bad, and both by chance."""
    ease = rng.normal(1.0, 1.2, count)
    sides = []
    for _ in range(2):
        own = ease + rng.normal(0, 0.8, count)  # some examples suit one way of training better
        quality = rng.normal(0, 0.15, num_seeds)
        sides.append([own + skill + rng.normal(0, 0.7, count) > 0 for skill in quality])
    return sides[0], sides[1]


def test_it_covers_other_seeds_and_other_examples() -> None:
    """95 % of intervals hold the true difference, none, where that of seeds alone is far too narrow."""
    rng, tries, covered, by_seeds = np.random.default_rng(0), 400, 0, 0
    for _ in range(tries):
        right, others = drawn(rng, 10, 300)
        low, high = both_interval(right, others) or (0, 0)
        covered += low <= 0 <= high
        alone = [float(a.mean() - b.mean()) for a, b in zip(right, others, strict=True)]
        by_seeds += stats.ttest_1samp(alone, 0).pvalue > 0.05
    assert 0.92 <= covered / tries <= 0.98
    assert by_seeds / tries < covered / tries - 0.05


def test_it_is_the_textbook_variance_of_crossed_effects() -> None:
    rng = np.random.default_rng(1)
    right, others = drawn(rng, 4, 50)
    found = np.stack(right).astype(float) - np.stack(others)
    mean = found.mean()
    seeds = sum(50 * (found[j].mean() - mean) ** 2 for j in range(4)) / 3
    examples = sum(4 * (found[:, i].mean() - mean) ** 2 for i in range(50)) / 49
    rest = sum(
        (found[j, i] - found[j].mean() - found[:, i].mean() + mean) ** 2 for j in range(4) for i in range(50)
    ) / (3 * 49)
    square = seeds + examples - rest
    freedom = square**2 / (seeds**2 / 3 + examples**2 / 49 + rest**2 / 147)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(square / 200)
    assert both_interval(right, others) == pytest.approx((mean - half, mean + half))


def test_nothing_is_said_without_a_spread() -> None:
    same = np.array([True, False, True])
    assert both_interval([same, same], [same, same]) is None
    assert both_interval([same], [~same]) is None


def test_by_class_is_the_mean_accuracy_on_each() -> None:
    right = [np.array([1, 0, 1, 1], bool), np.array([1, 1, 0, 1], bool)]
    assert by_class(right, np.array([0, 0, 2, 2]), 4) == [0.75, None, 0.75, None]
