"""Views: what augmentation makes of one parent before it is mixed. They are drawn here and applied by `records.viewed`.

A view is (flip, top, left, height, width), five integers: a box is cut out of the image, brought back to the image's
size where it is smaller, and turned over left to right if flip is 1. top and left count from 4 pixels outside of the
image, where all is black, so that no number is negative: (0, 4, 4, height, width) is the image itself.

flip: with probability one half. crop: a small image is shifted by up to 4 pixels each way, as is usual for CIFAR-10 (He
et al. 2016, section 4.2); of a larger one a box is drawn of 0.35 to 1 of the area, with sides 3/4 to 4/3 as unlike as
the image's (Szegedy et al. 2015, but not as small: mixing hides enough).

The draws use raw words, additions, divisions and roots only, so that they are the same wherever they are made.
"""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config.mix import AUGMENTATIONS
from mixup_pipeline.mixing.randomness import uniform

FLIP, CROP = AUGMENTATIONS
BASE, PARTNER = 0, 1
"""The uses of a view."""
VIEW_SIZE = 5

PAD = 4
_SMALL_SIDE = 64
_LEAST_AREA = 0.35

Views = npt.NDArray[np.int64]
"""int64(n, 5)"""


def whole(count: int, shape: tuple[int, ...]) -> Views:
    """The views that show images as they are."""
    return np.tile(np.array([0, PAD, PAD, *shape[:2]], np.int64), (count, 1))


def draw_views(
    start: int, stop: int, *, augment: Collection[str], shape: tuple[int, ...], seed: int, copy: int, use: int
) -> Views:
    """Draw int64(stop − start, 5) for the slots [start, stop) of one copy.

    augment: some of `AUGMENTATIONS`. shape: (height, width, channels). use: of the base or of the partner in a slot.
    """

    def drawn(purpose: str) -> npt.NDArray[np.float64]:
        return uniform(start, stop, seed, f"view-{purpose}", copy, use)

    height, width = shape[:2]
    views = whole(stop - start, shape)
    if FLIP in augment:
        views[:, 0] = drawn("flip") < 0.5
    if CROP not in augment:
        return views
    if is_small(shape):
        views[:, 1], views[:, 2] = ((drawn(side) * (2 * PAD + 1)).astype(np.int64) for side in ("top", "left"))
        return views
    area = _LEAST_AREA + (1 - _LEAST_AREA) * drawn("area")
    shift = drawn("ratio")
    ratio = (3 + shift) / (4 - shift)  # 3/4 to 4/3, as often wide as high
    for column, side, share, place in ((3, height, area / ratio, "top"), (4, width, area * ratio, "left")):
        views[:, column] = np.clip(np.rint(side * np.sqrt(share)), 1, side).astype(np.int64)
        views[:, column - 2] = PAD + (drawn(place) * (side - views[:, column] + 1)).astype(np.int64)
    return views


def is_small(shape: tuple[int, ...]) -> bool:
    """Whether images are shifted, and not cut out."""
    return max(shape[:2]) <= _SMALL_SIDE
