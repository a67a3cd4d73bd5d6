"""Pairing `class-balanced`: the partner's class is drawn uniformly, then the partner within it. For long tails.

Every example is the base once, as it occurs; partners of rare classes are drawn often, with replacement. No example is
its own partner. (Balanced-MixUp, Galdran et al. 2021, draws partners so, and weighs them otherwise.)
"""

import numpy as np

from mixup_pipeline.mixing.pairing import ClassIds, Earlier, Partners, Policy
from mixup_pipeline.mixing.randomness import words


def pair_class_balanced(class_ids: ClassIds, copy: int, seed: int, earlier: Earlier) -> Partners:
    """Draw a class for each slot, then one of its members that is another one."""
    del earlier
    num_slots = len(class_ids)
    if num_slots == 1:
        return np.zeros(1, np.int64)
    members = np.argsort(class_ids, kind="stable")  # slots, class after class
    _, firsts, own, sizes = np.unique(class_ids[members], return_index=True, return_inverse=True, return_counts=True)
    class_of, place = np.empty(num_slots, np.int64), np.empty(num_slots, np.int64)
    class_of[members], place[members] = own, np.arange(num_slots) - firsts[own]
    drawn = _below(np.full(num_slots, len(sizes)), seed, "balanced-class", copy)
    alone = (sizes[drawn] == 1) & (drawn == class_of)  # nobody else is in that class: draw among the other classes
    other = _below(np.full(num_slots, max(1, len(sizes) - 1)), seed, "balanced-other", copy)
    drawn = np.where(alone, (drawn + 1 + other) % len(sizes), drawn)
    is_own = drawn == class_of
    rank = _below(sizes[drawn] - is_own, seed, "balanced-member", copy)
    rank += is_own & (rank >= place)  # pass over itself
    partners: Partners = members[firsts[drawn] + rank]
    return partners


def _below(limits: Partners, seed: int, purpose: str, copy: int) -> Partners:
    """int64[n]: a random integer from 0 to limit − 1 for each limit."""
    return (words(len(limits), seed, purpose, copy) % limits.astype(np.uint64)).astype(np.int64)


POLICY = Policy(pair=pair_class_balanced)
