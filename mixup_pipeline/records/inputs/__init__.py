"""Input kinds: the forms in which a record holds its input.

Each kind has its own file and is registered in `config.registry.INPUT_KINDS`. Images are decoded to uint8 (height,
width, channels), numbers to float32 of any shape.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.facts import Facts
from mixup_pipeline.records.tf_example import single_value
from mixup_pipeline.spec import AS_STORED, MAX_RANK, ExampleSpec, ImageOptions, Shape, shape_text


class InputKind(ABC):
    """How one form of input is read. Faults of a record raise ValueError; the caller knows which record it is."""

    dtype: ClassVar[type[np.generic]] = np.uint8
    """The dtype of a decoded input."""

    whole_record: ClassVar[bool] = False
    """Whether it does not lie in a record as the bytes of one value, so that decoding starts from the whole record."""

    in_tensorflow: ClassVar[bool] = True
    """Whether TensorFlow reads it. What it does not read is prepared before training."""

    takes_image_options: ClassVar[bool] = False
    """Whether `ImageOptions` bring it to one form."""

    def check(self, spec: ExampleSpec) -> None:
        """Raise SourceError if the schema gives a shape, or options, that this form cannot have."""
        if spec.images != AS_STORED and not self.takes_image_options:
            raise SourceError(
                f"feature {spec.input_key!r} holds no image files: leave --image-size, --channels and --exif out"
            )
        if not self.is_image:
            if not 1 <= len(spec.shape) <= MAX_RANK or None in spec.shape[1:]:
                raise SourceError(
                    f"feature {spec.input_key!r} has shape {spec.shape}: 1 to {MAX_RANK} dimensions are needed, and "
                    f"all sizes but the first"
                )
            return
        if len(spec.shape) != 3:
            raise SourceError(f"feature {spec.input_key!r} has shape {spec.shape}: rank 3 is needed")
        if spec.shape[2] not in (None, 1, 3, 4):
            raise SourceError(f"feature {spec.input_key!r} has {spec.shape[2]} channels: allowed are 1, 3 and 4")

    @property
    def is_image(self) -> bool:
        """Whether it is uint8 pixels. Anything else is numbers."""
        return self.dtype is np.uint8

    def example_bytes(self, shape: Shape) -> int:
        """Bytes of a decoded input of this shape."""
        return math.prod(shape) * np.dtype(self.dtype).itemsize

    def data(self, features: Mapping[str, Any], spec: ExampleSpec) -> bytes:
        """The bytes of the input as the record stores them."""
        data: bytes = single_value(features, spec.input_key, "bytes_list")
        return data

    def facts(self, data: bytes, spec: ExampleSpec) -> Facts:
        """What is known of an input before it is decoded: its shape; of an image file, what its header says.

        Raises ValueError if the spec does not allow it.
        """
        shape = self.shape(data, spec)
        if not spec.fits(shape):
            raise ValueError(f"the example is {shape_text(shape)}, the schema says {shape_text(spec.shape)}")
        return shape

    @abstractmethod
    def shape(self, data: bytes, spec: ExampleSpec) -> Shape:
        """The shape of an input, without decoding it."""

    @abstractmethod
    def decode(self, data: bytes, shape: Shape, spec: ExampleSpec) -> npt.NDArray[Any]:
        """Decode an input to an array of this shape.

        Raises ValueError if the input is damaged or cannot have this shape.
        """

    def parsed(self, tf: Any, shape: Shape) -> Any:
        """The tf.io.FixedLenFeature of the input for `tf.io.parse_example`. tf: the tensorflow module."""
        raise TypeError(f"{type(self).__name__} is not read by TensorFlow")

    def tensor(self, tf: Any, values: Any, shape: Shape, images: ImageOptions = AS_STORED) -> Any:
        """Decode a batch in TensorFlow: (n, *shape), from the values that `parsed` describes. Equals `decode`."""
        raise TypeError(f"{type(self).__name__} is not read by TensorFlow")
