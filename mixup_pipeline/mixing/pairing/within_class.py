"""Pairing `within-class`: partners have the same class. An example that is alone in its class stays unmixed."""

import numpy as np

from mixup_pipeline.mixing.pairing import ClassIds, Earlier, Partners, Policy
from mixup_pipeline.mixing.pairing.ring import ring_shift


def pair_within_class(class_ids: ClassIds, copy: int, seed: int, earlier: Earlier) -> Partners:
    """Arrange each class as a ring in slot order, and pair each member with the one `shift` places further."""
    del earlier
    members = np.argsort(class_ids, kind="stable")  # slots, class after class
    ordered = class_ids[members]
    starts = (np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist()
    partners = np.empty(len(class_ids), np.int64)
    for start, stop in zip([0, *starts], [*starts, len(class_ids)], strict=True):
        ring = members[start:stop]
        shift = ring_shift(len(ring), copy, seed, "ring", int(ordered[start])) if len(ring) > 1 else 0
        partners[ring] = np.concatenate([ring[shift:], ring[:shift]])
    return partners


POLICY = Policy(pair=pair_within_class)
