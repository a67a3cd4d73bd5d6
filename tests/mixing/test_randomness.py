"""Keyed randomness: stable words, no dependence on ranges, hash seeds or global generators, and uniform results."""

import os
import subprocess
import sys
from collections import Counter
from functools import lru_cache
from itertools import permutations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mixup_pipeline.mixing.randomness import (
    BLOCK_SLOTS,
    bit_generator,
    by_blocks,
    distinct,
    generator,
    permutation,
    uniform,
    words,
)

NUM_BLOCKS = 4
RANGES = st.lists(st.integers(0, NUM_BLOCKS * BLOCK_SLOTS), min_size=2, max_size=2, unique=True).map(sorted)


@lru_cache
def all_draws() -> npt.NDArray[np.float64]:
    return uniform(0, NUM_BLOCKS * BLOCK_SLOTS, 7, "test", 3)


# Made by: [hex(word) for word in numpy.random.Philox(key=numpy.frombuffer(
#     hashlib.blake2b(b"SEED/PURPOSE/KEY/...", digest_size=16).digest(), "<u8")).random_raw(3)]
@pytest.mark.parametrize(
    ("seed", "purpose", "key", "golden"),
    [
        (0, "slots", (), [0x75FFD71340CF32EE, 0x4E478D82AE2E1F40, 0x3D6ACF45DF9D2D0D]),
        (0, "lam", (0, 0), [0xFC81536B92232DB8, 0x2DE854A0405CF176, 0xF4F2FB13EE38FF10]),
        (0, "lam", (0, 1), [0x77A7CCB38D92B889, 0xD87FFA49A09E1EF7, 0xE5CEE7CBF879864E]),
        (2**63 - 1, "order", (3, 14, 15), [0x30C3AF2496D985D4, 0x2934D0201E1125A7, 0xC0341E79BED15578]),
    ],
)
def test_words_are_pinned(seed: int, purpose: str, key: tuple[int, ...], golden: list[int]) -> None:
    assert words(3, seed, purpose, *key).tolist() == golden


def test_permutation_is_pinned() -> None:
    assert permutation(10, 0, "slots").tolist() == [3, 2, 9, 1, 6, 4, 0, 7, 5, 8]


def test_fewer_words_are_the_first_of_more_words() -> None:
    np.testing.assert_array_equal(words(5, 1, "test"), words(5000, 1, "test")[:5])


def test_every_part_of_the_key_matters() -> None:
    keys: list[tuple[int, str, tuple[int, ...]]] = [
        (1, "lam", ()),
        (1, "lam", (0,)),
        (1, "lam", (2, 3)),
        (1, "lam", (3, 2)),
        (1, "lam", (23,)),
        (1, "prob", (2, 3)),
        (2, "lam", (2, 3)),
        (12, "lam", (3,)),
        (112, "lam", ()),
    ]
    first_words = {int(words(1, seed, purpose, *key)[0]) for seed, purpose, key in keys}
    assert len(first_words) == len(keys)


def test_neighbouring_seeds_share_no_words() -> None:
    streams = [set(words(1000, seed, "lam", 0).tolist()) for seed in range(20)]
    assert len(set.union(*streams)) == 20 * 1000


def test_generator_starts_from_its_bit_generator() -> None:
    drawn = generator(5, "lam", 1).bit_generator.random_raw(4)
    np.testing.assert_array_equal(drawn, bit_generator(5, "lam", 1).random_raw(4))


@given(RANGES)
@settings(max_examples=50)
def test_draws_of_a_range_are_a_slice_of_all_draws(bounds: list[int]) -> None:
    start, stop = bounds
    np.testing.assert_array_equal(uniform(start, stop, 7, "test", 3), all_draws()[start:stop])


@given(RANGES)
@settings(max_examples=50)
def test_by_blocks_cuts_the_range_from_whole_blocks(bounds: list[int]) -> None:
    start, stop = bounds
    slots = by_blocks(lambda block: np.arange(block * BLOCK_SLOTS, (block + 1) * BLOCK_SLOTS), start, stop)
    np.testing.assert_array_equal(slots, np.arange(start, stop))


