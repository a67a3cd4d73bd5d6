"""Overview: the facts that a manifest gives about a mixed dataset, as numbers to show. No shard is read."""

from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config import MixConfig
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.dataset.quick_check import quick_check, size_faults, sound_manifest
from mixup_pipeline.errors import ManifestError
from mixup_pipeline.mixing.totals import LAM_BINS, NEARLY_UNMIXED, Totals
from mixup_pipeline.storage.places import Place

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Classes:
    """Class balance: shares by class that sum to 1, float64[num_classes].

    before: shares of the source's examples. after: shares of the label mass of all mixed and unmixed examples.
    """

    before: Floats
    after: Floats


@dataclass(frozen=True)
class Overview:
    """A mixed dataset at a glance. faults: the findings of the quick check, one line each."""

    out: Place
    manifest: Manifest
    faults: list[str]

    @property
    def config(self) -> MixConfig:
        return self.manifest.config

    @property
    def totals(self) -> Totals:
        return self.manifest.totals

    @property
    def num_bytes(self) -> int:
        return self.manifest.num_bytes

    @property
    def alone(self) -> int:
        """The examples left unmixed because their class (or the dataset) has no other example, summed over copies."""
        if self.manifest.source.examples == 1:
            return int(self.config.copies)
        if self.config.pairing != "within-class":
            return 0
        counts, copies = np.array(self.totals.base_counts), self.config.copies
        return int(copies * (counts == copies).sum())

    @property
    def by_prob(self) -> int:
        """The examples left unmixed at random, because of --prob, summed over copies."""
        return int(self.totals.unmixed) - self.alone

    @property
    def nearly_unmixed(self) -> float | None:
        """The share of mixed examples with λ below 0.05 or above 0.95; None if nothing is mixed."""
        return self.totals.nearly_unmixed / self.totals.mixed if self.totals.mixed else None

    @property
    def lam_shares(self) -> Floats:
        """The share of mixed examples in each of LAM_BINS equal bins of λ, float64[LAM_BINS]."""
        return np.array(self.totals.lam_histogram) / max(1, self.totals.mixed)

    @property
    def lam_expected(self) -> Floats:
        """The probability of each of these bins under Beta(α, α), float64[LAM_BINS]."""
        return np.diff(beta_cdf(np.linspace(0, 1, LAM_BINS + 1), self.config.alpha))

    @property
    def classes(self) -> Classes | None:
        """The class balance before and after mixing; None if the source's labels are soft."""
        bases, mass = self.totals.base_counts, self.totals.label_mass
        if bases is None or mass is None:
            return None
        return Classes(before=np.array(bases) / sum(bases), after=np.array(mass) / sum(mass))

    @property
    def pairs(self) -> npt.NDArray[np.int64] | None:
        """Mixed examples by base class and partner class, int64 (num_classes, num_classes); None if not counted."""
        pairs = self.totals.class_pairs
        return None if pairs is None else np.array(pairs, np.int64)

    def refuse_damage(self) -> None:
        """Raise ManifestError if a shard is missing or has the wrong size, since its content would mislead."""
        faults = size_faults(self.out, self.manifest)
        if faults:
            more = f" (and {len(faults) - 1} more shards)" if len(faults) > 1 else ""
            raise ManifestError(f"{self.out}: {faults[0]}{more}: make the directory again")

    def class_name(self, class_id: SupportsIndex) -> str:
        """The name of a class; its class id if the names are unknown."""
        names = self.manifest.class_names
        return f"{class_id}" if names is None else str(names[class_id])


def read_overview(out: Place) -> Overview:
    """Read the manifest, and check the names and sizes of the files.

    Raises ManifestError if there is no manifest, or it contradicts its schema or itself.
    """
    manifest = sound_manifest(out)
    return Overview(out, manifest, quick_check(out, manifest))


def beta_cdf(lam: Floats, alpha: float) -> Floats:
    """The cumulative distribution function of Beta(alpha, alpha), elementwise."""
    from scipy.special import betainc  # this import takes longer than everything else in the summary

    return np.asarray(betainc(alpha, alpha, lam))


def expected_nearly_unmixed(alpha: float) -> float:
    """The probability that λ ~ Beta(alpha, alpha) is below 0.05 or above 0.95."""
    return float(2 * beta_cdf(np.array(NEARLY_UNMIXED), alpha))
