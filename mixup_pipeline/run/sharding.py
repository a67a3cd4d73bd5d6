"""The plan: which shard holds which slots, and what the output will weigh. Pure arithmetic.

Shard s of a copy owns a contiguous range of slots; sizes differ by at most one. Copy c's shards are numbered in one
contiguous range. The default number of shards depends on the size of the output alone, never on the machine, because it
decides the bytes of every file.
"""

from dataclasses import dataclass

from mixup_pipeline.config import MAX_SHARDS

TARGET_SHARD_BYTES = 64 << 20
LARGE_SHARD_BYTES = 256 << 20
MANY_SHARDS = 1024
GATHER_BYTES = 48 << 20
"""Decoded examples that one shard task may hold at a time."""
PASSES_TOGETHER = 64


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """Slots [start, stop) of every copy: one task, one file a copy."""

    shard: int
    start: int
    stop: int


@dataclass(frozen=True, kw_only=True)
class Gathering:
    """How a shard task decodes: so many passes together, in pieces of so many positions of their output order."""

    passes: int
    piece: int


def default_num_shards(num_examples: int, record_bytes: int) -> int:
    """Shards of one copy: of about 64 MiB each, up to 1,024; beyond that they grow to 256 MiB before they multiply."""
    copy_bytes = num_examples * record_bytes
    by_target = -(-copy_bytes // TARGET_SHARD_BYTES)
    if by_target > MANY_SHARDS:
        by_target = max(MANY_SHARDS, -(-copy_bytes // LARGE_SHARD_BYTES))
    return max(1, min(num_examples, by_target, MAX_SHARDS))


def shard_tasks(num_examples: int, num_shards: int) -> list[ShardTask]:
    """The slot ranges of all shards of a copy."""
    bounds = [shard * num_examples // num_shards for shard in range(num_shards + 1)]
    return [ShardTask(shard=s, start=bounds[s], stop=bounds[s + 1]) for s in range(num_shards)]


def gathered_examples(shard_examples: int, num_examples: int, num_passes: int) -> int:
    """At most how many different examples a shard needs for so many passes: bases, and partners of each pass."""
    return min(num_examples, shard_examples * (1 + num_passes))


def gathering(shard_examples: int, num_examples: int, num_passes: int, decoded_bytes: int) -> Gathering:
    """Decode at most GATHER_BYTES at a time.

    Passes that are decoded together decode every example they share once. Where even one pass is too much, it goes in
    pieces, each with its bases and its partners.
    """
    for passes in (min(num_passes, PASSES_TOGETHER), 1):
        if gathered_examples(shard_examples, num_examples, passes) * decoded_bytes <= GATHER_BYTES:
            return Gathering(passes=passes, piece=shard_examples)
    return Gathering(passes=1, piece=max(1, GATHER_BYTES // (2 * decoded_bytes)))
