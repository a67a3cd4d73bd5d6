"""Applying views (`mixing.views`): without any randomness, so that a view that a record keeps can be made again."""

import numpy as np
import numpy.typing as npt

from mixup_pipeline.mixing.views import PAD, Views
from mixup_pipeline.records.resize import scaled

Images = npt.NDArray[np.uint8]

_OPAQUE = 255


def apply_views(images: Images, views: Views) -> Images:
    """The views of uint8 images (n, h, w, c), in the same shape."""
    height, width = images.shape[1:3]
    made = np.empty_like(images)
    shifted = (views[:, 3] == height) & (views[:, 4] == width)
    if shifted.any():
        made[shifted] = _shifted(images[shifted], views[shifted, 1], views[shifted, 2])
    for row in np.flatnonzero(~shifted).tolist():
        top, left, box_height, box_width = (views[row, 1:] - (PAD, PAD, 0, 0)).tolist()
        box = images[row, top : top + box_height, left : left + box_width]
        made[row] = scaled(np.ascontiguousarray(box), (height, width))
    flipped = views[:, 0] == 1
    made[flipped] = made[flipped, :, ::-1]
    return made


def _shifted(images: Images, top: npt.NDArray[np.int64], left: npt.NDArray[np.int64]) -> Images:
    """Boxes of the images' own size, whose corners lie up to 4 pixels outside."""
    count, height, width, channels = images.shape
    if (top == PAD).all() and (left == PAD).all():
        return images
    padded = np.zeros((count, height + 2 * PAD, width + 2 * PAD, channels), np.uint8)
    padded[..., 3:] = _OPAQUE
    padded[:, PAD : PAD + height, PAD : PAD + width] = images
    rows, columns = top[:, None] + np.arange(height), left[:, None] + np.arange(width)
    return padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def check_view(view: Views, shape: tuple[int, ...]) -> None:
    """Raise ValueError if a stored view, int64[5], cannot be one of an image of this shape."""
    flip, top, left, height, width = view.tolist()
    border = 2 * PAD if (height, width) == tuple(shape[:2]) else PAD
    least = 0 if border > PAD else PAD
    inside = all(
        size >= 1 and least <= first <= border + side - size
        for first, size, side in ((top, height, shape[0]), (left, width, shape[1]))
    )
    if flip not in (0, 1) or not inside:
        raise ValueError(f"the view {view.tolist()} does not lie in an image of {shape[0]}x{shape[1]}")
