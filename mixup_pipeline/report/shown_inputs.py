"""How the input of an example is shown: an image no larger than it is shown, opaque, or a vector as a line."""

import math

import cv2
import numpy as np
import numpy.typing as npt

_CHECKS = 8
"""Squares of the checkerboard along the longer side of an image."""
_LIGHT, _DARK = 255, 200
DOTTED = 40
"""Vectors up to this length show a dot for each value."""
_POINTS = 400
"""Most points of a drawn vector: about as many as there are pixels."""


def shown_image(image: npt.NDArray[np.uint8], most: int) -> npt.NDArray[np.uint8]:
    """An image to show, uint8 (h, w, 1 or 3), its longer side at most so many pixels.

    It is shrunk by averaging areas. What is transparent shows a checkerboard.
    """
    height, width, channels = image.shape
    scale = most / max(height, width)
    if channels == 4:
        image = _on_checkerboard(image)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        shrunk = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        image = np.asarray(shrunk, np.uint8).reshape(size[1], size[0], -1)
    return image


def _on_checkerboard(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """RGBA over light and dark squares: uint8 (h, w, 3)."""
    height, width = image.shape[:2]
    side = max(1, math.ceil(max(height, width) / _CHECKS))
    down, across = np.indices((height, width)) // side
    board = np.where((down + across) % 2, _DARK, _LIGHT)[..., None]  # (h, w, 1)
    opacity = image[..., 3:].astype(np.float32) / 255
    return np.rint(opacity * image[..., :3] + (1 - opacity) * board).astype(np.uint8)


def shown_line(vector: npt.NDArray[np.float32], low: float, high: float) -> npt.NDArray[np.float64]:
    """A vector as the points of a line within the unit square, float64 (n, 2), y from 0 (low) to 1 (high).

    Of a long vector the means of equal parts are shown.
    """
    parts = np.array_split(vector.astype(np.float64), min(len(vector), _POINTS))
    values = np.array([part.mean() for part in parts])
    across = np.linspace(0, 1, len(values)) if len(values) > 1 else np.array([0.5])
    return np.stack([across, (values - low) / ((high - low) or 1)], axis=1)


def value_range(vectors: "list[npt.NDArray[np.float32]]") -> tuple[float, float]:
    """The lowest and the highest value of some vectors, which are drawn to one scale."""
    return min(float(vector.min()) for vector in vectors), max(float(vector.max()) for vector in vectors)
