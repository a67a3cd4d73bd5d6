"""The image formats that Pillow reads: WebP, GIF, BMP and TIFF."""

import io
import logging
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.process import stderr_held_back
from mixup_pipeline.records.exif import orientation_of
from mixup_pipeline.records.facts import MAX_IMAGE_PIXELS, UPRIGHT, ImageFacts, check_pixels
from mixup_pipeline.records.gif import without_texts
from mixup_pipeline.records.tiff import (
    DEEP,
    check_tags,
    deep_colours,
    deep_grey,
    stored_depth,
    stored_orientation,
    stored_size,
    turned_back,
)

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
_TRANSPARENT = {"palette": "palette with alpha", "grey": "grey with alpha"}
ONE_AT_A_TIME = threading.RLock()
"""Python's filters of warnings, and standard error, belong to the whole process."""

logging.getLogger("PIL").setLevel(logging.CRITICAL)  # we report the record of a damaged image


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
        width, height = stored_size(image.tag_v2) if name == "TIFF" else image.size
        check_pixels(height, width)
        colours, depth, orientation = _COLOURS.get(image.mode), 8, UPRIGHT
        if colours is None:
            raise ValueError(
                f"the {name} image has pixels of mode {image.mode}: allowed are grey, RGB, RGBA, CMYK and palettes of "
                f"up to 8 bits, and 16 bits of grey, RGB and RGBA"
            )
        if name == "TIFF":
            depth, orientation = stored_depth(image.tag_v2), stored_orientation(image.tag_v2)
        elif isinstance(image.info.get("exif"), bytes):
            orientation = orientation_of(image.info["exif"])
        if "transparency" in image.info:
            colours = _TRANSPARENT.get(colours, colours)
        animated = bool(getattr(image, "is_animated", False))
        return ImageFacts(name, height, width, colours, depth, orientation, animated)


def pillow_pixels(data: bytes, facts: ImageFacts) -> npt.NDArray[Any]:
    """The first picture of a file: uint8 or uint16 (h, w, 1), RGB or RGBA, as stored.

    Raises ValueError if the data are damaged.
    """
    with _opened(data, facts.format) as image:
        if facts.depth == DEEP and not facts.has_colour:
            pixels: npt.NDArray[Any] = deep_grey(np.asarray(image), image.tag_v2)
        elif facts.depth == DEEP and facts.colours != "CMYK":
            pixels = deep_colours(data, image.tag_v2, has_alpha=facts.has_alpha)
        else:
            if image.mode == "L":
                image.palette = None  # a GIF whose picture has its own palette of greys keeps that of the file here
            mode = "RGBA" if facts.has_alpha else "RGB" if facts.has_colour else "L"
            pixels = np.asarray(image if image.mode == mode else image.convert(mode))
            pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    return turned_back(pixels, facts.orientation) if facts.format == "TIFF" else pixels


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[Any]:
    """The image that Pillow makes of the bytes. What goes wrong with it raises ValueError."""
    from PIL import Image, UnidentifiedImageError

    damaged = (
        OSError, SyntaxError, EOFError, IndexError, KeyError, TypeError, AttributeError, OverflowError,
        ZeroDivisionError, RuntimeError, MemoryError, struct.error,
    )  # fmt: skip
    if name == "TIFF":
        check_tags(data)
    elif name == "GIF":
        data = without_texts(data)
    libtiff_held_back = stderr_held_back(always=True) if name == "TIFF" else nullcontext()
    with ONE_AT_A_TIME, libtiff_held_back, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow comments on damaged tags
        try:
            with Image.open(io.BytesIO(data), formats=(name.upper(),)) as image:
                yield image
        except Image.DecompressionBombError as error:
            most = f"{MAX_IMAGE_PIXELS // 1_000_000} million"
            raise ValueError(f"the {name} image has too many pixels: allowed are up to {most}") from error
        except UnidentifiedImageError as error:
            raise ValueError(f"the {name} image is damaged, or of a kind that is not read") from error
        except damaged as error:
            raise ValueError(f"the {name} image is damaged and cannot be decoded") from error
