"""The order in which examples are trained on. It depends on their number, the seed and the epoch, and on nothing else.

So all arms of a comparison see the same bases in the same batches, however the source is sorted and into how many
shards it was mixed. An epoch goes through a uniformly random order of all examples; those at its end that fill no batch
are left out of it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.mixing.randomness import permutation, words
from mixup_pipeline.mixing.slots import examples_in_slots
from mixup_pipeline.mixing.views import Views, draw_views
from mixup_pipeline.spec import Shape
from mixup_pipeline.training.passes import Numbers


@dataclass(frozen=True, kw_only=True)
class Feeding:
    """How examples are fed: so many a step, in an order of this seed."""

    batch_size: int
    seed: int

    def epoch_order(self, examples: int, epoch: int) -> Numbers:
        """int64[examples]: the numbers of the examples in the order of an epoch."""
        return permutation(examples, self.seed, "train-order", epoch)

    def partner_order(self, examples: int, epoch: int) -> Numbers:
        """int64[examples]: the partner of each example of `epoch_order`. Each is one partner, none is its own.

        It stands a keyed number of places further on, so it may be any other example with equal probability.
        """
        order = self.epoch_order(examples, epoch)
        shift = 1 + int(words(1, self.seed, "online-shift", epoch)[0] % np.uint64(max(1, examples - 1)))
        return np.roll(order, -shift)

    def views(self, examples: int, epoch: int, use: int, *, augment: Collection[str], shape: Shape) -> Views:
        """int64(examples, 5): the views of the examples in `epoch_order`, or of their partners.

        They are those of copy `epoch` of shards that are mixed with this seed, so that all arms of a comparison see
        their bases in the same views.
        """
        views = draw_views(0, examples, augment=augment, shape=shape, seed=self.seed, copy=epoch, use=use)
        slots = np.empty(examples, np.int64)
        slots[examples_in_slots(examples, self.seed)] = np.arange(examples)
        return views[slots[self.epoch_order(examples, epoch)]]

    def over_steps(self, steps: range, examples: int, of_epoch: Callable[[int], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """What the examples of these steps have, in order. of_epoch: what those of an epoch have, (examples, …)."""
        per_epoch = examples // self.batch_size
        parts = []
        for epoch in range(steps.start // per_epoch, -(-steps.stop // per_epoch)):
            first, last = (min(max(step - epoch * per_epoch, 0), per_epoch) for step in (steps.start, steps.stop))
            parts.append(of_epoch(epoch)[first * self.batch_size : last * self.batch_size])
        return np.concatenate(parts)
