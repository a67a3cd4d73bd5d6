"""A test whether λ is distributed as Beta(α, α): a Kolmogorov–Smirnov test of the λ in the shards.

λ is stored as float32, where every value within 3e-8 of 1 becomes 1 (1.7 % of all λ at α = 0.2). So the test uses only
λ inside (1e-6, 1 − 1e-6), and compares them with Beta restricted to this range.
"""

from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.dataset.overview import beta_cdf
from mixup_pipeline.dataset.reader import lam_in, provenance_bytes
from mixup_pipeline.errors import OutputError, record_error
from mixup_pipeline.records.framing import walk_records
from mixup_pipeline.storage.places import Place

_EDGE = 1e-6
_NEEDED = 50
_TESTED = 20_000
_MOST_SHARDS = 100
SIGNIFICANCE = 0.01


@dataclass(frozen=True, kw_only=True)
class LamFit:
    """The result of the test.

    tested: the number of λ tested. statistic: the largest distance of the two distribution functions. p_value: the
    probability of a distance this large if λ is Beta.
    """

    tested: int
    statistic: float
    p_value: float

    @property
    def fits(self) -> bool:
        return self.p_value >= SIGNIFICANCE


def lam_fit_of(out: Place, manifest: Manifest) -> LamFit | None:
    """Test about 20,000 λ of a dataset. Raises the errors of `read_lam`; returns None as `fit_lam` does."""
    return fit_lam(read_lam(out, manifest, _TESTED), manifest.config.alpha)


def fit_lam(lam: npt.NDArray[np.float32], alpha: float) -> LamFit | None:
    """Test float32[n] λ against Beta(alpha, alpha). Returns None if fewer than 50 lie inside (1e-6, 1 − 1e-6)."""
    from scipy.stats import kstest

    inside = lam[(lam > _EDGE) & (lam < 1 - _EDGE)].astype(np.float64)
    if len(inside) < _NEEDED:
        return None
    low, high = beta_cdf(np.array([_EDGE, 1 - _EDGE]), alpha)
    result = kstest(inside, lambda values: (beta_cdf(values, alpha) - low) / (high - low))
    return LamFit(tested=len(inside), statistic=float(result.statistic), p_value=float(result.pvalue))


def read_lam(out: Place, manifest: Manifest, most: int) -> npt.NDArray[np.float32]:
    """Read the λ of about `most` examples, float32[n], from the beginnings of up to 100 shards of all copies.

    The order of examples is random, so the first examples of a shard are a random sample. It includes examples that
    were left unmixed, with λ = 1.

    Raises OutputError or RecordError if a shard is missing or damaged.
    """
    shards = [shard for shard in manifest.shards if shard.copy is not None]
    shards = shards[:: -(-len(shards) // _MOST_SHARDS)]
    per_shard, tail_bytes = -(-most // len(shards)), provenance_bytes(manifest)
    lam: list[float] = []
    for shard in shards:
        path = out / shard.name
        try:
            for record, (offset, _, tail, _) in enumerate(islice(walk_records(path, path.name, tail_bytes), per_shard)):
                try:
                    lam.append(lam_in(tail))
                except ValueError as error:
                    raise record_error(path.name, record, offset, str(error)) from error
        except OSError as error:
            raise OutputError(f"{path}: cannot be read ({error.strerror or error}): was it removed?") from error
    return np.array(lam, np.float32)
