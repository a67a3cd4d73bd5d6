"""Method `mixup` (Zhang et al. 2018, arXiv:1710.09412): every input value becomes λ·base + (1−λ)·partner.

Rejected: folding λ to max(λ, 1−λ), which is no longer Beta; passing alpha as the *rate* of a Gamma, which gives a
uniform λ for every alpha.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.mixing.arithmetic import mix_images, mix_rgba, mix_vectors
from mixup_pipeline.mixing.methods import Drawn, Extra, Floats, Method, Rows
from mixup_pipeline.mixing.randomness import BLOCK_SLOTS, by_blocks, generator

_RGBA = 4  # channels


def draw_lam(start: int, stop: int, *, alpha: float, seed: int, copy: int) -> npt.NDArray[np.float64]:
    """Draw λ ~ Beta(alpha, alpha) for the slots [start, stop): float64[stop − start] in [0, 1]."""
    return by_blocks(lambda block: generator(seed, "lam", copy, block).beta(alpha, alpha, BLOCK_SLOTS), start, stop)


def draw(start: int, stop: int, *, alpha: float, seed: int, copy: int, shape: tuple[int, ...]) -> Drawn:
    """Draw λ and nothing else."""
    return Drawn(draw_lam(start, stop, alpha=alpha, seed=seed, copy=copy))


def mix(inputs: npt.NDArray[Any], base: Rows, partner: Rows, lam: Floats, extra: Extra) -> npt.NDArray[Any]:
    """Mix uint8 images, rounded half to even (RGBA by opacity), or float32 vectors, which are not rounded."""
    if inputs.dtype == np.uint8 and inputs.ndim == 4 and inputs.shape[-1] == _RGBA:
        return mix_rgba(inputs, base, partner, lam)
    return mix_straight(inputs, base, partner, lam, extra)


def mix_straight(inputs: npt.NDArray[Any], base: Rows, partner: Rows, lam: Floats, extra: Extra) -> npt.NDArray[Any]:
    """Mix as `mix` does, but every channel of RGBA on its own, so that colours of transparent pixels show."""
    return (mix_images if inputs.dtype == np.uint8 else mix_vectors)(inputs, base, partner, lam)


METHOD = Method(draw=draw, mix=mix, mix_format_2=mix_straight)
