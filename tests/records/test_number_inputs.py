"""Inputs that are numbers: of any shape and dtype, as lists, packed, or in several features."""

import math
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline import spec as spec_module
from mixup_pipeline.config.registry import INPUT_KINDS
from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.example_reader import ExampleReader
from mixup_pipeline.records.tf_example import parse, serialize
from mixup_pipeline.sources.scan import examiner
from mixup_pipeline.spec import ExampleSpec

SHAPES = [(7,), (3, 4), (2, 3, 4), (2, 1, 3, 2)]


def spec_of(encoding: str, shape: tuple[int | None, ...], **more: Any) -> ExampleSpec:
    return ExampleSpec(input_key="x", label_key="label", encoding=encoding, shape=shape, num_classes=3, **more)


def decoded(spec: ExampleSpec, features: dict[str, Any]) -> npt.NDArray[Any]:
    """The input as mixing reads it: examined in the index, then decoded from where the index says it lies."""
    payload = serialize({**features, "label": [1]})
    start, length, class_id, facts, _ = examiner(spec, decode=True)(payload)
    assert class_id == 1
    reader = ExampleReader(spec)
    assert reader.facts(reader.input_bytes(parse(payload))) == facts
    return reader.decode(payload[start : start + length], facts)  # type: ignore[arg-type]  # numbers have a shape


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_lists_of_any_shape(shape: tuple[int, ...], known: bool) -> None:
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    spec = spec_of("vector", shape if known else (None, *shape[1:]))
    found = decoded(spec, {"x": values.ravel()})
    assert (found.dtype.name, found.tolist()) == ("float32", values.tolist())
    integers = np.random.default_rng(0).integers(-(2**24), 2**24, shape)
    found = decoded(spec_of("numbers", spec.shape), {"x": integers.ravel().tolist()})
    assert (found.dtype.name, found.tolist()) == ("float32", integers.tolist())


PACKED = ["float16", "float32", "float64", "int8", "int16", "int32", "uint8", "uint16", "uint32", "bool"]


@pytest.mark.parametrize("dtype", PACKED)
@pytest.mark.parametrize("encoding", ["vector-bytes", "vector-zlib"])
@pytest.mark.parametrize("shape", SHAPES[:2])
def test_packed_numbers_of_any_dtype(dtype: str, encoding: str, shape: tuple[int, ...]) -> None:
    values = (np.random.default_rng(0).standard_normal(shape) * 50).astype(dtype)
    data = values.astype(np.dtype(dtype).newbyteorder("<")).tobytes()
    data = zlib.compress(data) if encoding == "vector-zlib" else data
    found = decoded(spec_of(encoding, shape, dtype=dtype), {"x": data})
    assert (found.dtype.name, found.tolist()) == ("float32", values.astype(np.float32).tolist())


