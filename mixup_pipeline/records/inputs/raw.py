"""Input kind `raw`: the pixels of an image as uint8 bytes, row by row. The schema gives the shape."""

from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.inputs import InputKind
from mixup_pipeline.spec import ExampleSpec, Shape, check_size, example_bytes, shape_text


class RawInput(InputKind):
    """An input that is raw pixels."""

    def check(self, spec: ExampleSpec) -> None:
        """Require the whole shape, because only the schema can give it."""
        super().check(spec)
        if None in spec.shape:
            raise SourceError(f"feature {spec.input_key!r} holds raw bytes, so its schema must give the whole shape")
        try:
            check_size(spec.shape)  # type: ignore[arg-type]  # no None is in it
        except ValueError as error:
            raise SourceError(f"feature {spec.input_key!r}: {error}") from error

    def shape(self, data: bytes, spec: ExampleSpec) -> Shape:
        """The shape in the schema. Raises ValueError if the number of bytes does not match it."""
        shape: Shape = spec.shape  # type: ignore[assignment]  # `check` refused a None
        if len(data) != example_bytes(shape):
            raise ValueError(
                f"feature {spec.input_key!r} holds {len(data)} bytes, but {shape_text(shape)} needs "
                f"{example_bytes(shape)}"
            )
        return shape

    def decode(self, data: bytes, shape: Shape, key: str) -> npt.NDArray[Any]:
        """Decode to uint8 (height, width, channels)."""
        return np.frombuffer(data, np.uint8).reshape(shape)

    def parsed(self, tf: Any, shape: Shape) -> Any:
        """A string: the bytes."""
        return tf.io.FixedLenFeature([], tf.string)

    def tensor(self, tf: Any, values: Any, shape: Shape) -> Any:
        """Decode to uint8 (n, height, width, channels)."""
        return tf.reshape(tf.io.decode_raw(values, tf.uint8), (-1, *shape))


KIND = RawInput()
