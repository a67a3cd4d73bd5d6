"""Pairing `cross-class`: partners differ in class.

A random pairing whose conflicts are repaired. Copies use different partners where there are comfortably enough of them;
as the pairing is random, where few are left an example may meet one again.

Rejected: sorting by class and shifting, which is exact, but each class would only ever meet one or two others.
"""

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import UsageError
from mixup_pipeline.mixing.pairing import Earlier, Labels, Partners, Policy
from mixup_pipeline.mixing.randomness import permutation, words

_REPAIR_ROUNDS = 24


def pair_cross_class(labels: Labels, copy: int, seed: int, earlier: Earlier) -> Partners:
    """A random pairing, repaired by exchanging partners until labels differ.

    Raises UsageError where one class holds more than half of the examples: then no such pairing exists.
    """
    check_cross_class(labels, copy + 1)
    partners = permutation(len(labels), seed, "cross", copy)
    _repair_at_random(partners, labels, copy, seed, earlier, first_round=0)
    _repair_exactly(partners, labels, copy, seed)
    _repair_at_random(partners, labels, copy, seed, earlier, first_round=_REPAIR_ROUNDS)
    return partners


def check_cross_class(labels: Labels, copies: int) -> None:
    """Raises UsageError where one class holds more than half of the examples."""
    del copies
    classes, sizes = np.unique(labels, return_counts=True)
    largest = int(sizes.argmax())
    if 2 * sizes[largest] > len(labels):
        raise UsageError(
            f"pairing cross-class needs every class to hold at most half of the examples, but class {classes[largest]} "
            f"holds {sizes[largest]:,} of {len(labels):,}: use --pairing any or within-class"
        )


def _allowed(slots: Partners, partners: Partners, labels: Labels, earlier: Earlier) -> npt.NDArray[np.bool_]:
    """Whether each of these slots may meet each of these partners: another class, and not met in an earlier copy."""
    fine = labels[slots] != labels[partners]
    for pairing in earlier:
        fine &= pairing[slots] != partners
    return fine


def _repair_at_random(
    partners: Partners, labels: Labels, copy: int, seed: int, earlier: Earlier, *, first_round: int
) -> None:
    """Exchange the partners of conflicting slots with those of random slots, where both then fit. In place.

    A conflict is a pair of one class, or one that met in an earlier copy.
    """
    num_slots = len(labels)
    conflicts = np.flatnonzero(~_allowed(np.arange(num_slots), partners, labels, earlier))
    for attempt in range(first_round, first_round + _REPAIR_ROUNDS):
        if not len(conflicts):
            return
        drawn = words(len(conflicts), seed, "cross-swap", copy, attempt) % np.uint64(num_slots)
        others, first = np.unique(drawn.astype(np.int64), return_index=True)
        slots = conflicts[first]
        apart = ~np.isin(others, conflicts)
        slots, others = slots[apart], others[apart]
        fine = _allowed(slots, partners[others], labels, earlier) & _allowed(others, partners[slots], labels, earlier)
        slots, others = slots[fine], others[fine]
        partners[slots], partners[others] = partners[others], partners[slots]
        conflicts = np.setdiff1d(conflicts, slots, assume_unique=True)


def _repair_exactly(partners: Partners, labels: Labels, copy: int, seed: int) -> None:
    """Settle what chance left, class by class. In place.

    With x pairs inside class a of size n, N − 2n + x pairs lie wholly outside it, so where n ≤ N/2 there are always
    enough of those to exchange with, and an exchange makes no new conflict.
    """
    same = np.flatnonzero(labels == labels[partners])
    for label in np.unique(labels[same]):
        inside = np.flatnonzero((labels == label) & (labels[partners] == label))
        outside = np.flatnonzero((labels != label) & (labels[partners] != label))
        order = permutation(len(outside), seed, "cross-settle", copy, int(label))
        chosen = outside[order[: len(inside)]]
        partners[inside], partners[chosen] = partners[chosen], partners[inside]


POLICY = Policy(pair=pair_cross_class, check=check_cross_class, uses_earlier=True)
