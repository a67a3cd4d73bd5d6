"""Examples that are held out of training to choose the best epoch, so that the evaluation examples are looked at once.

They are drawn by the seed. Where examples have groups, such as patients, all of a group is held out or nothing of it.
"""

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import UsageError
from mixup_pipeline.mixing.randomness import permutation
from mixup_pipeline.sources.index import Groups

Held = npt.NDArray[np.bool_]
_NO_GROUPS: Groups = np.zeros(0, np.int64)


def held_out(count: int, share: float, seed: int, groups: Groups = _NO_GROUPS) -> Held:
    """bool[count]: which examples are held out: this share of them, rounded, or with groups the fewest that reach it.

    groups: int64[count], what tells the group of each example; empty if there are none.

    Raises UsageError if none or all would be.
    """
    held = np.zeros(count, np.bool_)
    wanted = round(share * count)
    if not len(groups):
        held[permutation(count, seed, "val-share")[:wanted]] = True
    elif wanted:
        _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        order = permutation(len(sizes), seed, "val-groups")
        enough = int(np.searchsorted(np.cumsum(sizes[order]), wanted)) + 1
        held = np.isin(numbers, order[:enough])
    if held.any() and not held.all():
        return held
    number = f"{held.sum():,} of {count:,} examples"
    of = f" in {len(np.unique(groups)):,} groups" if len(groups) else ""
    raise UsageError(f"--val-share {share:g}: would hold out {number}{of}: give another share, or leave it out")
