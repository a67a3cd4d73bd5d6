"""Input kinds of arrays whose bytes a record holds, as TFDS stores tensors with `encoding="bytes"` or `"zlib"`.

`raw` and `zlib` are uint8 pixels (height, width, channels) whose whole shape the schema gives. `vector-bytes` and
`vector-zlib` are little-endian float32 values, as many as there are.
"""

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.inputs import InputKind
from mixup_pipeline.spec import (
    AS_STORED,
    MAX_EXAMPLE_BYTES,
    ExampleSpec,
    ImageOptions,
    Shape,
    check_size,
    example_bytes,
    shape_text,
)


class _Packed(InputKind):
    """An input that is the bytes of an array, compressed by zlib or not."""

    def __init__(self, *, compressed: bool) -> None:
        self._compressed = compressed

    def _unpacked(self, data: bytes, most: int = MAX_EXAMPLE_BYTES) -> bytes:
        """The bytes of the array. Raises ValueError if there are more than `most`, or the stream is damaged."""
        if not self._compressed:
            return data
        stream = zlib.decompressobj()
        try:
            unpacked = stream.decompress(data, most + 1)
        except zlib.error as error:
            raise ValueError(f"its zlib stream is damaged ({error})") from error
        if len(unpacked) > most:
            raise ValueError(f"its zlib stream holds more than {most:,} bytes")
        if not stream.eof:
            raise ValueError("its zlib stream is cut")
        return unpacked

    def parsed(self, tf: Any, shape: Shape) -> Any:
        """A string: the bytes."""
        return tf.io.FixedLenFeature([], tf.string)

    def tensor(self, tf: Any, values: Any, shape: Shape, images: ImageOptions = AS_STORED) -> Any:
        """Decode to (n, *shape)."""
        if self._compressed:
            values = tf.io.decode_compressed(values, "ZLIB")
        decoded = tf.reshape(tf.io.decode_raw(values, tf.dtypes.as_dtype(self.dtype)), (-1, *shape))
        return tf.debugging.check_numerics(decoded, "a vector") if self.rank == 1 else decoded


class PackedPixels(_Packed):
    """Pixels as uint8 bytes, row by row."""

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
        found = len(self._unpacked(data, example_bytes(shape)))
        if found != example_bytes(shape):
            raise ValueError(
                f"feature {spec.input_key!r} holds {found} bytes, but {shape_text(shape)} needs {example_bytes(shape)}"
            )
        return shape

    def decode(self, data: bytes, shape: Shape, spec: ExampleSpec) -> npt.NDArray[Any]:
        """Decode to uint8 (height, width, channels)."""
        return np.frombuffer(self._unpacked(data, example_bytes(shape)), np.uint8).reshape(shape)


class PackedVector(_Packed):
    """A vector as little-endian float32 values."""

    dtype, rank = np.float32, 1

    def shape(self, data: bytes, spec: ExampleSpec) -> Shape:
        """The shape (length,). Raises ValueError if the number of bytes is that of no float32 vector."""
        found = len(self._unpacked(data))
        if not found or found % 4:
            raise ValueError(f"feature {spec.input_key!r} holds {found} bytes, which are no float32 values")
        shape = (found // 4,)
        check_size(shape)
        return shape

    def decode(self, data: bytes, shape: Shape, spec: ExampleSpec) -> npt.NDArray[Any]:
        """Decode to float32 (length,). Raises ValueError if a value is not finite."""
        vector = np.frombuffer(self._unpacked(data), "<f4").reshape(shape)
        if not np.isfinite(vector).all():
            raise ValueError(f"feature {spec.input_key!r} holds a value that is not finite")
        return vector


RAW, ZLIB = PackedPixels(compressed=False), PackedPixels(compressed=True)
VECTOR_BYTES, VECTOR_ZLIB = PackedVector(compressed=False), PackedVector(compressed=True)
