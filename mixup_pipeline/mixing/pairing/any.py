"""Pairing `any`: partners from the whole dataset, whatever their class.

Nobody is paired with itself (N > 1). Slots are already a random order of the dataset, so one random shift pairs
uniformly.
"""

import numpy as np

from mixup_pipeline.errors import UsageError
from mixup_pipeline.mixing.pairing import Earlier, Labels, Partners, Policy
from mixup_pipeline.mixing.pairing.ring import ring_shift


def pair_any(labels: Labels, copy: int, seed: int, earlier: Earlier) -> Partners:
    """Slot p meets slot p + d (mod N), with a shift d of its own for each copy."""
    del earlier
    num_slots = len(labels)
    if num_slots == 1:
        return np.zeros(1, np.int64)
    shift = ring_shift(num_slots, copy, seed, "shift")
    partners = np.arange(shift, shift + num_slots)
    partners %= num_slots
    return partners


def check_any(labels: Labels, copies: int) -> None:
    """Raises UsageError for more copies than there are partners."""
    most = max(1, len(labels) - 1)
    if copies > most:
        raise UsageError(
            f"copies must be from 1 to {most:,}, as {len(labels):,} examples have no more different partners, "
            f"got {copies}"
        )


POLICY = Policy(pair=pair_any, check=check_any, needs_classes=False)
