"""Input kind `vector`: a list of float32 values."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.inputs import InputKind
from mixup_pipeline.records.tf_example import list_values
from mixup_pipeline.spec import ExampleSpec, Shape


class VectorInput(InputKind):
    """A vector of numbers."""

    dtype, rank = np.float32, 1

    def data(self, features: Mapping[str, Any], key: str) -> bytes:
        """float32, little-endian."""
        vector = np.array(list_values(features, key, "float_list"), "<f4")
        if not len(vector):
            raise ValueError(f"feature {key!r} holds no values")
        return vector.tobytes()

    def shape(self, data: bytes, spec: ExampleSpec) -> Shape:
        """(length,)"""
        return (len(data) // 4,)

    def decode(self, data: bytes, shape: Shape, key: str) -> npt.NDArray[Any]:
        """float32 (length,), all of it finite."""
        vector = np.frombuffer(data, "<f4").reshape(shape)
        if not np.isfinite(vector).all():
            raise ValueError(f"feature {key!r} holds a value that is not finite")
        return vector

    def parsed(self, tf: Any, shape: Shape) -> Any:
        """float32 (length,)"""
        return tf.io.FixedLenFeature(shape, tf.float32)

    def tensor(self, tf: Any, values: Any, shape: Shape) -> Any:
        """float32 (n, length)"""
        return values


KIND = VectorInput()
