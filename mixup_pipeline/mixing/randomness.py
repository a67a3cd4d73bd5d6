"""Keyed randomness: every draw is a function of (seed, purpose, key) and of nothing else.

The numbers must be the same on every runner, for any number of workers and shards, in any order of execution. So there
is no shared generator: each draw names its purpose and gets its own counter-based generator. Draws for slots are made
in fixed blocks of slots, so that a shard can draw the numbers of its own range without the others.

`words`, `permutation` and `uniform` use only the raw output of Philox, which NumPy keeps stable. `generator` gives
access to NumPy's distributions. NumPy may change their streams between versions, so the manifest records the version.

Rejected: `seed + i` (neighbouring seeds share streams), `SeedSequence.spawn` (depends on the order of the calls),
`hash()` (changes with PYTHONHASHSEED). A change of the key derivation changes every output of every seed.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK_SLOTS = 1 << 14

_SHORT_ORDER = 1 << 16


def bit_generator(seed: int, purpose: str, *key: int) -> np.random.Philox:
    """A fresh Philox generator keyed by (seed, purpose, key)."""
    name = "/".join([str(seed), purpose, *map(str, key)])
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    return np.random.Philox(key=np.frombuffer(digest, "<u8"))


def generator(seed: int, purpose: str, *key: int) -> np.random.Generator:
    """A NumPy Generator on top of `bit_generator`, for its distributions."""
    return np.random.Generator(bit_generator(seed, purpose, *key))


def words(count: int, seed: int, purpose: str, *key: int) -> npt.NDArray[np.uint64]:
    """Draw uint64[count], uniform over all 64-bit words."""
    return bit_generator(seed, purpose, *key).random_raw(count)


def permutation(count: int, seed: int, purpose: str, *key: int) -> npt.NDArray[np.int64]:
    """Draw a uniformly random order of 0 … count−1 as int64[count]: the argsort of keyed words."""
    return np.argsort(words(count, seed, purpose, *key), kind="stable")


def distinct(size: int, count: int, seed: int, purpose: str, *key: int) -> npt.NDArray[np.int64]:
    """Draw int64[min(count, size)]: the first numbers of a random order of 0 … size−1.

    A long order is not computed as a whole. A larger count only adds numbers at the end.
    """
    if size <= _SHORT_ORDER:
        return permutation(size, seed, purpose, *key)[:count]
    num_words, count = 2 * count, min(count, size)
    while True:
        drawn = (words(num_words, seed, purpose, *key) % np.uint64(size)).astype(np.int64)
        first_seen = np.sort(np.unique(drawn, return_index=True)[1])
        if len(first_seen) >= count:
            return drawn[first_seen[:count]]
        num_words *= 2


def by_blocks(draw: Callable[[int], npt.NDArray[Any]], start: int, stop: int) -> npt.NDArray[Any]:
    """Draw for the slots [start, stop): whole blocks are drawn, then cut. draw(block) returns BLOCK_SLOTS values."""
    first, last = start // BLOCK_SLOTS, -(-stop // BLOCK_SLOTS)
    drawn = np.concatenate([draw(block) for block in range(first, last)])
    return drawn[start - first * BLOCK_SLOTS : stop - first * BLOCK_SLOTS]


def uniform(start: int, stop: int, seed: int, purpose: str, *key: int) -> npt.NDArray[np.float64]:
    """Draw float64[stop − start], uniform in [0, 1), for the slots [start, stop)."""
    raw = by_blocks(lambda block: words(BLOCK_SLOTS, seed, purpose, *key, block), start, stop)
    return (raw >> np.uint64(11)) * 2.0**-53
