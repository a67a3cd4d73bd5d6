"""Pairing: who is mixed with whom. Pure NumPy, over the whole dataset.

A policy is a function (labels, copy, seed, earlier) → partner slot of every slot, where `labels` is int32[N] in slot
order and `earlier` are the pairings of the copies before. What holds for each policy:

- it is a bijection: every example is base once and partner once a copy;
- `pair_any`: nobody is paired with itself (N > 1). Slots are already a random order of the dataset, so one random shift
  pairs uniformly;
- `pair_within_class`: partners share their class; a class of one keeps its example to itself;
- `pair_cross_class`: partners differ in class;
- the copies use different partners as long as there are enough of them (cross-class: comfortably enough, since it is
  random; where few are left it may meet one again), and copy c does not change when more copies
  are asked for.

Rejected: pairing inside a bucket or a batch (a batch of 256 over 1,000 classes has few same-class pairs), reversing
the order (the same two examples meet twice), sorting by class and shifting for cross-class (exact, but each class
would only ever meet one or two others).
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import UsageError
from mixup_pipeline.randomness import distinct, permutation, words

Labels = npt.NDArray[np.int32]
Partners = npt.NDArray[np.int64]
Earlier = Sequence[npt.NDArray[np.int64 | np.int32]]
Policy = Callable[[Labels, int, int, Earlier], Partners]

_REPAIR_ROUNDS = 24


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


def pair_cross_class(labels: Labels, copy: int, seed: int, earlier: Earlier) -> Partners:
    """A random pairing, repaired by exchanging partners until labels differ.

    Raises UsageError where one class holds more than half of the examples: then no such pairing exists.
    """
    check_cross_class(labels)
    partners = permutation(len(labels), seed, "cross", copy)
    _repair_at_random(partners, labels, copy, seed, earlier, first_round=0)
    _repair_exactly(partners, labels, copy, seed)
    _repair_at_random(partners, labels, copy, seed, earlier, first_round=_REPAIR_ROUNDS)
    return partners


POLICIES: dict[str, Policy] = {
    "any": pair_any,
    "within-class": pair_within_class,
    "cross-class": pair_cross_class,
}


def check_cross_class(labels: Labels) -> None:
    """Raises UsageError where one class holds more than half of the examples."""
    classes, sizes = np.unique(labels, return_counts=True)
    largest = int(sizes.argmax())
    if 2 * sizes[largest] > len(labels):
        raise UsageError(
            f"pairing cross-class needs every class to hold at most half of the examples, but class {classes[largest]} "
            f"holds {sizes[largest]:,} of {len(labels):,}: use --pairing any or within-class"
        )


def ring_shift(size: int, copy: int, seed: int, purpose: str, *key: int) -> int:
    """The shift of one copy along a ring of `size` > 1, in [1, size − 1].

    A shift and its mirror (size − shift) bring the same two examples together, once each way round. So the copies first
    use up one of each mirrored pair, in random order and direction; then the mirrors; last, for an even size, half the
    ring, which is its own mirror. After size − 1 copies all partners have been met and the sequence starts again.
    """
    turn = copy % (size - 1)
    half = (size - 1) // 2
    if turn >= 2 * half:
        return size // 2
    step = 1 + int(distinct(half, turn % half + 1, seed, purpose, *key)[-1])
    forward = bool(words(1, seed, purpose + "-direction", *key, step)[0] & np.uint64(1))
    return step if forward == (turn < half) else size - step


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
