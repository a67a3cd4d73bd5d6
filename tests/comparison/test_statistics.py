"""Means, intervals and verdicts over seeds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mixup_pipeline.comparison.statistics import bounds, difference, estimate, holm

SEEDS = st.lists(st.floats(0, 1), min_size=3, max_size=12)


@given(SEEDS)
def test_the_t_interval_is_scipys(values: list[float]) -> None:
    found = estimate(values)
    spread = stats.sem(values)
    if spread > 1e-12:
        expected = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=spread)
        assert (found.low, found.high) == pytest.approx(expected)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.num_seeds == len(values)


@given(SEEDS, SEEDS)
def test_the_test_is_scipys_paired_one(values: list[float], others: list[float]) -> None:
    count = min(len(values), len(others))
    found = difference(values[:count], others[:count])
    if found.spread is not None:
        assert found.p == pytest.approx(stats.ttest_rel(values[:count], others[:count]).pvalue)
        assert found.spread == pytest.approx(np.std(np.subtract(values[:count], others[:count]), ddof=1))


@given(SEEDS, st.floats(-1, 1))
def test_a_constant_change_shows_nothing(values: list[float], change: float) -> None:
    """What a seed does to both arms alike falls out, and no spread is left that could tell what chance does."""
    found = difference([value + change for value in values], values)
    assert found.mean == pytest.approx(change, abs=1e-9)
    assert (found.spread, found.t, found.bca, found.p) == (None, None, None, None)


def test_equal_differences_of_float32_show_nothing() -> None:
    """0.017 each, but for the last bit."""
    others = np.array([0.9, 0.91, 0.93], np.float32)
    assert difference((others + np.float32(0.017)).tolist(), others.tolist()).p is None


@pytest.mark.parametrize("count", [1, 2])
def test_few_seeds_show_nothing(count: int) -> None:
    found = difference([0.9, 0.95][:count], [0.5, 0.4][:count])
    assert (found.bca, found.p, found.num_seeds) == (None, None, count)
    assert (found.t is None) is (count == 1)
    assert estimate([0.9]).low is None


def test_values_that_are_all_equal_have_no_interval() -> None:
    assert (estimate([1.0, 1.0, 1.0]).low, estimate([1.0, 1.0, 1.0]).high) == (None, None)


@given(st.lists(st.none() | st.floats(0, 1), max_size=12))
def test_holm_against_the_definition(p_values: list[float | None]) -> None:
    found = holm(p_values)
    tried = [1.0 if p is None else p for p in p_values]
    ranks = sorted(range(len(tried)), key=tried.__getitem__)
    for place, number in enumerate(ranks):
        wanted = max(min(1.0, (len(tried) - before) * tried[ranks[before]]) for before in range(place + 1))
        assert found[number] == (None if p_values[number] is None else pytest.approx(wanted))


def test_bca_covers_about_as_often_as_it_says() -> None:
    """With twenty seeds, the true mean lies in about 95 % of the intervals."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(100):
        found = difference(rng.normal(0.3, 1, 20).tolist(), [0.0] * 20)
        assert found.bca is not None
        inside += found.bca[0] <= 0.3 <= found.bca[1]
    assert 87 <= inside <= 99


def test_an_interval_stays_within_what_a_measure_can_be() -> None:
    found = estimate([0.99, 1.0, 0.93], bounds("accuracy"))
    assert found.low is not None
    assert found.high == 1.0
    assert found.low < 0.93
    assert estimate([0.99, 1.0, 0.93]).high > 1.0  # type: ignore[operator]
    assert estimate([0.01, 0.2, 0.0], bounds("fgsm 0.1 accuracy")).low == 0.0
    assert estimate([1.9, 0.1], bounds("brier")).high == 2.0
    assert estimate([0.1, 5.0], bounds("nll")).low == 0.0
    assert difference([1.0, 0.0], [0.0, 0.9], bounds("accuracy")).t == (-1.0, 1.0)
