"""Means over seeds with intervals, and paired differences. Pure NumPy and SciPy.

Arms of one seed start from the same weights and take the same number of steps. So differences are taken seed by seed,
which cancels what a seed does to all arms alike. Intervals are at 95 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from mixup_pipeline.mixing.randomness import words
from mixup_pipeline.training.tasks import task_named

LEVEL = 0.95
Bounds = tuple[float, float]
UNBOUNDED: Bounds = (-np.inf, np.inf)
_RESAMPLES = 10_000


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its t interval. low and high are None for a single seed, which gives no interval."""

    mean: float
    low: float | None
    high: float | None
    num_seeds: int


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences with its t and bootstrap intervals, which are None for a single seed."""

    mean: float
    t: tuple[float, float] | None
    bootstrap: tuple[float, float] | None
    num_seeds: int

    @property
    def shown(self) -> bool:
        """Whether neither interval contains zero. False for a single seed."""
        return all(
            interval is not None and (interval[0] > 0 or interval[1] < 0) for interval in (self.t, self.bootstrap)
        )


def bounds(measure: str, task: str = "classification") -> Bounds:
    """The lowest and the highest value that a measure can have: a share lies in [0, 1], an R² is 1 at most.

    measure: of a task, or of a probe; "best" may stand before its name. What is not known has no upper bound.
    """
    name = measure.removeprefix("best ")
    known = next((one for one in task_named(task).measures if one.name == name), None)
    if known is not None:
        return known.within
    return 0.0, 1.0 if measure.endswith(("accuracy", "confidence")) else np.inf


def estimate(values: Sequence[float], within: Bounds = UNBOUNDED) -> Estimate:
    """The mean and interval of values, one for each seed. within: the interval is cut to these bounds."""
    array = np.asarray(values, np.float64)
    low, high = _cut(_t_interval(array), within) or (None, None)
    return Estimate(float(array.mean()), low, high, len(array))


def difference(values: Sequence[float], others: Sequence[float], within: Bounds = UNBOUNDED) -> Difference:
    """values − others, seed by seed. Both must be in the same order of seeds. within: the bounds of the values."""
    paired = np.asarray(values, np.float64) - np.asarray(others, np.float64)
    most = within[1] - within[0]
    interval = _cut(_t_interval(paired), (-most, most))
    return Difference(float(paired.mean()), interval, _bootstrap_interval(paired), len(paired))


def _cut(interval: tuple[float, float] | None, within: Bounds) -> tuple[float, float] | None:
    """An interval without what lies outside the bounds: no accuracy is above 1, whatever a t interval says."""
    return None if interval is None else (max(interval[0], within[0]), min(interval[1], within[1]))


def _t_interval(values: npt.NDArray[np.float64]) -> tuple[float, float] | None:
    if len(values) < 2:
        return None
    half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def _bootstrap_interval(values: npt.NDArray[np.float64]) -> tuple[float, float] | None:
    """Percentiles of the means of resampled differences (Efron 1979); too narrow with few seeds."""
    count = len(values)
    if count < 2:
        return None
    drawn = (words(_RESAMPLES * count, 0, "bootstrap", count) % np.uint64(count)).astype(np.int64)
    means = values[drawn.reshape(_RESAMPLES, count)].mean(1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
