"""Mixing: λ and the arithmetic. Draw first, apply second; nothing that applies takes a generator.

Numeric contract: x = λ·base + (1−λ)·partner in float32, each product and the sum rounded once (no fused operation),
then rounded half to even for uint8 images. λ is drawn in float64 and stored and applied as float32.
The method is Zhang et al. 2018, arXiv:1710.09412.

Rejected: truncation to uint8 (biases every pixel by −0.5 level), folding λ to max(λ, 1−λ) (no longer Beta), passing
alpha as the *rate* of a Gamma (gives Uniform for every alpha), integer fixed point (faster, but not the contract).
"""

import math

import numpy as np
import numpy.typing as npt

from mixup_pipeline.mixing.randomness import BLOCK_SLOTS, by_blocks, generator, uniform

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]

_TILE_ELEMENTS = 1 << 16


def draw_lam(start: int, stop: int, *, alpha: float, seed: int, copy: int) -> npt.NDArray[np.float64]:
    """float64[stop − start] in [0, 1]: the mixing weights of slots [start, stop), λ ~ Beta(alpha, alpha)."""
    return by_blocks(lambda block: generator(seed, "lam", copy, block).beta(alpha, alpha, BLOCK_SLOTS), start, stop)


def draw_mixed(start: int, stop: int, *, prob: float, seed: int, copy: int) -> npt.NDArray[np.bool_]:
    """bool[stop − start]: whether each of slots [start, stop) is mixed at all, true with probability `prob`."""
    return uniform(start, stop, seed, "prob", copy) < prob


def mix_images(examples: Pixels, base: Rows, partner: Rows, lam: Floats) -> Pixels:
    """Mix rows of uint8(m, …): uint8(n, …) of round-half-even(lam·base + (1−lam)·partner), lam float32[n]."""
    width = math.prod(examples.shape[1:])
    flat = examples.reshape(len(examples), width)
    mixed = np.empty((len(lam), width), np.uint8)
    rows = max(1, _TILE_ELEMENTS // max(1, width))  # a tile of float32 stays in the cache
    for first in range(0, len(lam), rows):
        tile = slice(first, first + rows)
        blend = mix_vectors(flat, base[tile], partner[tile], lam[tile])
        mixed[tile] = np.rint(blend, out=blend)
    return mixed.reshape(len(lam), *examples.shape[1:])


def mix_vectors(examples: npt.NDArray[np.generic], base: Rows, partner: Rows, lam: Floats) -> Floats:
    """Mix rows of (m, d): float32(n, d) of lam·base + (1−lam)·partner; base, partner int64[n], lam float32[n]."""
    weight = lam[:, None]  # (n, 1)
    blend = examples[base].astype(np.float32)
    blend *= weight
    other = examples[partner].astype(np.float32)
    other *= np.float32(1) - weight
    blend += other
    return blend


def mix_class_ids(
    base: npt.NDArray[np.int32], partner: npt.NDArray[np.int32], lam: Floats, *, num_classes: int
) -> Floats:
    """float32(n, num_classes) soft labels from two int(n) class ids in [0, num_classes)."""
    label = np.zeros((len(lam), num_classes), np.float32)
    row = np.arange(len(lam))
    label[row, base] = lam
    label[row, partner] += np.float32(1) - lam
    return label
