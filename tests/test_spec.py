"""The spec of a source's examples: the shapes that it allows and refuses."""

from typing import Any

import pytest

from mixup_pipeline.config.registry import INPUT_KINDS
from mixup_pipeline.spec import ExampleSpec, check_size, counted, shape_text


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


@pytest.mark.parametrize(
    ("encoding", "shape", "size"),
    [
        ("raw", (28, 28, 1), 784),
        ("encoded", (224, 224, 3), 150_528),
        ("vector", (512,), 2048),
        ("numbers", (8, 4), 128),
    ],
)
def test_example_bytes(encoding: str, shape: tuple[int, ...], size: int) -> None:
    assert INPUT_KINDS[encoding].example_bytes(shape) == size


def test_examples_that_are_too_large_are_refused() -> None:
    check_size((1 << 24,), 4)
    for shape, value_bytes in (((1 << 24, 2), 4), ((1 << 26, 2), 1), ((0, 3), 4)):
        with pytest.raises(ValueError, match="allowed are 1 byte to 64 MiB decoded"):
            check_size(shape, value_bytes)


@pytest.mark.parametrize(("shape", "text"), [((28, 28, 1), "28x28x1"), ((None, None, 3), "?x?x3"), ((5,), "5")])
def test_shape_text(shape: tuple[int | None, ...], text: str) -> None:
    assert shape_text(shape) == text


@pytest.mark.parametrize(
    ("count", "noun", "said"),
    [
        (0, "file", "0 files"),
        (1, "file", "1 file"),
        (1200, "file", "1,200 files"),
        (1, "class", "1 class"),
        (2, "class", "2 classes"),
    ],
)
def test_counts(count: int, noun: str, said: str) -> None:
    assert counted(count, noun) == said
