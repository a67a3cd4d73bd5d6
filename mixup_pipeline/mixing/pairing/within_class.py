"""Pairing `within-class`: partners share their class; the only example of a class stays unmixed."""

import numpy as np

from mixup_pipeline.mixing.pairing import Earlier, Labels, Partners, Policy
from mixup_pipeline.mixing.pairing.ring import ring_shift


def pair_within_class(labels: Labels, copy: int, seed: int, earlier: Earlier) -> Partners:
    """The members of a class form a ring in slot order; each meets the one a shift further on."""
    del earlier
    members = np.argsort(labels, kind="stable")  # slots, class after class
    ordered = labels[members]
    starts = (np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist()
    partners = np.empty(len(labels), np.int64)
    for start, stop in zip([0, *starts], [*starts, len(labels)], strict=True):
        ring = members[start:stop]
        shift = ring_shift(len(ring), copy, seed, "ring", int(ordered[start])) if len(ring) > 1 else 0
        partners[ring] = np.concatenate([ring[shift:], ring[:shift]])
    return partners


POLICY = Policy(pair=pair_within_class)
