"""Input kind `vector`: a list of float32 values, of any shape."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.inputs import InputKind
from mixup_pipeline.records.tf_example import list_values
from mixup_pipeline.spec import AS_STORED, ExampleSpec, ImageOptions, Shape, check_size, counted, shape_text


class VectorInput(InputKind):
    """An input that is numbers."""

    dtype = np.float32

    def data(self, features: Mapping[str, Any], spec: ExampleSpec) -> bytes:
        """The values as little-endian float32."""
        return packed_values(list_values(features, spec.input_key, "float_list"), spec.input_key)

    def shape(self, data: bytes, spec: ExampleSpec) -> Shape:
        """The shape: (length,), or that of the schema."""
        return shape_of(len(data) // 4, spec)

    def decode(self, data: bytes, shape: Shape, spec: ExampleSpec) -> npt.NDArray[Any]:
        """Decode to float32 of this shape. Raises ValueError if a value is not finite."""
        return finite(np.frombuffer(data, "<f4").reshape(shape), spec.input_key)

    def parsed(self, tf: Any, shape: Shape) -> Any:
        """A float32 list of this shape."""
        return tf.io.FixedLenFeature(shape, tf.float32)

    def tensor(self, tf: Any, values: Any, shape: Shape, images: ImageOptions = AS_STORED) -> Any:
        """The values as they are: float32 (n, *shape). One that is not finite is an error, as in `decode`."""
        return tf.debugging.check_numerics(values, "a vector")


def packed_values(values: Any, key: str) -> bytes:
    """Numbers as little-endian float32. Raises ValueError if there are none."""
    vector = np.array(values, "<f4")
    if not len(vector):
        raise ValueError(f"feature {key!r} holds no values")
    return vector.tobytes()


def shape_of(count: int, spec: ExampleSpec) -> Shape:
    """The shape of so many numbers: that of the schema, of which at most the first size is unknown.

    Raises ValueError if they do not fill it, or are too many.
    """
    if len(spec.shape) == 1:
        shape: Shape = (count,)
    else:
        rest = math.prod(size for size in spec.shape[1:] if size is not None)
        shape = (spec.shape[0] or count // max(1, rest), *(size or 1 for size in spec.shape[1:]))
        if math.prod(shape) != count:
            raise ValueError(
                f"feature {spec.input_key!r} holds {counted(count, 'value')}, which do not fill "
                f"{shape_text(spec.shape)}"
            )
    check_size(shape, 4)
    return shape


def finite(numbers: npt.NDArray[np.float32], key: str) -> npt.NDArray[np.float32]:
    """The numbers. Raises ValueError if one is not finite."""
    if not np.isfinite(numbers).all():
        raise ValueError(f"feature {key!r} holds a value that is not finite")
    return numbers


KIND = VectorInput()
