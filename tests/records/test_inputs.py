"""Input kinds: the shapes that a schema may give for each of them, and arrays whose bytes a record holds."""

import re
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline.config.registry import INPUT_KINDS
from mixup_pipeline.errors import SourceError
from mixup_pipeline.spec import ExampleSpec

RANKS = "1 to 8 dimensions are needed, and all sizes but the first"


def spec_of(encoding: str, shape: tuple[int | None, ...]) -> ExampleSpec:
    return ExampleSpec(input_key="image", label_key="label", encoding=encoding, shape=shape, num_classes=10)


@pytest.mark.parametrize(
    ("encoding", "shape"),
    [
        ("encoded", (None, None, 3)),
        ("encoded", (None, None, None)),
        ("encoded", (28, 28, 1)),
        ("raw", (8, 9, 4)),
        ("vector", (None,)),
        ("vector", (512,)),
        ("zlib", (8, 9, 4)),
        ("vector-bytes", (None,)),
        ("vector-zlib", (512,)),
        ("vector", (28, 28, 1)),
        ("vector-zlib", (None, 28)),
        ("numbers", (3, 4, 5, 6)),
        ("pixels", (28, 28, 1)),
    ],
)
def test_good_shapes_are_accepted(encoding: str, shape: tuple[int | None, ...]) -> None:
    INPUT_KINDS[encoding].check(spec_of(encoding, shape))


@pytest.mark.parametrize(
    ("encoding", "shape", "message"),
    [
        ("encoded", (28, 28), "feature 'image' has shape (28, 28): rank 3 is needed"),
        ("raw", (784,), "feature 'image' has shape (784,): rank 3 is needed"),
        ("vector", (28, None), f"feature 'image' has shape (28, None): {RANKS}"),
        ("vector", (), f"feature 'image' has shape (): {RANKS}"),
        ("numbers", (1,) * 9, f"feature 'image' has shape {(1,) * 9}: {RANKS}"),
        ("pixels", (28, 28, None), "feature 'image' holds pixels, so its schema must give the whole shape"),
        ("encoded", (28, 28, 2), "feature 'image' has 2 channels: allowed are 1, 3 and 4"),
        ("zlib", (28, 28, None), "feature 'image' holds raw bytes, so its schema must give the whole shape"),
        ("raw", (28, 28, 5), "feature 'image' has 5 channels: allowed are 1, 3 and 4"),
        ("raw", (28, None, 1), "feature 'image' holds raw bytes, so its schema must give the whole shape"),
        ("raw", (28, 28, None), "feature 'image' holds raw bytes, so its schema must give the whole shape"),
    ],
)
def test_bad_shapes_are_refused(encoding: str, shape: tuple[int | None, ...], message: str) -> None:
    with pytest.raises(SourceError, match=f"^{re.escape(message)}$"):
        INPUT_KINDS[encoding].check(spec_of(encoding, shape))


PIXELS = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
VECTOR = np.linspace(-1, 1, 9, dtype=np.float32)


@pytest.mark.parametrize(
    ("encoding", "values", "data"),
    [
        ("raw", PIXELS, PIXELS.tobytes()),
        ("zlib", PIXELS, zlib.compress(PIXELS.tobytes())),
        ("vector-bytes", VECTOR, VECTOR.tobytes()),
        ("vector-zlib", VECTOR, zlib.compress(VECTOR.tobytes(), 9)),
    ],
)
def test_packed_arrays_are_read_as_they_were(encoding: str, values: npt.NDArray[Any], data: bytes) -> None:
    kind, spec = INPUT_KINDS[encoding], spec_of(encoding, values.shape)
    assert kind.shape(data, spec) == values.shape
    found = kind.decode(data, values.shape, spec)
    assert (found.dtype, found.tolist()) == (values.dtype, values.tolist())


@pytest.mark.parametrize(
    ("encoding", "data", "message"),
    [
        ("raw", b"\0" * 59, "feature 'image' holds 59 bytes, but 4x5x3 needs 60"),
        ("zlib", zlib.compress(b"\0" * 59), "feature 'image' holds 59 bytes, but 4x5x3 needs 60"),
        ("zlib", zlib.compress(b"\0" * 61), "its zlib stream holds more than 60 bytes"),
        ("zlib", zlib.compress(bytes(1 << 28)), "its zlib stream holds more than 60 bytes"),
        ("zlib", zlib.compress(bytes(60))[:-3], "its zlib stream is cut"),
        ("zlib", b"\0" * 60, "its zlib stream is damaged"),
        ("vector-bytes", b"\0" * 7, "feature 'image' holds 7 bytes, which are no float32 values"),
        ("vector-bytes", b"", "feature 'image' holds 0 bytes, which are no float32 values"),
    ],
)
def test_packed_arrays_of_another_size_are_refused(encoding: str, data: bytes, message: str) -> None:
    shape = (4, 5, 3) if "vector" not in encoding else (None,)
    with pytest.raises(ValueError, match=re.escape(message)):
        INPUT_KINDS[encoding].shape(data, spec_of(encoding, shape))
