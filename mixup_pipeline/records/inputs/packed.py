"""Input kinds of arrays whose bytes a record holds, as TFDS stores tensors with `encoding="bytes"` or `"zlib"`.

`raw` and `zlib` are uint8 pixels (height, width, channels) whose whole shape the schema gives. `vector-bytes` and
`vector-zlib` are little-endian numbers of `spec.dtype`, of any shape. They become float32.
"""

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.inputs import InputKind
from mixup_pipeline.records.inputs.vector import finite, shape_of
from mixup_pipeline.spec import (
    AS_STORED,
    MAX_EXAMPLE_BYTES,
    ExampleSpec,
    ImageOptions,
    Shape,
    check_size,
    shape_text,
)

_BFLOAT16 = "bfloat16"
ITEM_BYTES = {
    **{name: np.dtype(name).itemsize for name in ("float16", "float32", "float64", "bool")},
    **{f"{sign}int{bits}": bits // 8 for sign in ("", "u") for bits in (8, 16, 32)},
    _BFLOAT16: 2,
}
"""The dtypes of packed numbers, and the bytes of one."""


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
        return decoded if self.is_image else tf.debugging.check_numerics(decoded, "a vector")


class PackedPixels(_Packed):
    """Pixels as uint8 bytes, row by row."""

    def check(self, spec: ExampleSpec) -> None:
        """Require the whole shape, because only the schema can give it."""
        super().check(spec)
        if None in spec.shape:
            raise SourceError(f"feature {spec.input_key!r} holds raw bytes, so its schema must give the whole shape")
        try:
            check_size(spec.shape, 1)  # type: ignore[arg-type]  # no None is in it
        except ValueError as error:
            raise SourceError(f"feature {spec.input_key!r}: {error}") from error

    def shape(self, data: bytes, spec: ExampleSpec) -> Shape:
        """The shape in the schema. Raises ValueError if the number of bytes does not match it."""
        shape: Shape = spec.shape  # type: ignore[assignment]  # `check` refused a None
        needed = self.example_bytes(shape)
        found = len(self._unpacked(data, needed))
        if found != needed:
            raise ValueError(f"feature {spec.input_key!r} holds {found} bytes, but {shape_text(shape)} needs {needed}")
        return shape

    def decode(self, data: bytes, shape: Shape, spec: ExampleSpec) -> npt.NDArray[Any]:
        """Decode to uint8 (height, width, channels)."""
        return np.frombuffer(self._unpacked(data, self.example_bytes(shape)), np.uint8).reshape(shape)


class PackedNumbers(_Packed):
    """Numbers of one dtype, little-endian."""

    dtype = np.float32

    def shape(self, data: bytes, spec: ExampleSpec) -> Shape:
        """The shape: (length,), or that of the schema. Raises ValueError if the bytes are no such numbers."""
        found, size = len(self._unpacked(data)), ITEM_BYTES[spec.dtype]
        if not found or found % size:
            raise ValueError(f"feature {spec.input_key!r} holds {found} bytes, which are no {spec.dtype} values")
        return shape_of(found // size, spec)

    def decode(self, data: bytes, shape: Shape, spec: ExampleSpec) -> npt.NDArray[Any]:
        """Decode to float32 of this shape. Raises ValueError if a value is not finite, or too large for float32."""
        return finite(_as_float32(self._unpacked(data), spec.dtype).reshape(shape), spec.input_key)


def _as_float32(data: bytes, dtype: str) -> npt.NDArray[np.float32]:
    if dtype == _BFLOAT16:  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):  # what becomes infinite is refused
        return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(np.float32)


RAW, ZLIB = PackedPixels(compressed=False), PackedPixels(compressed=True)
VECTOR_BYTES, VECTOR_ZLIB = PackedNumbers(compressed=False), PackedNumbers(compressed=True)
