"""Means, intervals and verdicts over seeds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mixup_pipeline.comparison.statistics import bounds, difference, estimate

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


@given(SEEDS, st.floats(-1, 1))
def test_differences_are_paired(values: list[float], change: float) -> None:
    """What a seed does to both arms alike falls out: a constant change has an interval of no width."""
    found = difference([value + change for value in values], values)
    assert found.t == pytest.approx((change, change), abs=1e-9)
    assert found.bootstrap == pytest.approx((change, change), abs=1e-9)


def test_one_seed_gives_no_interval_and_shows_nothing() -> None:
    assert estimate([0.9]).low is None
    found = difference([0.9], [0.5])
    assert (found.t, found.bootstrap, found.shown) == (None, None, False)


CASES = [
    ([0.93, 0.94, 0.95, 0.94], [0.90, 0.91, 0.93, 0.91], True),  # every seed gains
    ([0.93, 0.94, 0.95, 0.94], [0.94, 0.93, 0.96, 0.93], False),  # as often better as worse
    ([0.90, 0.91, 0.93, 0.91], [0.93, 0.94, 0.95, 0.94], True),  # every seed loses
    ([0.93, 0.94, 0.95, 0.99], [0.93, 0.94, 0.95, 0.90], False),  # one seed alone
]


@pytest.mark.parametrize(("values", "others", "shown"), CASES)
def test_a_difference_is_shown_only_where_no_interval_holds_zero(
    values: list[float], others: list[float], shown: bool
) -> None:
    found = difference(values, others)
    assert found.shown is shown
    assert found.mean == pytest.approx(np.mean(values) - np.mean(others))


def test_bootstrap_covers_about_as_often_as_it_says() -> None:
    """With twenty seeds, the true mean lies in about 95 % of the intervals: a bit less, as is known of percentiles."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        values = rng.normal(0.3, 1, 20)
        found = difference(values.tolist(), [0.0] * 20)
        assert found.bootstrap is not None
        inside += found.bootstrap[0] <= 0.3 <= found.bootstrap[1]
    assert 175 <= inside <= 198


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
