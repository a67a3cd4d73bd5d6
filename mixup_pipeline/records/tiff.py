"""TIFF: what its tags say of the picture, and what Pillow does not do with it.

Pillow and OpenCV turn a TIFF upright while they decode it, and Pillow gives its size as it is then. Here both are as
stored, as those of every other format. Pillow drops the lower half of 16 bits of colour, so OpenCV decodes those.
"""

import struct
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.exif import upright
from mixup_pipeline.records.facts import UPRIGHT

Tags = Mapping[int, Any]

DEEP = 16
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _TURNED, _EXTRA, _NUMBERS = 256, 257, 258, 262, 274, 338, 339
_WHITE_IS_ZERO, _WEIGHTED, _SIGNED = 0, 1, 2
_VALUE_BYTES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""By type; all others take one byte."""
_SHARED, _FREE_BYTES = 4, 1 << 16
_BACK = {6: 8, 8: 6}
"""The orientation that undoes another one. All others undo themselves."""


def check_tags(data: bytes) -> None:
    """Raise ValueError if the tags of a TIFF claim more bytes than it can hold: Pillow copies what each one points at.

    Tags may share a little, so they may claim `_SHARED` times the file. Pillow refuses tags that lie outside it.
    """
    order = ">" if data.startswith(b"MM") else "<"
    claimed, most, seen = 0, _SHARED * len(data) + _FREE_BYTES, set[int]()
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        while start and start not in seen:
            seen.add(start)
            (count,) = struct.unpack_from(f"{order}H", data, start)
            for entry in range(start + 2, start + 2 + 12 * count, 12):
                _, kind, values = struct.unpack_from(f"{order}HHI", data, entry)
                claimed += 12 + _VALUE_BYTES.get(kind, 1) * values
                if claimed > most:
                    raise ValueError(f"the TIFF image is damaged: its tags claim more than {most:,} bytes")
            (start,) = struct.unpack_from(f"{order}I", data, start + 2 + 12 * count)
    except struct.error:  # it ends there, and so does Pillow
        return


def stored_size(tags: Tags) -> tuple[int, int]:
    """(width, height)"""
    return tags[_WIDTH], tags[_HEIGHT]


def stored_depth(tags: Tags) -> int:
    """The bits of a channel once they are widened: 8 or 16. Raises ValueError if they are signed."""
    if _SIGNED in tags.get(_NUMBERS, ()):
        raise ValueError("the TIFF image has signed pixels: allowed are unsigned ones")
    return DEEP if max(tags.get(_BITS, (1,))) > 8 else 8


def stored_orientation(tags: Tags) -> int:
    """The orientation, 1 to 8."""
    turned = tags.get(_TURNED)
    return turned if isinstance(turned, int) and 1 <= turned <= 8 else UPRIGHT


def turned_back(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """The picture (h, w, c) as it is stored, from what a decoder has turned upright."""
    return upright(pixels, _BACK.get(orientation, orientation))


def deep_grey(pixels: npt.NDArray[Any], tags: Tags) -> npt.NDArray[np.uint16]:
    """16 bits of grey (h, w, 1), from what Pillow gives: 12 bits are widened, and white becomes the largest value."""
    grey = pixels.astype(np.uint16)[:, :, None]
    if max(tags[_BITS]) == 12:
        grey = (grey << 4 | grey >> 8).astype(np.uint16)
    return ~grey if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else grey


def deep_colours(data: bytes, tags: Tags, *, has_alpha: bool) -> npt.NDArray[np.uint16]:
    """16 bits of RGB or RGBA (h, w, c), upright. Colours that are weighted by their opacity are divided by it."""
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.ndim != 3 or pixels.dtype != np.uint16 or pixels.shape[2] < 3 + has_alpha:
        raise ValueError("the TIFF image is damaged and cannot be decoded")
    if not has_alpha:
        return np.ascontiguousarray(pixels[:, :, 2::-1])  # a fourth channel means nothing
    rgba: npt.NDArray[Any] = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA)
    if _WEIGHTED in tags.get(_EXTRA, ()):
        opacity = np.maximum(rgba[:, :, 3], 1).astype(np.uint32)
        for channel in range(3):
            colour = (rgba[:, :, channel].astype(np.uint32) * 65535 + opacity // 2) // opacity  # it fits
            rgba[:, :, channel] = np.minimum(colour, 65535)
    return rgba
