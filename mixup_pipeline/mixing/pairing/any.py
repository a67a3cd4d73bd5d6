"""Pairing `any`: partners come from the whole dataset and may have any class.

No example is paired with itself, unless it is the only one. Slots are already a random order of the dataset, so one
random shift makes every partner equally likely.
"""

import numpy as np

from mixup_pipeline.errors import UsageError
from mixup_pipeline.mixing.pairing import ClassIds, Earlier, Partners, Policy
from mixup_pipeline.mixing.pairing.ring import ring_shift


def pair_any(class_ids: ClassIds, copy: int, seed: int, earlier: Earlier) -> Partners:
    """Pair slot p with slot p + d (mod N); each copy has its own shift d."""
    del earlier
    num_slots = len(class_ids)
    if num_slots == 1:
        return np.zeros(1, np.int64)
    shift = ring_shift(num_slots, copy, seed, "shift")
    partners = np.arange(shift, shift + num_slots)
    partners %= num_slots
    return partners


def check_any(class_ids: ClassIds, copies: int) -> None:
    """Raise UsageError if there are more copies than possible partners."""
    most = max(1, len(class_ids) - 1)
    if copies > most:
        raise UsageError(
            f"--copies must be from 1 to {most:,}, as {len(class_ids):,} examples have no more different partners, "
            f"got {copies}"
        )


POLICY = Policy(pair=pair_any, check=check_any, needs_classes=False)
