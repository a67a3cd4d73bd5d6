"""Sharding: how many shards a copy has, and how much a shard task decodes at a time. Pure arithmetic.

The default number of shards depends only on the size of the output, never on the
machine, because it decides the bytes of every file.
"""

from dataclasses import dataclass

from mixup_pipeline.config import MAX_SHARDS

TARGET_SHARD_BYTES = 64 << 20
LARGE_SHARD_BYTES = 256 << 20
MANY_SHARDS = 1024
GATHER_BYTES = 48 << 20
"""The most bytes of decoded examples that a shard task holds at a time, where it makes one pass."""
TOGETHER_BYTES = 512 << 20
"""The most bytes that it holds where it makes several passes: each one more saves as many decodes."""
PASSES_TOGETHER = 64
"""The most passes whose examples are gathered together."""


@dataclass(frozen=True, kw_only=True)
class Gathering:
    """How a shard task decodes.

    passes: the number of passes that are gathered together. piece: the number of examples of a pass at a time.
    """

    passes: int
    piece: int


def default_num_shards(num_examples: int, record_bytes: int) -> int:
    """The default number of shards of one copy.

    Shards have about 64 MiB, as long as there are at most 1,024. Larger copies get 1,024 shards of up to 256 MiB each,
    and only then more.
    """
    copy_bytes = num_examples * record_bytes
    by_target = -(-copy_bytes // TARGET_SHARD_BYTES)
    if by_target > MANY_SHARDS:
        by_target = max(MANY_SHARDS, -(-copy_bytes // LARGE_SHARD_BYTES))
    return max(1, min(num_examples, by_target, MAX_SHARDS))


def gathered_examples(shard_examples: int, num_examples: int, num_passes: int) -> int:
    """The most different examples that a shard needs for these passes: its bases, and the partners of each pass."""
    return min(num_examples, shard_examples * (1 + num_passes))


def gathering(shard_examples: int, num_examples: int, num_passes: int, decoded_bytes: int) -> Gathering:
    """Choose how a shard task decodes, so that it holds at most GATHER_BYTES, or TOGETHER_BYTES, at a time.

    Passes that are gathered together decode the examples they share only once. If one pass alone is too large, it is
    decoded in pieces, each with its bases and its partners.
    """

    def fits(passes: int) -> bool:
        held = gathered_examples(shard_examples, num_examples, passes) * decoded_bytes
        return held <= (TOGETHER_BYTES if passes > 1 else GATHER_BYTES)

    passes = next((passes for passes in range(min(num_passes, PASSES_TOGETHER), 0, -1) if fits(passes)), None)
    if passes is not None:
        return Gathering(passes=passes, piece=shard_examples)
    return Gathering(passes=1, piece=max(1, GATHER_BYTES // (2 * decoded_bytes)))
