"""Policies and methods that only the tests have, registered from outside as a user of the library would do it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config.registry import Registry
from mixup_pipeline.mixing.methods import Drawn, Extra, Floats, Method, Rows
from mixup_pipeline.mixing.pairing import ClassIds, Earlier, Partners, Policy
from mixup_pipeline.mixing.randomness import BLOCK_SLOTS, by_blocks, words


@contextmanager
def registered(registry: Registry, name: str, value: Any) -> Iterator[None]:
    """Register a value for the time of the context."""
    registry.register(name, value)
    try:
        yield
    finally:
        registry.unregister(name)


def pair_reversed(class_ids: ClassIds, copy: int, seed: int, earlier: Earlier) -> Partners:
    """Pair the slots with their reversed order, rotated by one more slot in each copy."""
    return np.roll(np.arange(len(class_ids))[::-1], copy)


REVERSED = Policy(pair=pair_reversed, needs_classes=False)


def draw_boxes(start: int, stop: int, *, alpha: float, seed: int, copy: int, shape: tuple[int, ...]) -> Drawn:
    """Draw how many of the first rows come from the partner, as a box (top, left, bottom, right)."""
    height, width = shape[:2]
    drawn = by_blocks(lambda block: words(BLOCK_SLOTS, seed, "test-boxes", copy, block), start, stop)
    rows = (drawn % np.uint64(height + 1)).astype(np.int64)
    boxes = np.stack([np.zeros_like(rows), np.zeros_like(rows), rows, np.full_like(rows, width)], axis=1)
    shift = np.stack([rows / height, rows / 7], axis=1).astype(np.float32)
    return Drawn(1 - rows / height, {"mixup/box": boxes, "mixup/shift": shift})


def mix_boxes(inputs: npt.NDArray[Any], base: Rows, partner: Rows, lam: Floats, extra: Extra) -> npt.NDArray[Any]:
    """Replace the box in the base by that of the partner."""
    mixed = inputs[base].copy()
    for row, (top, left, bottom, right) in enumerate(extra["mixup/box"].tolist()):
        mixed[row, top:bottom, left:right] = inputs[partner[row], top:bottom, left:right]
    return mixed


BOXED = Method(draw=draw_boxes, mix=mix_boxes, fields={"mixup/box": ("int64", (4,)), "mixup/shift": ("float32", (2,))})
