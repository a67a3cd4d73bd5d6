"""The spec of a source: what the record of one example looks like."""

import math
from dataclasses import dataclass

Shape = tuple[int, ...]
"""(height, width, channels) of an image, or (length,) of a feature vector."""

MAX_EXAMPLE_BYTES = 64 << 20
"""Of one decoded example. Decoding and mixing it take a few times as much memory."""
MAX_CLASSES = 1_000_000
"""Totals hold a few numbers for each class, in every shard."""
NO_CLASS = -1
"""The class id in an index or slot table if labels are soft."""


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """How image files are brought to one form.

    size: (height, width) to bring them to; None: their own, which must be the same for all.
    resize: "crop", "pad" or "stretch", see `records.resize`.
    channels: 1 (grey), 3 (RGB) or 4 (RGBA); None: as the schema says, else RGB if any image has colour.
    exif: "apply" turns images upright, "ignore" leaves them as they are stored.
    """

    size: tuple[int, int] | None = None
    resize: str = "crop"
    channels: int | None = None
    exif: str = "apply"

    @property
    def turned(self) -> bool:
        """Whether the orientation in EXIF is applied."""
        return self.exif == "apply"


AS_STORED = ImageOptions()


@dataclass(frozen=True, kw_only=True)
class ExampleSpec:
    """The keys of input and label in a record, and how both are stored.

    encoding: the name of the input kind in `config.registry.INPUT_KINDS`: "encoded" is an image file, "raw" uint8
    bytes of `shape`, "vector" a float list of `shape`.
    shape: (height, width, channels), or (length,) for a vector. A size is None if only the data show it.
    label_kind: the name of the label kind in `config.registry.LABEL_KINDS`: "class" is an integer, "soft" a float
    vector of num_classes values.
    first_class: the integer that stands for class 0 (1 if labels count from one).
    images: how image files are brought to one form.
    """

    input_key: str
    label_key: str
    encoding: str
    shape: tuple[int | None, ...]
    num_classes: int
    label_kind: str = "class"
    first_class: int = 0
    images: ImageOptions = AS_STORED

    def fits(self, shape: Shape) -> bool:
        """Whether the spec allows an example of this shape."""
        return shape == self.shape or (
            len(shape) == len(self.shape)
            and all(want in (None, got) for want, got in zip(self.shape, shape, strict=True))
        )


def example_bytes(shape: Shape) -> int:
    """Bytes of one decoded example: one per pixel and channel, or four per vector element."""
    return math.prod(shape) * (4 if len(shape) == 1 else 1)


def check_size(shape: Shape) -> None:
    """Raise ValueError if an example of this shape takes no memory or more than is allowed."""
    if not 0 < example_bytes(shape) <= MAX_EXAMPLE_BYTES:
        raise ValueError(f"the example claims to be {shape_text(shape)}: allowed are {size_limit_text()} decoded")


def size_limit_text() -> str:
    """What the size of a decoded example may be, as text."""
    return f"1 byte to {MAX_EXAMPLE_BYTES >> 20} MiB"


def shape_text(shape: tuple[int | None, ...]) -> str:
    """The shape as text, such as 28x28x1; an unknown size is a question mark."""
    return "x".join("?" if size is None else str(size) for size in shape)
