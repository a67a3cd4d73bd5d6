"""Pairing `cross-class`: partners differ in class.

The pairing is random; pairs that break the rule are then repaired by exchanging partners. Copies use different partners
if there are plenty of them. If few are left, an example may meet the same partner again, because the search is random.

Rejected: sorting by class and shifting. It is exact, but each class would only ever meet one or two others.
"""

import numpy as np
import numpy.typing as npt

from mixup_pipeline.mixing.pairing import ClassIds, Earlier, PairingError, Partners, Policy
from mixup_pipeline.mixing.randomness import permutation, words

_REPAIR_ROUNDS = 24


def pair_cross_class(class_ids: ClassIds, copy: int, seed: int, earlier: Earlier) -> Partners:
    """Pair at random, then exchange partners until the classes of every pair differ.

    Raises UsageError if one class holds more than half of the examples: then no such pairing exists.
    """
    check_cross_class(class_ids, copy + 1)
    partners = permutation(len(class_ids), seed, "cross", copy)
    _repair_at_random(partners, class_ids, copy, seed, earlier, first_round=0)
    _repair_exactly(partners, class_ids, copy, seed)
    _repair_at_random(partners, class_ids, copy, seed, earlier, first_round=_REPAIR_ROUNDS)
    return partners


def check_cross_class(class_ids: ClassIds, copies: int) -> None:
    """Raise UsageError if one class holds more than half of the examples."""
    del copies
    classes, sizes = np.unique(class_ids, return_counts=True)
    largest = int(sizes.argmax())
    if 2 * sizes[largest] > len(class_ids):
        raise PairingError(
            f"--pairing cross-class needs every class to hold at most half of the examples, but class {{}} holds "
            f"{sizes[largest]:,} of {len(class_ids):,}: use --pairing any or within-class",
            int(classes[largest]),
        )


def _allowed(slots: Partners, partners: Partners, class_ids: ClassIds, earlier: Earlier) -> npt.NDArray[np.bool_]:
    """bool[n]: whether each slot may be paired with its partner: other class, and not paired in an earlier copy."""
    fine = class_ids[slots] != class_ids[partners]
    for pairing in earlier:
        fine &= pairing[slots] != partners
    return fine


def _repair_at_random(
    partners: Partners, class_ids: ClassIds, copy: int, seed: int, earlier: Earlier, *, first_round: int
) -> None:
    """Exchange the partners of conflicting slots with those of random slots, if both new pairs are allowed. In place.

    A conflict is a pair of the same class, or a pair of an earlier copy.
    """
    num_slots = len(class_ids)
    conflicts = np.flatnonzero(~_allowed(np.arange(num_slots), partners, class_ids, earlier))
    for attempt in range(first_round, first_round + _REPAIR_ROUNDS):
        if not len(conflicts):
            return
        drawn = words(len(conflicts), seed, "cross-swap", copy, attempt) % np.uint64(num_slots)
        others, first = np.unique(drawn.astype(np.int64), return_index=True)
        slots = conflicts[first]
        apart = ~np.isin(others, conflicts)
        slots, others = slots[apart], others[apart]
        fine = _allowed(slots, partners[others], class_ids, earlier) & _allowed(
            others, partners[slots], class_ids, earlier
        )
        slots, others = slots[fine], others[fine]
        partners[slots], partners[others] = partners[others], partners[slots]
        conflicts = np.setdiff1d(conflicts, slots, assume_unique=True)


def _repair_exactly(partners: Partners, class_ids: ClassIds, copy: int, seed: int) -> None:
    """Repair the same-class pairs that are left after the random exchanges, class by class. In place.

    Let x pairs lie inside a class of size n. Then N − 2n + x pairs lie wholly outside it. If n ≤ N/2, this is at least
    x, so every inside pair can exchange partners with an outside pair. Such an exchange makes no new same-class pair.
    """
    same = np.flatnonzero(class_ids == class_ids[partners])
    for class_id in np.unique(class_ids[same]):
        inside = np.flatnonzero((class_ids == class_id) & (class_ids[partners] == class_id))
        outside = np.flatnonzero((class_ids != class_id) & (class_ids[partners] != class_id))
        order = permutation(len(outside), seed, "cross-settle", copy, int(class_id))
        chosen = outside[order[: len(inside)]]
        partners[inside], partners[chosen] = partners[chosen], partners[inside]


POLICY = Policy(pair=pair_cross_class, check=check_cross_class, uses_earlier=True)
