"""Shifts along a ring of slots: how `any` and `within-class` choose different partners for each copy."""

import numpy as np

from mixup_pipeline.mixing.randomness import distinct, words


def ring_shift(size: int, copy: int, seed: int, purpose: str, *key: int) -> int:
    """The shift of one copy along a ring of `size` slots, from 1 to size − 1; size must be at least 2.

    A shift and its mirror (size − shift) pair the same two examples, with base and partner swapped. So the copies first
    use one shift of each mirrored pair, in random order and direction. Then they use the mirrors. Last, for an even
    size, comes half the ring, which is its own mirror. After size − 1 copies every partner has been used, and the
    sequence starts again.
    """
    turn = copy % (size - 1)
    half = (size - 1) // 2
    if turn >= 2 * half:
        return size // 2
    step = 1 + int(distinct(half, turn % half + 1, seed, purpose, *key)[-1])
    forward = bool(words(1, seed, purpose + "-direction", *key, step)[0] & np.uint64(1))
    return step if forward == (turn < half) else size - step
