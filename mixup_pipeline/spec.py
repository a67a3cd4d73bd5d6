"""What one example of a source looks like inside its record."""

import math
from dataclasses import dataclass

Shape = tuple[int, ...]
"""(height, width, channels) of an image, or (length,) of a feature vector."""

MAX_EXAMPLE_BYTES = 1 << 28
MAX_CLASSES = 2**31 - 1
NO_CLASS = -1
"""In place of a class id where labels are soft."""


@dataclass(frozen=True, kw_only=True)
class ExampleSpec:
    """Where a record keeps its input and its label, and in which form.

    encoding: which one of `config.registry.INPUT_KINDS` the input is: "encoded" is PNG or JPEG bytes, "raw" uint8 bytes
    of `shape`, "vector" a float list of `shape`.
    shape: (height, width, channels), or (length,) of a vector; None where only the data tell.
    label_kind: which one of `config.registry.LABEL_KINDS` the label is: "class" is an integer, "soft" a float vector of
    num_classes.
    first_class: the integer that stands for class 0 (1 where labels count from one).
    """

    input_key: str
    label_key: str
    encoding: str
    shape: tuple[int | None, ...]
    num_classes: int
    label_kind: str = "class"
    first_class: int = 0

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
