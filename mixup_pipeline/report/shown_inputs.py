"""How the input of an example is shown: an image no larger than it is shown, opaque; a vector as a line; other numbers
as a map of colours; and a long vector, such as sound, as its spectrogram.
"""

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

_CHECKS = 8
"""Squares of the checkerboard along the longer side of an image."""
_LIGHT, _DARK = 255, 200
DOTTED = 40
"""Vectors up to this length show a dot for each value."""
_LONG = 4096
"""Vectors longer than this are shown as spectrograms."""
_WINDOW, _WINDOWS = 512, 256
_DECIBELS = 80
_POINTS = 400
"""Most points of a drawn vector: about as many as there are pixels."""


def drawn(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What is drawn of an input: uint8 (h, w, c) of an image, float32 (n,) of a line, or float64 (h, w) of a map."""
    if values.dtype == np.uint8:
        return values
    if values.ndim == 1:
        return values if len(values) <= _LONG else spectrogram(values)
    return values.reshape(len(values), -1).astype(np.float64)


def spectrogram(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The power of a long vector in dB, float64 (frequencies, windows), low frequencies at the bottom.

    About 256 windows of 512 values, Hann-weighted. What is more than 80 dB below the loudest is shown as that.
    """
    step = max(1, (len(sound) - _WINDOW) // _WINDOWS)
    frames = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float64), _WINDOW)[::step]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW))) ** 2
    decibels = 10 * np.log10(np.maximum(power, np.finfo(np.float64).tiny))
    return np.maximum(decibels, decibels.max() - _DECIBELS).T[::-1]


def map_image(values: npt.NDArray[np.float64], low: float, high: float, most: int) -> npt.NDArray[np.uint8]:
    """A map as an image in colour, uint8 (h, w, 3), its longer side at most so many pixels. Dark is low."""
    from matplotlib import colormaps

    shares = (values - low) / ((high - low) or 1)
    return shown_image((colormaps["viridis"](shares)[..., :3] * 255).round().astype(np.uint8), most)


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


def value_range(vectors: "list[npt.NDArray[Any]]") -> tuple[float, float]:
    """The lowest and the highest value of some inputs, which are drawn to one scale."""
    return min(float(vector.min()) for vector in vectors), max(float(vector.max()) for vector in vectors)
