"""Pairing `near-label`: of real-valued labels, a partner is the likelier the nearer its label is.

This is the pairing of C-Mixup (Yao et al. 2022). Partner j of base i is drawn with probability proportional to
exp(−(y_i − y_j)² / 2h²), h being the bandwidth, among all others whose labels lie within four bandwidths. C-Mixup
computes these for all N×N pairs. Here labels are sorted, j is proposed uniformly from those in reach and accepted with
that probability, which gives the same distribution in memory and time that grow with N. Who has nobody in reach is
mixed with the nearest label. Every example is the base once; how often it is a partner is left to chance.
"""

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import UsageError
from mixup_pipeline.mixing.pairing import ClassIds, Earlier, Partners, Policy
from mixup_pipeline.mixing.randomness import words

_REACH = 4.0
"""Bandwidths. Beyond them lies 1 pair in 16,000 where labels are spread evenly."""
_ROUNDS = 64
_SHARE = 0.1
"""The default bandwidth, in standard deviations of the labels."""

Values = npt.NDArray[np.float64]


def pair_near_label(
    class_ids: ClassIds, copy: int, seed: int, earlier: Earlier, *, bandwidth: float | None
) -> Partners:
    """Draw a partner for each slot. class_ids: the bits of float32 labels."""
    del earlier
    values = label_values(class_ids)
    num_slots = len(values)
    if num_slots == 1:
        return np.zeros(1, np.int64)
    order = np.argsort(values, kind="stable")  # slots by label; equal labels stay in the random order of slots
    labels = values[order]
    width = bandwidth or _SHARE * float(labels.std())
    low = np.searchsorted(labels, labels - _REACH * width, "left")
    high = np.searchsorted(labels, labels + _REACH * width, "right")
    found = np.full(num_slots, -1)
    waiting = np.flatnonzero(high - low > 1)
    for attempt in range(_ROUNDS):
        proposed_by, accepted_by = (
            words(len(waiting), seed, purpose, copy, attempt) for purpose in ("near-label", "near-accept")
        )
        proposed = low[waiting] + (proposed_by % (high - low)[waiting].astype(np.uint64)).astype(np.int64)
        accepted = _accepted(labels[waiting] - labels[proposed], width, accepted_by) & (proposed != waiting)
        found[waiting[accepted]] = proposed[accepted]
        waiting = waiting[~accepted]
        if not len(waiting):
            break
    rest = np.flatnonzero(found < 0)
    found[rest] = _nearest(labels, rest)
    partners = np.empty(num_slots, np.int64)
    partners[order] = order[found]
    return partners


def label_values(class_ids: ClassIds) -> Values:
    """The labels, float64[N], from the bits of float32."""
    return class_ids.view(np.float32).astype(np.float64)


def _accepted(distance: Values, width: float, drawn: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Whether each proposal is accepted: always at distance 0."""
    if width == 0:
        return distance == 0
    accepted: npt.NDArray[np.bool_] = drawn.astype(np.float64) / 2**64 < np.exp(-0.5 * (distance / width) ** 2)
    return accepted


def _nearest(labels: Values, positions: Partners) -> Partners:
    """Of sorted labels, the position of the nearest other one; of two equally near the smaller."""
    before, after = positions - 1, positions + 1
    far = np.full(len(positions), np.inf)
    below = np.where(before >= 0, labels[positions] - labels[np.maximum(before, 0)], far)
    above = np.where(after < len(labels), labels[np.minimum(after, len(labels) - 1)] - labels[positions], far)
    return np.where(below <= above, before, after)


def check_near_label(class_ids: ClassIds, copies: int, *, bandwidth: float | None) -> None:
    """Raise UsageError if all labels are equal, so that no label is nearer than another."""
    del copies, bandwidth
    values = label_values(class_ids)
    if len(values) > 1 and values.min() == values.max():
        raise UsageError(f"--pairing near-label: all labels are {values[0]:g}, so none is nearer: use --pairing any")


POLICY = Policy(
    pair=pair_near_label, check=check_near_label, needs_classes=False, needs_values=True, options=("bandwidth",)
)
