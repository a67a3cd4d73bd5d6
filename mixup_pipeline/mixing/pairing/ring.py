"""Shifts along a ring of slots: how `any` and `within-class` give each copy other partners."""

import numpy as np

from mixup_pipeline.mixing.randomness import distinct, words


def ring_shift(size: int, copy: int, seed: int, purpose: str, *key: int) -> int:
    """The shift of one copy along a ring of `size` > 1, in [1, size − 1].

    A shift and its mirror (size − shift) bring the same two examples together, once each way round. So the copies first
    use up one of each mirrored pair, in random order and direction; then the mirrors; last, for an even size, half the
    ring, which is its own mirror. After size − 1 copies all partners have been met and the sequence starts again.
    """
    turn = copy % (size - 1)
    half = (size - 1) // 2
    if turn >= 2 * half:
        return size // 2
    step = 1 + int(distinct(half, turn % half + 1, seed, purpose, *key)[-1])
    forward = bool(words(1, seed, purpose + "-direction", *key, step)[0] & np.uint64(1))
    return step if forward == (turn < half) else size - step
