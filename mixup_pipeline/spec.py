"""What one example of a source looks like inside its record."""

import math
from dataclasses import dataclass
from typing import Literal

from mixup_pipeline.errors import SourceError

Encoding = Literal["encoded", "raw", "vector"]
Shape = tuple[int, ...]
"""(height, width, channels) of an image, or (length,) of a feature vector."""

MAX_EXAMPLE_BYTES = 1 << 28
MAX_CLASSES = 2**31 - 1
NO_CLASS = -1
"""In place of a class id where labels are soft."""


@dataclass(frozen=True, kw_only=True)
class ExampleSpec:
    """Where a record keeps its input and its label, and in which form.

    encoding: "encoded" is PNG or JPEG bytes, "raw" uint8 bytes of `shape`, "vector" a float list of `shape`.
    shape: (height, width, channels), or (length,) of a vector; None where only the data tell.
    soft_labels: the label is a float vector of num_classes instead of an integer.
    first_class: the integer that stands for class 0 (1 where labels count from one).
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
        """Whether an example of this shape is one that the spec allows."""
        return len(shape) == len(self.shape) and all(
            want in (None, got) for want, got in zip(self.shape, shape, strict=True)
        )


def example_bytes(shape: Shape) -> int:
    """Bytes of one decoded example: one a pixel and channel, four a vector element."""
    return math.prod(shape) * (4 if len(shape) == 1 else 1)


def shape_text(shape: tuple[int | None, ...]) -> str:
    """The shape as people write it: 28x28x1."""
    return "x".join("?" if size is None else str(size) for size in shape)
