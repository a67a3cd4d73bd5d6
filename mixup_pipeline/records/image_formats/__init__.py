"""Image formats: how mixed images are stored. Each is a file, registered in `config.registry.IMAGE_FORMATS`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.fields import Content


@dataclass(frozen=True, kw_only=True)
class ImageFormat:
    """One way to store an image.

    content: of the field in the record, "uint8" or "file". input_kind: by which one of `config.registry.INPUT_KINDS` it
    is read back. encode: the file of a uint8 (height, width, channels) image; None where its bytes are stored as they
    are.
    """

    content: Content
    input_kind: str
    encode: Callable[[npt.NDArray[np.uint8]], bytes] | None = None
