"""The arithmetic of mixing. It applies pairs and weights that were drawn elsewhere, and uses no randomness.

Numeric contract: x = λ·base + (1−λ)·partner in float32, each product and the sum rounded once (no fused operation).
uint8 images are then rounded half to even. RGBA images are mixed by opacity (`mix_rgba`). λ is drawn in float64, and
stored and applied as float32.

Rejected: truncation to uint8 (it biases every pixel by −0.5 level), integer fixed point (faster, but breaks the
contract).
"""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]

_TILE_ELEMENTS = 1 << 16


def mix_images(examples: Pixels, base: Rows, partner: Rows, lam: Floats) -> Pixels:
    """Mix rows of images: round-half-even(lam·base + (1−lam)·partner) as uint8 (n, …).

    examples: uint8 (m, …). base, partner: int64[n] rows of examples. lam: float32[n].
    """
    width = math.prod(examples.shape[1:])
    flat = examples.reshape(len(examples), width)
    mixed = np.empty((len(lam), width), np.uint8)
    rows = max(1, _TILE_ELEMENTS // max(1, width))  # so that a float32 tile stays in the cache
    for first in range(0, len(lam), rows):
        tile = slice(first, first + rows)
        blend = mix_vectors(flat, base[tile], partner[tile], lam[tile])
        mixed[tile] = np.rint(blend, out=blend)
    return mixed.reshape(len(lam), *examples.shape[1:])


def mix_rgba(examples: Pixels, base: Rows, partner: Rows, lam: Floats) -> Pixels:
    """Mix rows of RGBA images by opacity, as uint8 (n, h, w, 4).

    Opacity is mixed as any channel. A colour is the mean of both pixels' colours, weighted by opacity and lam, so that
    what a transparent pixel hides does not show. Where both are transparent, colours are mixed as they are.

    examples: uint8 (m, h, w, 4). base, partner: int64[n] rows of examples. lam: float32[n].
    """
    pixels = math.prod(examples.shape[1:3])
    flat = examples.reshape(len(examples), pixels, 4)
    mixed = np.empty((len(lam), pixels, 4), np.uint8)
    rows = max(1, _TILE_ELEMENTS // max(1, 4 * pixels))
    for first in range(0, len(lam), rows):
        tile = slice(first, first + rows)
        weight = lam[tile, None, None]  # (n, 1, 1)
        weights = weight, np.float32(1) - weight
        sides = [flat[side[tile]].astype(np.float32) for side in (base, partner)]  # (n, pixels, 4)
        opaque = [side[..., 3:] * part for side, part in zip(sides, weights, strict=True)]  # (n, pixels, 1)
        opacity = opaque[0] + opaque[1]
        hidden = opacity == 0
        shares = [np.where(hidden, part, share) for part, share in zip(weights, opaque, strict=True)]
        colours = sides[0][..., :3] * shares[0] + sides[1][..., :3] * shares[1]
        mixed[tile, :, :3] = np.rint(colours / np.where(hidden, np.float32(1), opacity))
        mixed[tile, :, 3:] = np.rint(opacity)
    return mixed.reshape(len(lam), *examples.shape[1:])


def mix_vectors(examples: npt.NDArray[np.generic], base: Rows, partner: Rows, lam: Floats) -> Floats:
    """Mix rows of numbers: lam·base + (1−lam)·partner as float32 (n, …).

    examples: (m, …). base, partner: int64[n] rows of examples. lam: float32[n].
    """
    weight = lam.reshape(-1, *[1] * (examples.ndim - 1))  # (n, 1, …)
    blend = examples[base].astype(np.float32)
    blend *= weight
    other = examples[partner].astype(np.float32)
    other *= np.float32(1) - weight
    blend += other
    return blend


def mix_class_ids(
    base: npt.NDArray[np.int32], partner: npt.NDArray[np.int32], lam: Floats, *, num_classes: int
) -> Floats:
    """Mix one-hot labels: float32 (n, num_classes) soft labels from int32[n] class ids in [0, num_classes)."""
    soft_labels = np.zeros((len(lam), num_classes), np.float32)
    row = np.arange(len(lam))
    soft_labels[row, base] = lam
    soft_labels[row, partner] += np.float32(1) - lam
    return soft_labels
