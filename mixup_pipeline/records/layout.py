"""The layout of a mixed record: which features it has, with which content and size.

All code that writes, reads, describes or trains on mixed records uses this layout.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config.registry import IMAGE_FORMATS, INPUT_KINDS, LABEL_KINDS, METHODS
from mixup_pipeline.mixing.draw import BASE_VIEW, PARTNER_VIEW, Draw
from mixup_pipeline.mixing.methods import Method, Rows
from mixup_pipeline.mixing.views import VIEW_SIZE
from mixup_pipeline.records.fields import Field
from mixup_pipeline.records.framing import MAX_RECORD_BYTES
from mixup_pipeline.records.image_formats import ImageFormat
from mixup_pipeline.records.inputs import InputKind
from mixup_pipeline.records.kept import kept_fields
from mixup_pipeline.records.labels import Columns, LabelKind, Labels
from mixup_pipeline.records.viewed import apply_views
from mixup_pipeline.spec import Shape

LAM = Field("mixup/lam", "float32")
BASE_ID, PARTNER_ID = Field("mixup/base_id", "text"), Field("mixup/partner_id", "text")
_IMAGE_KEY, _VECTOR_KEY = "image", "features"
_OVERHEAD_BYTES = 64
"""An upper bound for the tags and lengths of one feature, besides its key and its value."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The layout of the records of one mixed dataset.

    shape: the shape of an example. is_image: whether it is (height, width, channels) of uint8, and not numbers.
    label_kind: the kind of the
    source's labels. label_format: "dense" stores a soft label in every record; "compact" leaves it out if the record
    has class ids, from which it can be computed. image_format: how images are stored, with a quality where that is
    lossy; vectors are stored as they are.
    keep: the features that go along, each with its content. augmented: whether parents were augmented, so that a record
    keeps their views.
    method: the mixing method. premultiplied: whether RGBA colours are weighted by their opacity (false in format 2).
    """

    shape: Shape
    num_classes: int
    label_kind: str
    label_format: Literal["dense", "compact"] | str
    image_format: str
    quality: int | None = None
    method: str = "mixup"
    premultiplied: bool = True
    is_image: bool = True
    keep: tuple[tuple[str, str], ...] = ()
    augmented: bool = False

    @property
    def is_vector(self) -> bool:
        """Whether examples are numbers, and no images."""
        return not self.is_image

    @property
    def dense(self) -> bool:
        """Whether records keep a soft label besides the class ids."""
        return self.label_format == "dense"

    @cached_property
    def image(self) -> ImageFormat:
        """The image format."""
        image_format: ImageFormat = IMAGE_FORMATS[self.image_format]
        return image_format

    @cached_property
    def input(self) -> Field:
        """The field of the mixed input."""
        if self.is_vector:
            return Field(_VECTOR_KEY, "float32", self.shape)
        return Field(_IMAGE_KEY, self.image.content, self.shape)

    @cached_property
    def input_kind(self) -> InputKind:
        """The input kind that reads the mixed input back."""
        kind: InputKind = INPUT_KINDS["vector" if self.is_vector else self.image.input_kind]
        return kind

    @property
    def is_lossy(self) -> bool:
        """Whether the stored input has other values than the mixed one."""
        return not self.is_vector and self.image.lossy

    def is_stored_as(self, found: Shape) -> bool:
        """Whether a stored input of this shape can be that of an example."""
        in_colour = not self.is_vector and self.image.in_colour
        return found == self.shape or (in_colour and found == (*self.shape[:2], 3))

    def encoded(self, image: npt.NDArray[Any]) -> bytes:
        """The file of a mixed image. Only where the input is stored as a file."""
        encode = self.image.encode
        if encode is None:
            raise ValueError(f"image format {self.image_format} has no files")
        return encode(image, self.quality or 0)

    @cached_property
    def labels(self) -> LabelKind:
        """The kind of the source's labels."""
        kind: LabelKind = LABEL_KINDS[self.label_kind]
        return kind

    @cached_property
    def mixing(self) -> Method:
        """The mixing method."""
        method: Method = METHODS[self.method]
        return method

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """All features of a record, in the order of their keys."""
        fields = [self.input, LAM, BASE_ID, PARTNER_ID]
        fields += self.labels.stored_fields(self.num_classes, dense=self.dense)
        fields += [*self.drawn_fields, *self.view_fields]
        fields += kept_fields(self.keep)
        return tuple(sorted(fields, key=lambda field: field.key))

    @cached_property
    def drawn_fields(self) -> tuple[Field, ...]:
        """The fields that the mixing method keeps besides λ."""
        return tuple(Field(key, content, shape) for key, (content, shape) in self.mixing.fields.items())

    @cached_property
    def view_fields(self) -> tuple[Field, ...]:
        """The fields of the views of base and partner, if there are any."""
        return tuple(Field(key, "int64", (VIEW_SIZE,)) for key in (BASE_VIEW, PARTNER_VIEW) if self.augmented)

    def provenance_bytes(self, id_bytes: int) -> int:
        """An upper bound for the bytes that the mixup/ features take. They are at the end of a record.

        id_bytes: the most bytes of the id of an example.
        """
        if self.keep:
            return MAX_RECORD_BYTES  # what goes along with the partner comes last, and texts may be of any length
        fields = [field for field in self.fields if field.key.startswith("mixup/")]
        values = sum(10 * field.num_values for field in fields)  # a varint takes at most ten bytes
        return values + sum(len(field.key) + _OVERHEAD_BYTES for field in fields) + 2 * id_bytes

    def mix(self, inputs: Any, labels: Labels, base: Rows, partner: Rows, draw: Draw) -> Columns:
        """Mix n examples: the columns of all features but the ids, by key.

        inputs: (m, *shape). labels: (m, …) as the label kind reads them. base, partner: int64[n] rows of inputs and
        labels. draw: the weights of n examples. All mixing goes through this method: to write a shard, and to check
        one.
        """
        label_columns = self.labels.mix(labels, base, partner, draw.lam, num_classes=self.num_classes, dense=self.dense)
        method = self.mixing
        if draw.views:
            inputs, base, partner = viewed(inputs, base, partner, draw)
        mix = method.mix if self.premultiplied or method.mix_format_2 is None else method.mix_format_2
        mixed = mix(inputs, base, partner, draw.lam, draw.extra)
        return {self.input.key: mixed, LAM.key: draw.lam, **label_columns, **draw.extra, **draw.views}


def viewed(inputs: Any, base: Rows, partner: Rows, draw: Draw) -> tuple[Any, Rows, Rows]:
    """The views of the bases, followed by those of the partners; and the rows of both.

    A base that is its own partner is one row.
    """
    count = len(base)
    both = np.concatenate([base, partner])
    views = np.concatenate([draw.views[BASE_VIEW], draw.views[PARTNER_VIEW]])
    rows = np.arange(count)
    return apply_views(inputs[both], views), rows, np.where(draw.base == draw.partner, rows, rows + count)
