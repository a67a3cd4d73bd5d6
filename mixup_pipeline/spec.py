"""How a source stores one example in a record: keys, encoding, shape, classes."""

import math
from dataclasses import dataclass
from typing import Literal

from mixup_pipeline.errors import SourceError

Encoding = Literal["encoded", "raw", "vector"]
Shape = tuple[int, ...]
"""(height, width, channels) of an image, or (length,) of a feature vector."""

MAX_EXAMPLE_BYTES = 1 << 28
NO_CLASS = -1
"""The class id of an example whose label is soft."""


@dataclass(frozen=True, kw_only=True)
class ExampleSpec:
    """The keys of input and label in a record, and how both are stored.

    encoding: "encoded" is a PNG or JPEG file, "raw" is uint8 bytes of `shape`, "vector" is a float list of `shape`.
    shape: (height, width, channels), or (length,) of a vector. A size that only the data tell is None.
    soft_labels: the label is a float vector of num_classes, not an integer.
    first_class: the integer that means class 0 (1 where labels count from one).

    Raises SourceError for a shape that does not fit the encoding.
    """

    input_key: str
    label_key: str
    encoding: Encoding
    shape: tuple[int | None, ...]
    num_classes: int
    soft_labels: bool = False
    first_class: int = 0

    def __post_init__(self) -> None:
        expected_rank = 1 if self.encoding == "vector" else 3
        if len(self.shape) != expected_rank:
            raise SourceError(f"feature {self.input_key!r} has shape {self.shape}: rank {expected_rank} is needed")
        if self.encoding != "vector" and self.shape[2] not in (None, 1, 3, 4):
            raise SourceError(f"feature {self.input_key!r} has {self.shape[2]} channels: allowed are 1, 3 and 4")
        if self.encoding == "raw" and None in self.shape:
            raise SourceError(f"feature {self.input_key!r} holds raw bytes, so its schema must give the whole shape")

    def fits(self, shape: Shape) -> bool:
        """Whether the spec allows an example of this shape."""
        return len(shape) == len(self.shape) and all(
            want in (None, got) for want, got in zip(self.shape, shape, strict=True)
        )


def example_bytes(shape: Shape) -> int:
    """Size of one decoded example: one byte per pixel and channel, or four per element of a vector."""
    return math.prod(shape) * (4 if len(shape) == 1 else 1)


def shape_text(shape: tuple[int | None, ...]) -> str:
    """The shape as text: 28x28x1, with ? for an unknown size."""
    return "x".join("?" if size is None else str(size) for size in shape)
