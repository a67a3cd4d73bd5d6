"""Slots: the keyed random order of all examples, and which shard holds which of them.

Each shard of a copy holds a contiguous range of slots. The sizes of shards differ by one example at most. The shards of
a copy have consecutive numbers. The records of a shard are in a second random order, so that the two uses of an example
are not neighbours.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixup_pipeline.mixing.randomness import permutation


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """One task: slots [start, stop) of every pass, one file per pass."""

    shard: int
    start: int
    stop: int


def examples_in_slots(num_examples: int, seed: int) -> npt.NDArray[np.int64]:
    """int64[num_examples]: the example in each slot. It depends on the number of examples and the seed only."""
    return permutation(num_examples, seed, "slots")


def shard_tasks(num_examples: int, num_shards: int) -> list[ShardTask]:
    """The slot ranges of all shards of a copy."""
    bounds = [shard * num_examples // num_shards for shard in range(num_shards + 1)]
    return [ShardTask(shard=s, start=bounds[s], stop=bounds[s + 1]) for s in range(num_shards)]


def record_order(task: ShardTask, *, seed: int, pass_index: int, num_shards: int) -> npt.NDArray[np.int64]:
    """int64[stop − start]: for each record of a shard's file in one pass, its slot minus the first one of the shard."""
    return permutation(task.stop - task.start, seed, "order", pass_index, task.shard, num_shards)
