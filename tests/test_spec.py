"""The spec of a source's examples: which shapes it allows, which it refuses."""

import re
from typing import Any

import pytest

from mixup_pipeline.errors import SourceError
from mixup_pipeline.spec import ExampleSpec, example_bytes, shape_text


def spec_of(**changes: Any) -> ExampleSpec:
    fields = {
        "input_key": "image",
        "label_key": "label",
        "encoding": "encoded",
        "shape": (28, 28, 1),
        "num_classes": 10,
    }
    return ExampleSpec(**{**fields, **changes})


@pytest.mark.parametrize(
    ("encoding", "shape"),
    [
        ("encoded", (None, None, 3)),
        ("encoded", (None, None, None)),
        ("encoded", (28, 28, 1)),
        ("raw", (8, 9, 4)),
        ("vector", (None,)),
        ("vector", (512,)),
    ],
)
def test_good_shapes_are_accepted(encoding: str, shape: tuple[int | None, ...]) -> None:
    assert spec_of(encoding=encoding, shape=shape).shape == shape


@pytest.mark.parametrize(
    ("encoding", "shape", "message"),
    [
        ("encoded", (28, 28), "feature 'image' has shape (28, 28): rank 3 is needed"),
        ("raw", (784,), "feature 'image' has shape (784,): rank 3 is needed"),
        ("vector", (28, 28, 1), "feature 'image' has shape (28, 28, 1): rank 1 is needed"),
        ("vector", (), "feature 'image' has shape (): rank 1 is needed"),
        ("encoded", (28, 28, 2), "feature 'image' has 2 channels: allowed are 1, 3 and 4"),
        ("raw", (28, 28, 5), "feature 'image' has 5 channels: allowed are 1, 3 and 4"),
        ("raw", (28, None, 1), "feature 'image' holds raw bytes, so its schema must give the whole shape"),
        ("raw", (28, 28, None), "feature 'image' holds raw bytes, so its schema must give the whole shape"),
    ],
)
def test_bad_shapes_are_refused(encoding: str, shape: tuple[int | None, ...], message: str) -> None:
    with pytest.raises(SourceError, match=f"^{re.escape(message)}$"):
        spec_of(encoding=encoding, shape=shape)


@pytest.mark.parametrize(
    ("allowed", "shape", "fits"),
    [
        ((28, 28, 1), (28, 28, 1), True),
        ((28, 28, 1), (28, 28, 3), False),
        ((28, 28, 1), (28, 27, 1), False),
        ((None, None, 3), (5, 7, 3), True),
        ((None, None, 3), (5, 7, 1), False),
        ((None, None, None), (5, 7, 4), True),
        ((5, None, 3), (6, 7, 3), False),
    ],
)
def test_fits(allowed: tuple[int | None, ...], shape: tuple[int, ...], fits: bool) -> None:
    assert spec_of(shape=allowed).fits(shape) == fits


def test_a_vector_spec_fits_vectors_only() -> None:
    spec = spec_of(encoding="vector", shape=(None,))
    assert spec.fits((5,))
    assert not spec.fits((5, 1, 1))


@pytest.mark.parametrize(("shape", "size"), [((28, 28, 1), 784), ((224, 224, 3), 150_528), ((512,), 2048)])
def test_example_bytes(shape: tuple[int, ...], size: int) -> None:
    assert example_bytes(shape) == size


@pytest.mark.parametrize(("shape", "text"), [((28, 28, 1), "28x28x1"), ((None, None, 3), "?x?x3"), ((5,), "5")])
def test_shape_text(shape: tuple[int | None, ...], text: str) -> None:
    assert shape_text(shape) == text
