"""Pairing: who is mixed with whom. Pure NumPy, over the whole dataset.

Each policy is a file of its own, registered in `config.registry.PAIRINGS`. What holds for every policy:

- it is a bijection: every example is base once and partner once a copy;
- copies use different partners as long as there are enough of them, and copy c does not change when more copies are
  asked for;
- it depends on nothing but its arguments.

Rejected: pairing inside a bucket or a batch (a batch of 256 over 1,000 classes has few same-class pairs), reversing
the order (the same two examples meet twice).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int32]
"""int32[N] class ids in slot order; all NO_CLASS where a source has no classes."""
Partners = npt.NDArray[np.int64]
"""int64[N]: the partner slot of every slot."""
Earlier = Sequence[npt.NDArray[np.int64 | np.int32]]
"""The pairings of the copies before."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One way to pair.

    pair: (labels, copy, seed, earlier) → partners. check: (labels, copies), raises UsageError where so many copies of
    these examples cannot be paired. needs_classes: whether labels must be class ids. uses_earlier: whether `pair` looks
    at the pairings of the copies before; otherwise it gets none.
    """

    pair: Callable[[Labels, int, int, Earlier], Partners]
    check: Callable[[Labels, int], None] = lambda labels, copies: None
    needs_classes: bool = True
    uses_earlier: bool = False
