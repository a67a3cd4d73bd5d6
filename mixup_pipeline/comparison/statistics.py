"""Means over seeds with intervals, and paired differences. Pure NumPy and SciPy.

Arms of one seed start from the same weights and take the same number of steps. So differences are taken seed by seed,
which cancels what a seed does to all arms alike. Intervals are at 95 %. Whether a difference is shown is decided by the
paired t-test, after Holm's correction for all differences that are looked at: of twenty, one would be shown by chance.
Nothing is shown by fewer than three seeds, nor by differences that are all equal: their spread is not known then.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from mixup_pipeline.comparison.cells import LEAST_SEEDS
from mixup_pipeline.training.tasks import task_named

LEVEL = 0.95
Bounds = tuple[float, float]
UNBOUNDED: Bounds = (-np.inf, np.inf)
_RESAMPLES = 10_000
_NO_SPREAD = 1e-6
"""Relative to the values, spreads up to this are the rounding of float32."""


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its t interval. low and high are None where the spread between seeds is not known."""

    mean: float
    low: float | None
    high: float | None
    num_seeds: int


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences, its t and BCa bootstrap intervals, and the p-value of the paired t-test.

    spread: the standard deviation of the differences. correlation: of the two sides over the seeds, which pairing makes
    use of. All but the mean is None where the spread is not known, the last three also with fewer than three seeds.
    """

    mean: float
    num_seeds: int
    spread: float | None
    t: tuple[float, float] | None
    bca: tuple[float, float] | None
    p: float | None
    correlation: float | None


def bounds(measure: str, task: str = "classification") -> Bounds:
    """The lowest and the highest value that a measure can have: a share lies in [0, 1], an R² is 1 at most.

    measure: of a task, or of a probe; "best" may stand before its name. What is not known has no upper bound.
    """
    name = measure.removeprefix("best ").removeprefix("calibrated ")
    known = next((one for one in task_named(task).measures if one.name == name), None)
    if known is not None:
        return known.within
    return 0.0, 1.0 if measure.endswith(("accuracy", "confidence", "gradients")) else np.inf


def estimate(values: Sequence[float], within: Bounds = UNBOUNDED) -> Estimate:
    """The mean and interval of values, one for each seed. within: the interval is cut to these bounds."""
    array = np.asarray(values, np.float64)
    low, high = _cut(_t_interval(array, _spread(array, array)), within) or (None, None)
    return Estimate(float(array.mean()), low, high, len(array))


def difference(values: Sequence[float], others: Sequence[float], within: Bounds = UNBOUNDED) -> Difference:
    """values − others, seed by seed. Both must be in the same order of seeds. within: the bounds of the values."""
    array, baseline = np.asarray(values, np.float64), np.asarray(others, np.float64)
    paired, most = array - baseline, within[1] - within[0]
    spread = _spread(paired, np.concatenate([array, baseline]))
    enough = spread is not None and len(paired) >= LEAST_SEEDS
    return Difference(
        mean=float(paired.mean()),
        num_seeds=len(paired),
        spread=spread,
        t=_cut(_t_interval(paired, spread), (-most, most)),
        bca=_cut(_bca_interval(paired), (-most, most)) if enough else None,
        p=float(stats.ttest_1samp(paired, 0).pvalue) if enough else None,
        correlation=_correlation(array, baseline) if enough else None,
    )


def _correlation(values: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> float | None:
    """Pearson's correlation; None where one side has no spread."""
    if _spread(values, values) is None or _spread(others, others) is None:
        return None
    return float(np.corrcoef(values, others)[0, 1])


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values, corrected for their number (Holm 1979). None, which shows nothing, counts as one that was tried.

    The largest of the corrected ones up to a rank is taken, so that their order stays.
    """
    tried = sorted((1.0 if p is None else p, number) for number, p in enumerate(p_values))
    corrected: list[float | None] = [None] * len(p_values)
    most = 0.0
    for rank, (p, number) in enumerate(tried):
        most = max(most, min(1.0, p * (len(tried) - rank)))
        corrected[number] = None if p_values[number] is None else most
    return corrected


def _cut(interval: tuple[float, float] | None, within: Bounds) -> tuple[float, float] | None:
    """An interval without what lies outside the bounds: no accuracy is above 1, whatever a t interval says."""
    return None if interval is None else (max(interval[0], within[0]), min(interval[1], within[1]))


def _spread(values: npt.NDArray[np.float64], measured: npt.NDArray[np.float64]) -> float | None:
    """The standard deviation; None for one value, and for values that differ by the rounding of what was measured."""
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return spread if spread > _NO_SPREAD * float(np.abs(measured).max(initial=0)) else None


def _t_interval(values: npt.NDArray[np.float64], spread: float | None) -> tuple[float, float] | None:
    if spread is None:
        return None
    half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * spread / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def _bca_interval(values: npt.NDArray[np.float64]) -> tuple[float, float] | None:
    """The bias-corrected and accelerated bootstrap interval of the mean (Efron 1987); too narrow with few seeds."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", stats.DegenerateDataWarning)
        try:
            found = stats.bootstrap(
                (values,),
                np.mean,
                n_resamples=_RESAMPLES,
                confidence_level=LEVEL,
                method="BCa",
                rng=np.random.Generator(np.random.Philox(key=0)),
            ).confidence_interval
        except stats.DegenerateDataWarning:
            return None
    return float(found.low), float(found.high)
