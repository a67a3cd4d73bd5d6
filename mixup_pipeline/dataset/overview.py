"""Overview: what the manifest tells of a mixed dataset, as numbers to show. No shard is read."""

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
    """Class balance, as shares that sum to 1: float64[num_classes].

    before: of the source's examples. after: of the label mass of all mixed and unmixed examples.
    """

    before: Floats
    after: Floats


@dataclass(frozen=True)
class Overview:
    """A mixed dataset at a glance. faults: what the quick check found, one line each."""

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
        """How many were left unmixed because their class (or dataset) has no other example, counted in every copy."""
        if self.manifest.source.examples == 1:
            return int(self.config.copies)
        if self.config.pairing != "within-class":
            return 0
        counts, copies = np.array(self.totals.base_counts), self.config.copies
        return int(copies * (counts == copies).sum())

    @property
    def by_prob(self) -> int:
        """How many were left unmixed by chance, as --prob asks."""
        return int(self.totals.unmixed) - self.alone

    @property
    def nearly_unmixed(self) -> float | None:
        """The share of mixed examples with λ below 0.05 or above 0.95; None where none is mixed."""
        return self.totals.nearly_unmixed / self.totals.mixed if self.totals.mixed else None

    @property
    def lam_shares(self) -> Floats:
        """float64[100]: the share of mixed examples in each hundredth of λ."""
        return np.array(self.totals.lam_histogram) / max(1, self.totals.mixed)

    @property
    def lam_expected(self) -> Floats:
        """float64[100]: the share that Beta(α, α) gives each hundredth of λ."""
        return np.diff(beta_cdf(np.linspace(0, 1, LAM_BINS + 1), self.config.alpha))

    @property
    def classes(self) -> Classes | None:
        """Class balance before and after; None where labels are soft."""
        bases, mass = self.totals.base_counts, self.totals.label_mass
        if bases is None or mass is None:
            return None
        return Classes(before=np.array(bases) / sum(bases), after=np.array(mass) / sum(mass))

    @property
    def pairs(self) -> npt.NDArray[np.int64] | None:
        """int64(num_classes, num_classes) of mixed examples by base class and partner class; None where not kept."""
        pairs = self.totals.class_pairs
        return None if pairs is None else np.array(pairs, np.int64)

    def refuse_damage(self) -> None:
        """Raises ManifestError where a shard is missing or not of its size: what is read from it would mislead."""
        faults = size_faults(self.out, self.manifest)
        if faults:
            more = f" (and {len(faults) - 1} more shards)" if len(faults) > 1 else ""
            raise ManifestError(f"{self.out}: {faults[0]}{more}: make the directory again")

    def class_name(self, class_id: SupportsIndex) -> str:
        """The name of a class, or its number where names are not known."""
        names = self.manifest.class_names
        return f"{class_id}" if names is None else str(names[class_id])


def look_at(out: Place) -> Overview:
    """Read the manifest and check names and sizes.

    Raises ManifestError where there is no manifest, or one that contradicts its schema or itself.
    """
    manifest = sound_manifest(out)
    return Overview(out, manifest, quick_check(out, manifest))


def beta_cdf(lam: Floats, alpha: float) -> Floats:
    """The distribution function of Beta(alpha, alpha)."""
    from scipy.special import betainc  # takes longer to import than the rest of the summary

    return np.asarray(betainc(alpha, alpha, lam))


def expected_nearly_unmixed(alpha: float) -> float:
    """The share of λ ~ Beta(alpha, alpha) below 0.05 or above 0.95."""
    return float(2 * beta_cdf(np.array(NEARLY_UNMIXED), alpha))
