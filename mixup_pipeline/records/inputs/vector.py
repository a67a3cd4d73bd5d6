"""Input kind `vector`: a list of float32 values."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.inputs import InputKind
from mixup_pipeline.records.tf_example import list_values
from mixup_pipeline.spec import AS_STORED, ExampleSpec, ImageOptions, Shape, check_size


class VectorInput(InputKind):
    """An input that is a vector of numbers."""

    dtype, rank = np.float32, 1

    def data(self, features: Mapping[str, Any], key: str) -> bytes:
        """The values as little-endian float32."""
        vector = np.array(list_values(features, key, "float_list"), "<f4")
        if not len(vector):
            raise ValueError(f"feature {key!r} holds no values")
        return vector.tobytes()

    def shape(self, data: bytes, spec: ExampleSpec) -> Shape:
        """The shape (length,)."""
        shape = (len(data) // 4,)
        check_size(shape)
        return shape

    def decode(self, data: bytes, shape: Shape, spec: ExampleSpec) -> npt.NDArray[Any]:
        """Decode to float32 (length,). Raises ValueError if a value is not finite."""
        vector = np.frombuffer(data, "<f4").reshape(shape)
        if not np.isfinite(vector).all():
            raise ValueError(f"feature {spec.input_key!r} holds a value that is not finite")
        return vector

    def parsed(self, tf: Any, shape: Shape) -> Any:
        """A float32 list (length,)."""
        return tf.io.FixedLenFeature(shape, tf.float32)

    def tensor(self, tf: Any, values: Any, shape: Shape, images: ImageOptions = AS_STORED) -> Any:
        """The values as they are: float32 (n, length). One that is not finite is an error, as in `decode`."""
        return tf.debugging.check_numerics(values, "a vector")


KIND = VectorInput()
