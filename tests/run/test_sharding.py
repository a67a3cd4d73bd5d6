"""Sharding: shards cover all slots evenly, shard counts follow the size, and gathering is bounded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixup_pipeline.mixing.slots import shard_tasks
from mixup_pipeline.run.sharding import (
    GATHER_BYTES,
    PASSES_TOGETHER,
    TOGETHER_BYTES,
    Gathering,
    default_num_shards,
    gathered_examples,
    gathering,
)

MIB, GIB = 1 << 20, 1 << 30

PROPERTY = settings(deadline=None, max_examples=100)


@given(st.integers(1, 100_000), st.integers(1, 300))
@PROPERTY
def test_shards_cover_all_slots_in_order_and_evenly(num_examples: int, num_shards: int) -> None:
    num_shards = min(num_shards, num_examples)
    tasks = shard_tasks(num_examples, num_shards)
    assert [task.shard for task in tasks] == list(range(num_shards))
    assert [task.start for task in tasks] == [0, *(task.stop for task in tasks[:-1])]
    assert tasks[-1].stop == num_examples
    sizes = {task.stop - task.start for task in tasks}
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 1


@pytest.mark.parametrize(
    ("num_examples", "num_shards", "starts"),
    [(10, 4, [0, 2, 5, 7]), (10, 3, [0, 3, 6]), (7, 5, [0, 1, 2, 4, 5]), (5, 5, [0, 1, 2, 3, 4])],
)
def test_the_ranges_of_shards_are_pinned(num_examples: int, num_shards: int, starts: list[int]) -> None:
    assert [task.start for task in shard_tasks(num_examples, num_shards)] == starts


@pytest.mark.parametrize(
    ("num_examples", "record_bytes", "num_shards"),
    [
        (1, 1, 1),
        (1, GIB, 1),
        (60_000, 1000, 1),
        (MIB, 64, 1),
        (MIB + 1, 64, 2),
        (3, GIB, 3),
        (MIB, 64 * 1024, 1024),
        (MIB + 1, 64 * 1024, 1024),
        (MIB, 256 * 1024, 1024),
        (MIB + 1, 256 * 1024, 1025),
        (2 * MIB, 256 * 1024, 2048),
        (1_281_167, 150_528, 1024),
        (400_000_000, 150_528, 224_305),
        (2**31 - 1, 150_528, 1_000_000),
    ],
)
def test_default_num_shards(num_examples: int, record_bytes: int, num_shards: int) -> None:
    assert default_num_shards(num_examples, record_bytes) == num_shards


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 10**6))
@PROPERTY
def test_more_examples_never_give_fewer_shards_and_no_shard_is_empty(count: int, record_bytes: int, more: int) -> None:
    num_shards = default_num_shards(count, record_bytes)
    assert 1 <= num_shards <= count
    assert default_num_shards(count + more, record_bytes) >= num_shards


@pytest.mark.parametrize(
    ("shard_examples", "num_examples", "num_passes", "gathered"),
    [(10, 100, 1, 20), (10, 100, 3, 40), (10, 15, 3, 15), (100, 100, 5, 100), (1, 1, 1, 1)],
)
def test_gathered_examples(shard_examples: int, num_examples: int, num_passes: int, gathered: int) -> None:
    assert gathered_examples(shard_examples, num_examples, num_passes) == gathered


@pytest.mark.parametrize(
    ("shard_examples", "num_examples", "num_passes", "decoded_bytes", "expected"),
    [
        (60_000, 60_000, 10, 784, Gathering(passes=10, piece=60_000)),  # MNIST: everything at once
        (60_000, 60_000, 100, 784, Gathering(passes=PASSES_TOGETHER, piece=60_000)),
        (1000, 10**6, 3, 16 << 10, Gathering(passes=3, piece=1000)),
        (1000, 10**6, 40, 16 << 10, Gathering(passes=31, piece=1000)),  # 32,000 examples in 500 MiB
        (1000, 10**6, 8, 64 << 10, Gathering(passes=7, piece=1000)),
        (434, 3_036, 10, 150_528, Gathering(passes=10, piece=434)),  # photographs at 224
        (434, 30_360, 10, 150_528, Gathering(passes=7, piece=434)),
        (434, 3_036, 1, 150_528, Gathering(passes=1, piece=167)),
        (1251, 1_281_167, 90, 150_528, Gathering(passes=1, piece=167)),  # ImageNet at 224: in pieces
        (5, 10, 1, 256 << 20, Gathering(passes=1, piece=1)),  # larger than the limit: one at a time
    ],
)
def test_gathering(
    shard_examples: int, num_examples: int, num_passes: int, decoded_bytes: int, expected: Gathering
) -> None:
    assert gathering(shard_examples, num_examples, num_passes, decoded_bytes) == expected


@given(st.integers(1, 10**6), st.integers(0, 10**9), st.integers(1, 10_000), st.integers(1, 256 << 20))
@PROPERTY
def test_gathering_stays_within_its_bound(
    shard_examples: int, others: int, num_passes: int, decoded_bytes: int
) -> None:
    limits = gathering(shard_examples, shard_examples + others, num_passes, decoded_bytes)
    assert 1 <= limits.passes <= num_passes
    assert 1 <= limits.piece <= shard_examples
    held = gathered_examples(limits.piece, shard_examples + others, limits.passes)
    most = TOGETHER_BYTES if limits.passes > 1 else GATHER_BYTES
    assert held * decoded_bytes <= most or (limits.passes, limits.piece) == (1, 1)
    if limits.passes < min(num_passes, PASSES_TOGETHER):  # one pass more would be too many
        more = gathered_examples(shard_examples, shard_examples + others, limits.passes + 1)
        assert more * decoded_bytes > TOGETHER_BYTES
