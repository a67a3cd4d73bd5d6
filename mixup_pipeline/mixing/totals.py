"""Totals: the counts and sums over all mixed examples that the manifest records."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

LAM_BINS = 100
NEARLY_UNMIXED = 0.05
"""An example with λ below this, or above 1 − this, is nearly identical to one of its parents."""
MAX_PAIR_CLASSES = 1000
"""Class pairs are counted up to this number of classes."""

Integers = npt.NDArray[np.int64]


class Totals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The totals of a mixed dataset, as recorded in its manifest.

    examples: all examples, the sum of mixed, unmixed and originals. nearly_unmixed: mixed examples with λ close to 0 or
    1. lam_mean: None if nothing is mixed. lam_histogram: counts of λ in LAM_BINS equal bins. class_pairs: mixed
    examples by base class (row) and partner class (column). base_counts: how often each class is the base. label_mass:
    the sum of the soft labels, by class. The last three are None if labels are not class ids; class_pairs also above
    MAX_PAIR_CLASSES classes.
    """

    examples: int
    mixed: int
    unmixed: int
    originals: int
    nearly_unmixed: int
    lam_mean: float | None
    lam_histogram: list[int]
    class_pairs: list[list[int]] | None
    base_counts: list[int] | None
    label_mass: list[float] | None


@dataclass(frozen=True, kw_only=True)
class ShardTotals:
    """What one shard adds to the totals.

    lam_sum: the sum of λ over mixed examples. lam_histogram: int64[LAM_BINS], their histogram.
    pair_codes, pair_counts: the class pairs that occur, coded base·num_classes + partner, and how often each occurs.
    classes: int64[c], the classes that occur; many shards of few examples must not take memory for all classes.
    base_counts: int64[c], how often each of them is the base.
    label_mass: float64[c], the sum of the soft labels. The last five are None if labels are not class ids.
    """

    mixed: int = 0
    unmixed: int = 0
    originals: int = 0
    nearly_unmixed: int = 0
    lam_sum: float = 0.0
    lam_histogram: Integers | None = None
    pair_codes: Integers | None = None
    pair_counts: Integers | None = None
    classes: Integers | None = None
    base_counts: Integers | None = None
    label_mass: npt.NDArray[np.float64] | None = None

    @classmethod
    def of_originals(cls, examples: int) -> "ShardTotals":
        return cls(originals=examples)

    @classmethod
    def of(
        cls,
        lam: npt.NDArray[np.float32],
        mixed: npt.NDArray[np.bool_],
        *,
        class_ids: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]] | None = None,
        num_classes: int = 0,
    ) -> "ShardTotals":
        """Count one pass of one shard.

        lam: float32[n]. mixed: bool[n], whether an example is mixed. class_ids: int32[n] of the bases and int32[n] of
        the partners; None if labels are not class ids.
        """
        drawn = lam[mixed].astype(np.float64)
        codes: Integers | None = None
        counts: Integers | None = None
        classes: Integers | None = None
        bases: Integers | None = None
        mass: npt.NDArray[np.float64] | None = None
        if class_ids is not None:
            base, partner = class_ids[0].astype(np.int64), class_ids[1].astype(np.int64)
            weight = lam.astype(np.float64)
            classes, rows = np.unique(np.concatenate([base, partner]), return_inverse=True)
            base_rows, partner_rows = np.split(rows.reshape(-1), [len(base)])
            bases = np.bincount(base_rows, minlength=len(classes))
            mass = np.zeros(len(classes))
            mass += np.bincount(base_rows, weight, len(classes))
            mass += np.bincount(partner_rows, 1 - weight, len(classes))
            if num_classes <= MAX_PAIR_CLASSES:
                codes, counts = np.unique(base[mixed] * num_classes + partner[mixed], return_counts=True)
        return cls(
            mixed=len(drawn),
            unmixed=len(lam) - len(drawn),
            nearly_unmixed=int(((drawn < NEARLY_UNMIXED) | (drawn > 1 - NEARLY_UNMIXED)).sum()),
            lam_sum=float(drawn.sum()),
            lam_histogram=np.histogram(drawn, LAM_BINS, (0, 1))[0].astype(np.int64),
            pair_codes=codes,
            pair_counts=counts,
            classes=classes,
            base_counts=bases,
            label_mass=mass,
        )


def combine(shards: Iterable[ShardTotals], *, num_classes: int) -> Totals:
    """Add up the shards. Their order affects the last bits of the sums."""
    counts = {"mixed": 0, "unmixed": 0, "originals": 0, "nearly_unmixed": 0}
    lam_sum = 0.0
    histogram = np.zeros(LAM_BINS, np.int64)
    pairs: Integers | None = None
    bases: Integers | None = None
    mass: npt.NDArray[np.float64] | None = None
    for shard in shards:
        for key in counts:
            counts[key] += getattr(shard, key)
        lam_sum += shard.lam_sum
        if shard.lam_histogram is not None:
            histogram += shard.lam_histogram
        if shard.pair_codes is not None and shard.pair_counts is not None:
            pairs = np.zeros(num_classes**2, np.int64) if pairs is None else pairs
            pairs[shard.pair_codes] += shard.pair_counts
        if shard.classes is not None and shard.base_counts is not None and shard.label_mass is not None:
            bases = np.zeros(num_classes, np.int64) if bases is None else bases
            mass = np.zeros(num_classes) if mass is None else mass
            bases[shard.classes] += shard.base_counts
            mass[shard.classes] += shard.label_mass
    return Totals(
        examples=counts["mixed"] + counts["unmixed"] + counts["originals"],
        **counts,
        lam_mean=lam_sum / counts["mixed"] if counts["mixed"] else None,
        lam_histogram=histogram.tolist(),
        class_pairs=None if pairs is None else pairs.reshape(num_classes, num_classes).tolist(),
        base_counts=None if bases is None else bases.tolist(),
        label_mass=None if mass is None else mass.tolist(),
    )
