"""Bringing an image to a size: shrinking averages areas, enlarging is bicubic.

Where one side shrinks and the other grows, shrinking goes first. Colours of RGBA count by their opacity, so that what a
transparent pixel hides does not show at its border.

Rejected: Pillow's BOX filter, which weighs a pixel that is half covered as a whole one; bilinear shrinking, which skips
pixels (aliasing).
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Size = tuple[int, int]
"""(height, width)"""

_RGBA = 4
_MOST_FLOATS = 1 << 22
"""Values up to which areas are averaged in float32, which gives the same and takes a third less time, but memory.

Both sides at exactly half are left out: there OpenCV rounds bytes up at .5, and floats to even numbers.
"""


def resized(image: Pixels, size: Size, how: str, *, reduced_from: Size | None = None) -> Pixels:
    """Bring an image (h, w, c) to a size.

    how: "crop" takes the largest centred box of the target's shape, "pad" keeps all of the image and fills up with
    black, "stretch" distorts. reduced_from: the size of the picture of which the image is a smaller copy: the picture
    fills as much of a padded target as it would in full, and where the centre of a crop would move by half a pixel of
    the copy, the box is smaller by one.
    """
    if image.shape[:2] == size and reduced_from is None:
        return image
    if how == "crop":
        top, left, height, width = centred_box(image.shape[:2], size)
        if reduced_from is not None:
            height, width = height - (image.shape[0] - height) % 2, width - (image.shape[1] - width) % 2
            top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
        return scaled(image[top : top + height, left : left + width], size)
    if how == "pad":
        return _padded(image, size, inner_size(reduced_from or image.shape[:2], size))
    return scaled(image, size)


def centred_box(found: Size, target: Size) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the largest centred box of the target's shape, in whole pixels."""
    (height, width), (target_height, target_width) = found, target
    box_height = max(1, min(height, _rounded(width * target_height, target_width)))
    box_width = max(1, min(width, _rounded(height * target_width, target_height)))
    return (height - box_height) // 2, (width - box_width) // 2, box_height, box_width


def inner_size(found: Size, target: Size) -> Size:
    """The largest size of the found shape that fits into the target, each side at least one pixel."""
    (height, width), (target_height, target_width) = found, target
    return (
        max(1, min(target_height, _rounded(height * target_width, width))),
        max(1, min(target_width, _rounded(width * target_height, height))),
    )


def drawn_from(found: Size, target: Size, how: str) -> tuple[Size, Size]:
    """(size of the part of the image that is used, size that it is brought to)."""
    if how == "crop":
        return centred_box(found, target)[2:], target
    return found, inner_size(found, target) if how == "pad" else target


def scaled(image: Pixels, size: Size) -> Pixels:
    """Scale the whole image (h, w, c) to a size."""
    if image.shape[2] != _RGBA:
        return _scaled(image, size)
    opacity = image[..., 3:].astype(np.float32)
    spread = _scaled(opacity, size)  # bicubic goes a little below 0 and above 255
    hidden = spread < 0.5
    divisor = np.where(hidden, np.float32(1), spread)
    made = np.empty((*size, _RGBA), np.uint8)
    for channel in range(3):  # one at a time takes less memory
        colour = image[..., channel : channel + 1]
        straight = np.rint(np.clip(_scaled(colour * opacity, size) / divisor, 0, 255))
        made[..., channel : channel + 1] = np.where(hidden, _scaled(colour, size), straight)
    made[..., 3:] = np.rint(np.clip(spread, 0, 255))
    return made


def _scaled(image: Any, size: Size) -> Any:
    cv2.ipp.setUseIPP(False)  # by thread: it chooses its code by the processor, and equal runs must give equal bytes
    channels = image.shape[2]
    height, width = (min(sides) for sides in zip(image.shape[:2], size, strict=True))
    for to, filter in (((height, width), cv2.INTER_AREA), (size, cv2.INTER_CUBIC)):
        if image.shape[:2] != to:
            by_floats = filter == cv2.INTER_AREA and image.dtype == np.uint8 and image.size <= _MOST_FLOATS
            by_floats = by_floats and image.shape[:2] != (2 * to[0], 2 * to[1])
            made = cv2.resize(image.astype(np.float32) if by_floats else image, to[::-1], interpolation=filter)
            image = (cv2.convertScaleAbs(made) if by_floats else made).reshape(*to, channels)
    return image


def _padded(image: Pixels, size: Size, inner: Size) -> Pixels:
    top, left = ((outer - side) // 2 for outer, side in zip(size, inner, strict=True))
    padded = np.zeros((*size, image.shape[2]), np.uint8)
    padded[..., 3:] = 255  # opaque
    padded[top : top + inner[0], left : left + inner[1]] = scaled(image, inner)
    return padded


def _rounded(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
