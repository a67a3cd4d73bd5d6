"""The spec of a source: what the record of one example looks like."""

import math
from dataclasses import dataclass
from functools import cached_property

Shape = tuple[int, ...]
"""(height, width, channels) of an image, or any shape of numbers, such as (length,) of a feature vector."""

MAX_EXAMPLE_BYTES = 64 << 20
"""Of one decoded example. Decoding and mixing it take a few times as much memory."""
MAX_RANK = 8
"""Of the dimensions of an example."""
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
    shape: (height, width, channels) of an image, or any shape of numbers. A size is None if only the data show it.
    dtype: of the stored numbers, where the encoding alone does not say it.
    num_classes: the number of classes; of a real-valued label the number of its values.
    label_kind: the name of the label kind in `config.registry.LABEL_KINDS`: "class" is an integer, "soft" a float
    vector of num_classes values.
    first_class: the integer that stands for class 0 (1 if labels count from one).
    class_texts: where labels are texts, the text of each class.
    images: how image files are brought to one form.
    keep: the features that go along, each with its content: "text", "int64" or "float32".
    group_key: the feature that says of which group an example is; empty if there are no groups.
    columns: the features, or the columns of a table, that make up the input together; none if it is one feature.
    """

    input_key: str
    label_key: str
    encoding: str
    shape: tuple[int | None, ...]
    num_classes: int
    label_kind: str = "class"
    first_class: int = 0
    class_texts: tuple[str, ...] = ()
    images: ImageOptions = AS_STORED
    columns: tuple[str, ...] = ()
    dtype: str = "float32"
    keep: tuple[tuple[str, str], ...] = ()
    group_key: str = ""

    @cached_property
    def class_of_text(self) -> dict[bytes, int]:
        """The class id of each text, as UTF-8."""
        return {text.encode(): class_id for class_id, text in enumerate(self.class_texts)}

    def fits(self, shape: Shape) -> bool:
        """Whether the spec allows an example of this shape."""
        return shape == self.shape or (
            len(shape) == len(self.shape)
            and all(want in (None, got) for want, got in zip(self.shape, shape, strict=True))
        )


def check_size(shape: Shape, value_bytes: int) -> None:
    """Raise ValueError if an example of this shape takes no memory or more than is allowed."""
    if not 0 < math.prod(shape) * value_bytes <= MAX_EXAMPLE_BYTES:
        raise ValueError(f"the example claims to be {shape_text(shape)}: allowed are {size_limit_text()} decoded")


def size_limit_text() -> str:
    """What the size of a decoded example may be, as text."""
    return f"1 byte to {MAX_EXAMPLE_BYTES >> 20} MiB"


def shape_text(shape: tuple[int | None, ...]) -> str:
    """The shape as text, such as 28x28x1; an unknown size is a question mark."""
    return "x".join("?" if size is None else str(size) for size in shape)


def counted(count: int, noun: str) -> str:
    """A number with its noun: "1 file", "2 files", "3 classes"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"
