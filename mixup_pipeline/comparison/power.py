"""What a number of seeds can tell: the effect that they could detect, how many an effect needs, and equivalence.

All of it is of the paired t-test. Its power is that of the noncentral t distribution, here as the mean of normal
probabilities over the spreads that may be observed: SciPy's `nct` gives NaN far from the middle.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

POWER = 0.8
MOST_SEEDS = 1000
_GRID = 4000


def power(effect: float, spread: float, num_seeds: int, level: float) -> float:
    """How often a two-sided test finds an effect. spread: standard deviation of the paired differences, > 0."""
    ratio = abs(effect) * np.sqrt(num_seeds) / spread
    borders = stats.t.ppf(1 - level / 2, num_seeds - 1) * _observed_spreads(num_seeds - 1)
    return float((special.ndtr(ratio - borders) + special.ndtr(-ratio - borders)).mean())


@lru_cache(maxsize=64)
def _observed_spreads(freedom: int) -> npt.NDArray[np.float64]:
    """Equally probable observed standard deviations, where the true one is 1."""
    shares = (np.arange(_GRID) + 0.5) / _GRID
    return np.sqrt(stats.chi2.ppf(shares, freedom) / freedom)


def detectable(spread: float, num_seeds: int, level: float) -> float:
    """The effect that is found with a probability of `POWER`."""
    high = spread / np.sqrt(num_seeds)
    while power(high, spread, num_seeds, level) < POWER:
        high *= 2
    return float(optimize.brentq(lambda effect: power(effect, spread, num_seeds, level) - POWER, 0, high))


def seeds_for(effect: float, spread: float, level: float) -> int | None:
    """The fewest seeds, at least 3, that find an effect with a probability of `POWER`; None above `MOST_SEEDS`."""
    low, high = 2, MOST_SEEDS  # too few, enough
    if power(effect, spread, high, level) < POWER:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(effect, spread, middle, level) >= POWER else (middle, high)
    return high


def equivalence(mean: float, spread: float, num_seeds: int, margin: float) -> float:
    """The p-value of two one-sided tests (Schuirmann 1987) that the true effect lies within ±margin."""
    error, freedom = spread / np.sqrt(num_seeds), num_seeds - 1
    above, below = stats.t.sf((mean + margin) / error, freedom), stats.t.cdf((mean - margin) / error, freedom)
    return float(max(above, below))