@pytest.mark.parametrize(
    ("start", "stop", "blocks"),
    [
        (0, 1, [0]),
        (0, BLOCK_SLOTS, [0]),
        (BLOCK_SLOTS, BLOCK_SLOTS + 1, [1]),
        (BLOCK_SLOTS - 1, BLOCK_SLOTS + 1, [0, 1]),
        (10**9 * BLOCK_SLOTS, 10**9 * BLOCK_SLOTS + 5, [10**9]),
    ],
)
def test_only_the_blocks_of_the_range_are_drawn(start: int, stop: int, blocks: list[int]) -> None:
    drawn = []

    def draw(block: int) -> npt.NDArray[np.int64]:
        drawn.append(block)
        return np.zeros(BLOCK_SLOTS, np.int64)

    assert len(by_blocks(draw, start, stop)) == stop - start
    assert drawn == blocks


def test_blocks_draw_different_numbers() -> None:
    assert len(np.unique(all_draws())) == NUM_BLOCKS * BLOCK_SLOTS


def test_uniform_draws_are_uniform_below_one_on_a_grid_of_53_bits() -> None:
    drawn = all_draws()
    assert drawn.dtype == np.float64
    assert drawn.min() >= 0
    assert drawn.max() < 1
    np.testing.assert_array_equal(drawn * 2.0**53 % 1, 0)
    assert stats.kstest(drawn, "uniform").pvalue > 1e-3


@given(st.integers(0, 3000), st.integers(0, 2**63 - 1))
@settings(max_examples=50)
def test_permutation_is_a_bijection(count: int, seed: int) -> None:
    order = permutation(count, seed, "test")
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(count))


def test_permutation_takes_every_order_equally_often() -> None:
    drawn = Counter(tuple(permutation(5, seed, "test").tolist()) for seed in range(12_000))
    assert stats.chisquare([drawn[order] for order in permutations(range(5))]).pvalue > 1e-3


def test_permutation_sends_every_element_everywhere() -> None:
    counts = np.zeros((10, 10))
    for seed in range(3000):
        counts[np.arange(10), permutation(10, seed, "test", 1)] += 1
    assert min(stats.chisquare(row).pvalue for row in counts) > 1e-4


@pytest.mark.parametrize("size", [1, 7, 1 << 16, (1 << 16) + 1, 100_000, 10**12])
def test_distinct_numbers_are_distinct_and_the_same_for_every_count(size: int) -> None:
    numbers = distinct(size, 500, 3, "test")
    assert len(numbers) == len(set(numbers.tolist())) == min(500, size)
    assert numbers.min() >= 0
    assert numbers.max() < size
    for count in (0, 1, 2, 499):
        np.testing.assert_array_equal(distinct(size, count, 3, "test"), numbers[:count])


def test_distinct_numbers_of_a_long_order_can_be_all_of_it() -> None:
    size = (1 << 16) + 1
    assert sorted(distinct(size, size + 5, 3, "test").tolist()) == list(range(size))


@pytest.mark.parametrize("size", [9, (1 << 16) + 8])
def test_distinct_numbers_are_uniform(size: int) -> None:
    for position in (0, 4):
        drawn = np.array([distinct(size, 5, seed, "test")[position] for seed in range(3000)])
        assert stats.chisquare(np.bincount(drawn * 9 // size, minlength=9)).pvalue > 1e-4


def test_global_generator_is_neither_read_nor_advanced() -> None:
    np.random.seed(1)
    drawn, after = uniform(0, 4, 3, "test"), np.random.random()
    np.random.seed(2)
    np.testing.assert_array_equal(uniform(0, 4, 3, "test"), drawn)
    np.random.seed(1)
    assert np.random.random() == after


@pytest.mark.slow
def test_draws_do_not_depend_on_the_hash_seed() -> None:
    script = (
        "from mixup_pipeline.mixing.methods.mixup import draw_lam\n"
        "from mixup_pipeline.mixing.randomness import permutation, words\n"
        "lam = draw_lam(0, 4, alpha=0.2, seed=5, copy=1)\n"
        "print(words(4, 5, 'test', 1).tolist(), permutation(9, 5, 'test').tolist(), lam.tolist())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1")
    }
    assert len(printed) == 1
    assert printed.pop().startswith(str(words(4, 5, "test", 1).tolist()))
