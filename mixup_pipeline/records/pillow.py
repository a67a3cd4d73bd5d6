"""The image formats that Pillow reads: WebP, GIF, BMP and TIFF."""

import io
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.exif import orientation_of
from mixup_pipeline.records.facts import UPRIGHT, ImageFacts, check_pixels

SIGNATURES = {b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
_RIFF, _WEBP = b"RIFF", b"WEBP"
_COLOURS = {
    "1": "grey",
    "L": "grey",
    "I;16": "grey",
    "I;16B": "grey",
    "LA": "grey with alpha",
    "P": "palette",
    "PA": "palette with alpha",
    "RGB": "RGB",
    "RGBX": "RGB",
    "YCbCr": "RGB",
    "RGBA": "RGBA",
    "CMYK": "CMYK",
}
"""By Pillow's mode."""
_TURNED, _BITS, _DEEP = 274, 258, 16  # tags of TIFF, and a depth
_ONE_AT_A_TIME = threading.RLock()
"""Python's filters of warnings belong to the whole process."""


def format_of(data: bytes) -> str | None:
    """Which of these formats the bytes begin as; None: none of them."""
    if data.startswith(_RIFF) and data[8:12] == _WEBP:
        return "WebP"
    return next((name for signature, name in SIGNATURES.items() if data.startswith(signature)), None)


def pillow_facts(data: bytes, name: str) -> ImageFacts:
    """The facts of a file. name: its format.

    Raises ValueError if it is damaged, of a kind that is not read, or too large.
    """
    with _opened(data, name) as image:
        width, height = image.size
        check_pixels(height, width)
        colours, depth = _COLOURS.get(image.mode), 16 if image.mode.startswith("I;16") else 8
        if colours is None:
            raise ValueError(
                f"the {name} image has pixels of mode {image.mode}: allowed are grey, RGB, RGBA, CMYK and palettes of "
                f"up to 8 bits, and 16 bits of grey"
            )
        orientation, animated = UPRIGHT, bool(getattr(image, "is_animated", False))
        if name == "TIFF":
            bits = image.tag_v2.get(_BITS, (8,))
            depth = _DEEP if bits and max(bits) == _DEEP else depth
            turned = image.tag_v2.get(_TURNED)
            orientation = turned if turned in range(1, 9) else UPRIGHT
        elif isinstance(image.info.get("exif"), bytes):
            orientation = orientation_of(image.info["exif"])
        if colours == "palette" and "transparency" in image.info:
            colours = "palette with alpha"
        return ImageFacts(name, height, width, colours, depth, orientation, animated)


def pillow_pixels(data: bytes, facts: ImageFacts) -> npt.NDArray[Any]:
    """The first picture of a file: uint8 or uint16 (h, w, 1), RGB or RGBA, as stored.

    Raises ValueError if the data are damaged.
    """
    if facts.depth == _DEEP and facts.has_colour:  # Pillow drops the lower half of the bits
        return _deep(data)
    with _opened(data, facts.format) as image:
        if facts.depth == _DEEP:
            return np.asarray(image).astype(np.uint16)[:, :, None]
        mode = "RGBA" if facts.has_alpha else "RGB" if facts.has_colour else "L"
        pixels = np.asarray(image if image.mode == mode else image.convert(mode))
        return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _deep(data: bytes) -> npt.NDArray[Any]:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.ndim != 3:
        raise ValueError("the image is damaged and cannot be decoded")
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[Any]:
    """The image that Pillow makes of the bytes. What goes wrong with it raises ValueError."""
    from PIL import Image

    damaged = (
        OSError, SyntaxError, EOFError, IndexError, KeyError, TypeError, AttributeError, OverflowError,
        ZeroDivisionError, RuntimeError, struct.error, Image.DecompressionBombError,
    )  # fmt: skip
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it comments on damaged tags
        try:
            with Image.open(io.BytesIO(data), formats=(name.upper(),)) as image:
                yield image
        except damaged as error:
            raise ValueError(f"the {name} image is damaged and cannot be decoded") from error
