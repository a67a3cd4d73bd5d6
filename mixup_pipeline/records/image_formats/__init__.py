"""Image formats: how mixed images are stored.

Each format has its own file and is registered in `config.registry.IMAGE_FORMATS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.fields import Content


@dataclass(frozen=True, kw_only=True)
class ImageFormat:
    """One way to store an image.

    content: the content of the field in the record, "uint8" or "file". input_kind: the name of the input kind in
    `config.registry.INPUT_KINDS` that reads it back. encode: converts a uint8 (height, width, channels) image to a
    file; None if the bytes of the pixels are stored as they are.
    """

    content: Content
    input_kind: str
    encode: Callable[[npt.NDArray[np.uint8]], bytes] | None = None