def test_bfloat16_is_the_upper_half_of_float32() -> None:
    values = np.array([1.0, -2.5, 3.140625, 0.0, 1e38], np.float32)
    halves = (values.view(np.uint32) >> 16).astype("<u2")
    expected = (halves.astype(np.uint32) << 16).view(np.float32)
    assert (
        decoded(spec_of("vector-bytes", (5,), dtype="bfloat16"), {"x": halves.tobytes()}).tolist() == expected.tolist()
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_every_number_of_two_bytes(dtype: str) -> None:
    """All 65,536 patterns, against the standard library; of those that are not finite each is refused."""
    patterns = [number.to_bytes(2, "little") for number in range(1 << 16)]
    unpacked = [
        struct.unpack("<e", data)[0] if dtype == "float16" else struct.unpack("<f", b"\0\0" + data)[0]
        for data in patterns
    ]
    fine = [number for number, value in enumerate(unpacked) if math.isfinite(value)]
    spec = spec_of("vector-bytes", (len(fine),), dtype=dtype)
    found = decoded(spec, {"x": b"".join(patterns[number] for number in fine)})
    assert found.tolist() == [unpacked[number] for number in fine]
    kind, one = INPUT_KINDS["vector-bytes"], spec_of("vector-bytes", (1,), dtype=dtype)
    for number in sorted({*range(1 << 16)} - {*fine}):
        with pytest.raises(ValueError, match="holds a value that is not finite"):
            kind.decode(patterns[number], (1,), one)


def test_every_byte_that_is_not_zero_is_true() -> None:
    found = decoded(spec_of("vector-bytes", (256,), dtype="bool"), {"x": bytes(range(256))})
    assert found.tolist() == [0] + [1] * 255


def test_integers_are_exact_up_to_the_limit() -> None:
    limit = [2**24, -(2**24), 2**24 - 1, 0]
    assert decoded(spec_of("numbers", (4,)), {"x": limit}).astype(np.int64).tolist() == limit
    columns = decoded(spec_of("columns", (2,), columns=("a", "b")), {"a": [2**24], "b": [-(2**24)]})
    assert columns.astype(np.int64).tolist() == [2**24, -(2**24)]


def test_examples_larger_than_allowed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what they become in memory: four bytes a number, however they are stored."""
    monkeypatch.setattr(spec_module, "MAX_EXAMPLE_BYTES", 64)
    for encoding, features in (
        ("vector", lambda count: {"x": np.ones(count, np.float32)}),
        ("numbers", lambda count: {"x": [1] * count}),
        ("vector-bytes", lambda count: {"x": bytes(count)}),
        ("vector-zlib", lambda count: {"x": zlib.compress(bytes(count))}),
    ):
        spec = spec_of(encoding, (None,), dtype="int8")
        assert decoded(spec, features(16)).shape == (16,)
        with pytest.raises(ValueError, match="the example claims to be 17: allowed are 1 byte to"):
            decoded(spec, features(17))


def test_a_zlib_stream_is_unpacked_no_further_than_allowed() -> None:
    bomb = zlib.compress(bytes(spec_module.MAX_EXAMPLE_BYTES + 1), 1)
    with pytest.raises(ValueError, match=r"its zlib stream holds more than 67,108,864 bytes"):
        INPUT_KINDS["vector-zlib"].shape(bomb, spec_of("vector-zlib", (None,)))


def test_pixels_as_integers() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    found = decoded(spec_of("pixels", (5, 4, 3)), {"x": image.ravel().tolist()})
    assert (found.dtype.name, found.tolist()) == ("uint8", image.tolist())
    for value in (-1, 256):
        with pytest.raises(ValueError, match=r"feature 'x' holds values from .*: pixels are 0 to 255"):
            decoded(spec_of("pixels", (5, 4, 3)), {"x": [value, *image.ravel().tolist()[1:]]})


def test_columns_in_their_order() -> None:
    spec = spec_of("columns", (3,), columns=("b", "a", "c"))
    features = {"a": np.array([0.5], np.float32), "b": [7], "c": np.array([-1.25], np.float32), "d": [9]}
    assert decoded(spec, features).tolist() == [7, 0.5, -1.25]


@pytest.mark.parametrize(
    ("spec", "features", "said"),
    [
        (spec_of("vector", (2, 3)), {"x": np.ones(5, np.float32)}, "holds 5 values, which do not fill 2x3"),
        (spec_of("vector", (None, 3)), {"x": np.ones(5, np.float32)}, r"holds 5 values, which do not fill \?x3"),
        (spec_of("vector", (3,)), {"x": np.ones(5, np.float32)}, "the example is 5, the schema says 3"),
        (spec_of("vector", (2,)), {"x": np.array([1, np.nan], np.float32)}, "holds a value that is not finite"),
        (
            spec_of("numbers", (2,)),
            {"x": [1, 2**24 + 1]},
            r"an integer beyond 2\^24, which float32 does not hold exactly",
        ),
        (spec_of("numbers", (2,)), {"x": [1, -(2**63)]}, r"an integer beyond 2\^24"),
        (spec_of("numbers", (2,)), {"x": b"12"}, "feature 'x' is bytes_list, int64_list is needed"),
        (spec_of("vector-bytes", (2,), dtype="float16"), {"x": b"123"}, "holds 3 bytes, which are no float16 values"),
        (
            spec_of("vector-bytes", (1,), dtype="float64"),
            {"x": np.array([1e300]).tobytes()},
            "holds a value that is not finite",
        ),
        (spec_of("vector-zlib", (2,)), {"x": zlib.compress(b"12345678")[:-1]}, "its zlib stream is cut"),
        (spec_of("columns", (2,), columns=("a", "b")), {"a": [1]}, "feature 'b' is missing"),
        (spec_of("columns", (1,), columns=("a",)), {"a": [1, 2]}, "feature 'a' holds 2 values, one is needed"),
        (spec_of("columns", (1,), columns=("a",)), {"a": [2**25]}, r"feature 'a' is 33554432, beyond 2\^24"),
        (
            spec_of("columns", (1,), columns=("a",)),
            {"a": np.array([np.inf], np.float32)},
            "feature 'a' is inf, which is not finite",
        ),
    ],
)
def test_bad_numbers_are_refused(spec: ExampleSpec, features: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decoded(spec, features)


@pytest.mark.parametrize("shape", [(), (2, None), (1,) * 9])
def test_shapes_that_no_list_can_have_are_refused(shape: tuple[int | None, ...]) -> None:
    with pytest.raises(SourceError, match="1 to 8 dimensions are needed, and all sizes but the first"):
        INPUT_KINDS["vector"].check(spec_of("vector", shape))
