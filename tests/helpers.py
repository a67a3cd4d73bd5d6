"""Helpers for several test files."""

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.images import decode, image_facts
from mixup_pipeline.spec import ImageOptions


def brief(value: object) -> str:
    """The beginning of a case's value, for its name in reports; an image has too many bytes to show."""
    return str(value)[:40]


def image_shape(data: bytes) -> tuple[int, ...]:
    """(height, width, channels) of an image file as it is stored."""
    return image_facts(data).shape(turned=False)


def decoded(data: bytes, channels: int) -> npt.NDArray[np.uint8]:
    """An image file decoded in its own size, as it is stored."""
    return decode(data, (*image_shape(data)[:2], channels), ImageOptions(exif="ignore"))
