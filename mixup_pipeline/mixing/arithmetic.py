"""The arithmetic of mixing. It applies what was drawn and takes no generator.

Numeric contract: x = λ·base + (1−λ)·partner in float32, each product and the sum rounded once (no fused operation),
then rounded half to even for uint8 images. λ is drawn in float64, stored and applied as float32.

Rejected: truncation to uint8 (biases every pixel by −0.5 level), integer fixed point (faster, but not the contract).
"""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]

_TILE_ELEMENTS = 1 << 16


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
