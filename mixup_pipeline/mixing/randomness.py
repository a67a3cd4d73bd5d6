"""Keyed randomness: every draw is a function of (seed, purpose, key) and of nothing else.

What must hold: the same numbers on every runner, for any number of workers and shards, in any order of arrival. So
there is no shared generator to advance; each draw names what it is for and gets a counter-based generator of its own.
Draws that belong to slots are made in fixed blocks of slots, so that a shard can draw its own range alone.

`words`, `permutation` and `uniform` use only the raw output of Philox, which NumPy keeps stable. `generator` gives
access to NumPy's distributions, whose streams NumPy may change between versions: the manifest records that version.

Rejected: `seed + i` (neighbouring seeds share streams), `SeedSequence.spawn` (depends on the order of spawning),
`hash()` (changes with PYTHONHASHSEED). If the key derivation changes, every output of every seed changes with it.
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
    """NumPy's distributions over `bit_generator`."""
    return np.random.Generator(bit_generator(seed, purpose, *key))


def words(count: int, seed: int, purpose: str, *key: int) -> npt.NDArray[np.uint64]:
    """uint64[count], uniform over all 64-bit words."""
    return bit_generator(seed, purpose, *key).random_raw(count)


def permutation(count: int, seed: int, purpose: str, *key: int) -> npt.NDArray[np.int64]:
    """int64[count], a uniformly random order of 0 … count−1: the sorting order of keyed words."""
    return np.argsort(words(count, seed, purpose, *key), kind="stable")


def distinct(size: int, count: int, seed: int, purpose: str, *key: int) -> npt.NDArray[np.int64]:
    """int64[min(count, size)]: the first numbers of a random order of 0 … size−1, without making a whole long order.

    The first numbers are the same for every count.
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
    """The draws of slots [start, stop), cut from whole blocks: draw(block) gives the BLOCK_SLOTS draws of one block."""
    first, last = start // BLOCK_SLOTS, -(-stop // BLOCK_SLOTS)
    drawn = np.concatenate([draw(block) for block in range(first, last)])
    return drawn[start - first * BLOCK_SLOTS : stop - first * BLOCK_SLOTS]


def uniform(start: int, stop: int, seed: int, purpose: str, *key: int) -> npt.NDArray[np.float64]:
    """float64[stop − start] in [0, 1): the draws of slots [start, stop)."""
    raw = by_blocks(lambda block: words(BLOCK_SLOTS, seed, purpose, *key, block), start, stop)
    return (raw >> np.uint64(11)) * 2.0**-53
