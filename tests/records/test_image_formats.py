"""Stored images: lossless ones are exact, lossy ones are near and made alike every time."""

import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline.config.mix import LOSSY_FORMATS
from mixup_pipeline.config.registry import IMAGE_FORMATS
from mixup_pipeline.records.images import decode, image_facts
from mixup_pipeline.records.layout import Layout
from mixup_pipeline.spec import ExampleSpec
from tests.datasets import random_images

FILES = [name for name, kind in IMAGE_FORMATS.items() if kind.content == "file"]
LOSSY = [name for name, kind in IMAGE_FORMATS.items() if kind.lossy]


def smooth(channels: int) -> npt.NDArray[np.uint8]:
    y, x = np.mgrid[:64, :48]
    return np.stack([2 * x + 30, y + 60, x + y + 20, 255 - y], axis=-1)[..., :channels].astype(np.uint8)


def layout_of(name: str, shape: tuple[int, ...], quality: int | None = None) -> Layout:
    return Layout(
        shape=shape, num_classes=2, label_kind="class", label_format="dense", image_format=name, quality=quality
    )


def test_the_formats_are_those_that_the_options_name() -> None:
    assert tuple(LOSSY) == LOSSY_FORMATS
    assert ["png", *LOSSY] == FILES


@pytest.mark.parametrize(
    ("name", "channels"),
    [(name, channels) for name in FILES for channels in ((1, 3) if IMAGE_FORMATS[name].opaque else (1, 3, 4))],
)
def test_a_stored_image_is_near_the_mixed_one(name: str, channels: int) -> None:
    image = smooth(channels)
    layout = layout_of(name, image.shape, 95)
    file = layout.encoded(image)
    assert file == layout.encoded(image.copy())
    assert image_facts(file).format.lower() == name
    assert layout.is_stored_as(layout.input_kind.shape(file, _spec(image.shape)))
    error = np.abs(decode(file, image.shape).astype(int) - image)
    assert error.max() == 0 if name == "png" else error.mean() < 2


def _spec(shape: tuple[int, ...]) -> ExampleSpec:
    return ExampleSpec(input_key="image", label_key="label", encoding="encoded", shape=shape, num_classes=2)


@pytest.mark.parametrize("name", LOSSY)
def test_quality_is_paid_in_bytes(name: str) -> None:
    image = random_images(1, (64, 48, 3))[0]
    sizes = [len(layout_of(name, image.shape, quality).encoded(image)) for quality in (10, 50, 95, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] / 2


def test_webp_alone_may_hold_rgb_where_grey_or_opaque_rgba_was_mixed() -> None:
    for channels in (1, 4):
        assert layout_of("webp", (8, 8, channels)).is_stored_as((8, 8, 3))
        assert not layout_of("png", (8, 8, channels)).is_stored_as((8, 8, 3))
    assert not layout_of("webp", (8, 8, 3)).is_stored_as((8, 8, 1))
    assert not layout_of("webp", (8, 8, 3)).is_stored_as((8, 7, 3))


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("jpeg", (8, 8, 4), "--image-format jpeg has no transparency, and examples are RGBA: use --channels 3"),
        ("jpeg", (65_501, 1, 3), "holds at most 65,500 pixels a side, and examples are 65501x1x3"),
        ("webp", (1, 16_384, 3), "holds at most 16,383 pixels a side"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(name: str, shape: tuple[int, int, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        IMAGE_FORMATS[name].check(name, shape)


@pytest.mark.parametrize("name", IMAGE_FORMATS)
def test_usual_images_are_allowed(name: str) -> None:
    IMAGE_FORMATS[name].check(name, (224, 224, 3))
