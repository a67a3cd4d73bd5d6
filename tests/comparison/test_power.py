"""What a number of seeds can tell, against simulated experiments and statsmodels' published values."""

import numpy as np
import pytest
from scipy import stats

from mixup_pipeline.comparison.power import MOST_SEEDS, POWER, detectable, equivalence, power, seeds_for


@pytest.mark.parametrize(("effect", "num_seeds", "level"), [(1.0, 5, 0.05), (0.5, 20, 0.05), (2.0, 5, 0.0125)])
def test_power_is_how_often_a_simulated_effect_is_found(effect: float, num_seeds: int, level: float) -> None:
    drawn = np.random.default_rng(0).normal(effect, 1, (20_000, num_seeds))
    found = (stats.ttest_1samp(drawn, 0, axis=1).pvalue < level).mean()
    assert power(effect, 1, num_seeds, level) == pytest.approx(found, abs=0.012)


def test_textbook_values() -> None:
    """A medium effect of half a standard deviation needs 34 pairs (Cohen 1988, as G*Power computes it)."""
    assert seeds_for(0.5, 1, 0.05) == 34
    assert seeds_for(0.8, 1, 0.05) == 15
    assert seeds_for(0.2, 1, 0.05) == 199


@pytest.mark.parametrize("num_seeds", [3, 5, 30])
@pytest.mark.parametrize("level", [0.05, 0.001])
def test_the_detectable_effect_has_the_power(num_seeds: int, level: float) -> None:
    effect = detectable(0.004, num_seeds, level)
    assert power(effect, 0.004, num_seeds, level) == pytest.approx(POWER, abs=1e-6)
    assert power(-effect, 0.004, num_seeds, level) == pytest.approx(POWER, abs=1e-6)


def test_seeds_are_the_fewest_that_do() -> None:
    count = seeds_for(0.01, 0.012, 0.0125)
    assert count is not None
    assert power(0.01, 0.012, count, 0.0125) >= POWER > power(0.01, 0.012, count - 1, 0.0125)
    assert seeds_for(10, 1, 0.05) == 3
    assert seeds_for(0.01, 1, 0.05) is None
    assert MOST_SEEDS == 1000


def test_equivalence_is_rarely_claimed_at_the_border() -> None:
    """An effect as large as the margin is called equivalent in 5 % at most, none at all mostly."""
    rng = np.random.default_rng(0)

    def claimed(effect: float) -> float:
        drawn = rng.normal(effect, 0.002, (4000, 8))
        p = [equivalence(float(row.mean()), float(row.std(ddof=1)), 8, 0.005) for row in drawn]
        return float((np.array(p) < 0.05).mean())

    assert 0.035 < claimed(0.005) < 0.065
    assert claimed(0.0) > 0.95
