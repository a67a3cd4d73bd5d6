"""Image formats: how mixed images are stored.

Each format has its own file and is registered in `config.registry.IMAGE_FORMATS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.fields import Content
from mixup_pipeline.spec import Shape, shape_text


@dataclass(frozen=True, kw_only=True)
class ImageFormat:
    """One way to store an image.

    content: the content of the field in the record, "uint8" or "file". input_kind: the name of the input kind in
    `config.registry.INPUT_KINDS` that reads it back.
    encode: converts a uint8 (height, width, channels) image to a file, with a quality of 1 to 100 where the format is
    lossy; None if the bytes of the pixels are stored as they are.
    lossy: whether the file holds other pixels than the image. opaque: whether it cannot hold transparency.
    in_colour: whether the file is RGB also where the image is grey, or RGBA without a transparent pixel.
    max_side: the most pixels of a side. tfds_encoding: what TFDS calls the format; None if it cannot decode it, and so
    gives the bytes of the file.
    """

    content: Content
    input_kind: str
    encode: Callable[[npt.NDArray[np.uint8], int], bytes] | None = None
    lossy: bool = False
    opaque: bool = False
    in_colour: bool = False
    max_side: int | None = None
    tfds_encoding: str | None = None

    def check(self, name: str, shape: Shape) -> None:
        """Raise ValueError if images of this shape cannot be stored. name: that of the format."""
        if self.opaque and shape[2] == 4:
            raise ValueError(
                f"--image-format {name} has no transparency, and examples are RGBA: use --channels 3, which lays them "
                f"over white, or another --image-format"
            )
        if self.max_side is not None and max(shape[:2]) > self.max_side:
            raise ValueError(
                f"--image-format {name} holds at most {self.max_side:,} pixels a side, and examples are "
                f"{shape_text(shape)}: use another --image-format or a smaller --image-size"
            )
