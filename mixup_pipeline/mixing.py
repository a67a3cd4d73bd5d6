"""Mixing: λ and the arithmetic. Draw first, apply second; nothing that applies takes a generator.

Numeric contract: x = λ·base + (1−λ)·partner in float32, each product and the sum rounded once (no fused operation),
then rounded half to even for uint8 images. λ is drawn in float64 and stored and applied as float32.
The method is Zhang et al. 2018, arXiv:1710.09412.

Rejected: truncation to uint8 (biases every pixel by −0.5 level), folding λ to max(λ, 1−λ) (no longer Beta), passing
alpha as the *rate* of a Gamma (gives Uniform for every alpha), integer fixed point (faster, but not the contract).
"""

import numpy as np
import numpy.typing as npt

from mixup_pipeline.randomness import BLOCK_SLOTS, by_blocks, generator, uniform

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

_TILE_ELEMENTS = 1 << 16


def draw_lam(start: int, stop: int, *, alpha: float, seed: int, copy: int) -> npt.NDArray[np.float64]:
    """float64[stop − start] in [0, 1]: the mixing weights of slots [start, stop), λ ~ Beta(alpha, alpha)."""
    return by_blocks(
        lambda block: generator(seed, "lam", copy, block).beta(alpha, alpha, BLOCK_SLOTS), start, stop
    )


def draw_mixed(start: int, stop: int, *, prob: float, seed: int, copy: int) -> npt.NDArray[np.bool_]:
    """bool[stop − start]: whether each of slots [start, stop) is mixed at all, true with probability `prob`."""
    return uniform(start, stop, seed, "prob", copy) < prob


def mix_images(base: Pixels, partner: Pixels, lam: Floats) -> Pixels:
    """uint8(n, …) from two uint8(n, …) and float32(n): round-half-even(lam·base + (1−lam)·partner)."""
    num_examples = len(base)
    flat_base, flat_partner = base.reshape(num_examples, -1), partner.reshape(num_examples, -1)
    mixed = np.empty_like(flat_base)
    rows = max(1, _TILE_ELEMENTS // max(1, flat_base.shape[1]))  # a tile of float32 stays in the cache
    for first in range(0, num_examples, rows):
        tile = slice(first, first + rows)
        blend = mix_vectors(flat_base[tile], flat_partner[tile], lam[tile])
        mixed[tile] = np.rint(blend, out=blend)
    return mixed.reshape(base.shape)


def mix_vectors(base: npt.NDArray[np.generic], partner: npt.NDArray[np.generic], lam: Floats) -> Floats:
    """float32(n, d) from two (n, d) and float32(n): lam·base + (1−lam)·partner."""
    weight = lam[:, None]  # (n, 1)
    blend = np.multiply(base, weight, dtype=np.float32)
    blend += np.multiply(partner, np.float32(1) - weight, dtype=np.float32)
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
