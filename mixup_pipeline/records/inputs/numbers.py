"""Input kinds of numbers that a record holds as integers, or in several features. They become float32.

`numbers` is one list of integers, of any shape: sound, spectrograms, and tensors of integers as TFDS stores them.
`pixels` is the same for uint8 images, which TFDS stores so unless they are encoded. `columns` is one number in each of
several features. None of these lie in a record as they are decoded, so decoding parses the record again.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.inputs import InputKind
from mixup_pipeline.records.inputs.vector import finite, packed_values, shape_of
from mixup_pipeline.records.tf_example import list_values, parse
from mixup_pipeline.spec import ExampleSpec, Shape, check_size, counted, shape_text

_EXACT = 1 << 24
"""Integers up to this one are exact as float32."""


class _Parsed(InputKind):
    """An input that is decoded from the whole record."""

    dtype: ClassVar[type[np.generic]] = np.float32
    whole_record, in_tensorflow = True, False

    @abstractmethod
    def values(self, features: Mapping[str, Any], spec: ExampleSpec) -> Any:
        """The numbers in the order of the shape. Raises ValueError."""

    def data(self, features: Mapping[str, Any], spec: ExampleSpec) -> bytes:
        """The values as little-endian float32."""
        return packed_values(self.values(features, spec), spec.input_key)

    def shape(self, data: bytes, spec: ExampleSpec) -> Shape:
        """The shape of these values."""
        return shape_of(len(data) // 4, spec)

    def decode(self, data: bytes, shape: Shape, spec: ExampleSpec) -> npt.NDArray[Any]:
        """Decode a whole record to float32 of this shape. Raises ValueError if a value is not finite."""
        values = np.array(self.values(parse(data), spec), np.float32)
        if values.size != int(np.prod(shape)):
            raise ValueError(f"the example holds {counted(values.size, 'value')}, {shape_text(shape)} are needed")
        return finite(values.reshape(shape), spec.input_key)


class Integers(_Parsed):
    """A list of integers."""

    def values(self, features: Mapping[str, Any], spec: ExampleSpec) -> Any:
        """The integers. Raises ValueError for one that float32 does not hold exactly."""
        values = np.array(list_values(features, spec.input_key, "int64_list"), np.int64)
        if len(values) and max(-int(values.min()), int(values.max())) > _EXACT:
            raise ValueError(
                f"feature {spec.input_key!r} holds an integer beyond 2^24, which float32 does not hold exactly"
            )
        return values


class Pixels(Integers):
    """A list of integers that are the pixels of an image."""

    dtype = np.uint8

    def check(self, spec: ExampleSpec) -> None:
        """Require the whole shape, because only the schema can give it."""
        super().check(spec)
        if None in spec.shape:
            raise SourceError(f"feature {spec.input_key!r} holds pixels, so its schema must give the whole shape")

    def shape(self, data: bytes, spec: ExampleSpec) -> Shape:
        """The shape in the schema."""
        shape = shape_of(len(data) // 4, spec)
        check_size(shape, 1)
        return shape

    def decode(self, data: bytes, shape: Shape, spec: ExampleSpec) -> npt.NDArray[Any]:
        """Decode a whole record to uint8 (height, width, channels). Raises ValueError for a value beyond 0 to 255."""
        values = self.values(parse(data), spec)
        if values.min() < 0 or values.max() > 255:
            raise ValueError(
                f"feature {spec.input_key!r} holds values from {values.min()} to {values.max()}: pixels are 0 to 255"
            )
        return values.astype(np.uint8).reshape(shape)


class Columns(_Parsed):
    """One number in each of several features."""

    def values(self, features: Mapping[str, Any], spec: ExampleSpec) -> list[float]:
        """The numbers, in the order of the columns."""
        return [_number(features, key) for key in spec.columns]


def _number(features: Mapping[str, Any], key: str) -> float:
    feature = features.get(key)
    kind = None if feature is None else feature.WhichOneof("kind")
    values = list_values(features, key, "int64_list" if kind == "int64_list" else "float_list")
    if len(values) != 1:
        raise ValueError(f"feature {key!r} holds {len(values)} values, one is needed")
    if abs(values[0]) > _EXACT and kind == "int64_list":
        raise ValueError(f"feature {key!r} is {values[0]}, beyond 2^24, which float32 does not hold exactly")
    if not np.isfinite(values[0]):
        raise ValueError(f"feature {key!r} is {values[0]}, which is not finite")
    return float(values[0])


KIND, PIXELS, COLUMNS = Integers(), Pixels(), Columns()
