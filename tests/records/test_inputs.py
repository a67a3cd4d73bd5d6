"""Input kinds: the shapes that a schema may give for each of them."""

import re

import pytest

from mixup_pipeline.config.registry import INPUT_KINDS
from mixup_pipeline.errors import SourceError
from mixup_pipeline.spec import ExampleSpec


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
    ],
)
def test_good_shapes_are_accepted(encoding: str, shape: tuple[int | None, ...]) -> None:
    INPUT_KINDS[encoding].check(spec_of(encoding, shape))


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
        INPUT_KINDS[encoding].check(spec_of(encoding, shape))
