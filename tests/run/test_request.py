"""Requests: options that nothing would look at are refused."""

from typing import Any

import pytest

from mixup_pipeline.config import MixConfig
from mixup_pipeline.config.registry import IMAGE_FORMATS
from mixup_pipeline.errors import UsageError
from mixup_pipeline.run.request import check_used
from mixup_pipeline.sources.source import Source, SourceFile
from mixup_pipeline.spec import ExampleSpec


def source(encoding: str, shape: tuple[int, ...], group_key: str = "") -> Source:
    spec = ExampleSpec(input_key="x", label_key="y", encoding=encoding, shape=shape, num_classes=2, group_key=group_key)
    return Source(name="a", split="train", files=(SourceFile(position=0, name="a", path="a"),), spec=spec)


@pytest.mark.parametrize("encoding", ["vector", "numbers", "columns"])
@pytest.mark.parametrize("image_format", [name for name in IMAGE_FORMATS if name != "raw"])
def test_numbers_are_stored_as_no_images(encoding: str, image_format: str) -> None:
    with pytest.raises(UsageError, match=f"^--image-format {image_format}: feature 'x' holds no images: leave it out$"):
        check_used(source(encoding, (3,)), MixConfig(image_format=image_format))
    check_used(source(encoding, (3,)), MixConfig())


@pytest.mark.parametrize("encoding", ["encoded", "raw"])
@pytest.mark.parametrize("image_format", IMAGE_FORMATS)
def test_images_are_stored_in_any_format(encoding: str, image_format: str) -> None:
    check_used(source(encoding, (4, 4, 1)), MixConfig(image_format=image_format))


@pytest.mark.parametrize(
    ("group_key", "pairing", "is_used"),
    [
        *(("g", "any", False), ("g", "near-label", False), ("g", "cross-group", True), ("g", "within-group", True)),
        *(("", "any", True), ("", "cross-group", True)),
    ],
)
def test_a_group_is_for_pairings_that_look_at_it(group_key: str, pairing: str, is_used: bool) -> None:
    asked: Any = source("raw", (4, 4, 1), group_key), MixConfig(pairing=pairing)
    if is_used:
        check_used(*asked)
        return
    with pytest.raises(UsageError, match=f"--group-key is for .*: {pairing} does not look at groups"):
        check_used(*asked)
