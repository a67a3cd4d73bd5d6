"""Bringing images to a size, beside float64: exact area averages, bicubic, centred boxes; no aliasing, no bleeding."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mixup_pipeline.records import resize
from mixup_pipeline.records.resize import centred_box, inner_size, resized, scaled
from tests.datasets import random_images

Pixels = npt.NDArray[np.uint8]
Exact = npt.NDArray[np.float64]

ODD_SIZES = [(1, 1), (1, 500), (500, 1), (33, 32), (32, 33), (4000, 3), (3, 4000), (375, 500), (2, 2), (97, 101)]
TARGETS = [(224, 224), (32, 32), (7, 5), (1, 1), (64, 31)]


def area_weights(found: int, target: int) -> Exact:
    """(target, found): the part of each pixel that lies in each of the target's equal parts."""
    edges = np.arange(target + 1) * found / target
    low = np.maximum(edges[:-1, None], np.arange(found))
    high = np.minimum(edges[1:, None], np.arange(found) + 1)
    return np.maximum(high - low, 0) * target / found


def cubic_weights(found: int, target: int) -> Exact:
    """(target, found): bicubic with a = −0.75 around the centre of each pixel; the border is repeated."""
    weights = np.zeros((target, found))
    for row in range(target):
        centre = (row + 0.5) * found / target - 0.5
        for pixel in range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3):
            x, a = abs(centre - pixel), -0.75
            weight = ((a + 2) * x - (a + 3)) * x * x + 1 if x <= 1 else ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
            weights[row, min(max(pixel, 0), found - 1)] += weight
    return weights


def exactly(image: Pixels, size: tuple[int, int]) -> Exact:
    """The image brought to a size in float64: shrinking first, then enlarging; cut to 0 to 255 after each."""
    made = image.astype(np.float64)
    small = tuple(min(sides) for sides in zip(image.shape, size, strict=False))
    for target, weights in ((small, area_weights), (size, cubic_weights)):
        for axis in range(2):
            if made.shape[axis] != target[axis]:
                made = np.moveaxis(np.tensordot(weights(made.shape[axis], target[axis]), made, (1, axis)), 0, axis)
        made = np.clip(made, 0, 255)
    return made


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("size", ODD_SIZES, ids=str)
def test_scaling_equals_area_averages_and_bicubic_in_float64(size: tuple[int, int], target: tuple[int, int]) -> None:
    image = random_images(1, (*size, 3))[0]
    found = scaled(image, target)
    assert found.shape == (*target, 3)
    grows = size[0] < target[0] or size[1] < target[1]
    assert np.abs(found - exactly(image, target)).max() <= (2.5 if grows else 1)  # OpenCV's bicubic has 11 bits


@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 70), st.integers(1, 70), st.sampled_from([1, 3]))
@example(64, 64, 32, 32, 3)
@example(63, 64, 31, 32, 3)
@example(64, 64, 32, 48, 1)
@example(60, 64, 15, 32, 1)
def test_averaging_in_float32_gives_the_same(h: int, w: int, height: int, width: int, channels: int) -> None:
    image = random_images(1, (h, w, channels))[0]
    with pytest.MonkeyPatch.context() as patch:
        found = scaled(image, (height, width))
        patch.setattr(resize, "_MOST_FLOATS", 0)
        assert (found == scaled(image, (height, width))).all()


@pytest.mark.parametrize("side", [224, 100, 64, 37])
def test_a_checkerboard_of_pixels_becomes_flat_grey(side: int) -> None:
    board = (np.indices((448, 448)).sum(0) % 2 * 255).astype(np.uint8)[:, :, None]
    found = scaled(board, (side, side)).astype(float)
    assert np.abs(found - exactly(board, (side, side))).max() <= 1
    assert np.abs(found.mean() - 127.5) < 1
    if 448 % (2 * side) == 0:
        assert np.ptp(found) == 0


def test_a_zone_plate_shows_no_rings_that_are_not_there() -> None:
    """Its frequency grows from the centre; where it is above what 128 pixels can hold, grey is left."""
    y, x = np.indices((1024, 1024)) - 511.5
    plate = np.rint(127.5 + 127.5 * np.cos(np.pi * (x * x + y * y) / 1024)).astype(np.uint8)[:, :, None]
    found = scaled(plate, (128, 128)).astype(float)[..., 0]
    assert np.abs(found - exactly(plate, (128, 128))[..., 0]).max() <= 1
    skipped = plate[4::8, 4::8, 0].astype(float)  # what taking every eighth pixel gives
    far = np.hypot(*(np.indices((128, 128)) - 63.5)) > 60
    assert found[far].std() < 0.2 * skipped[far].std()


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("size", ODD_SIZES, ids=str)
def test_a_crop_is_the_largest_centred_box(size: tuple[int, int], target: tuple[int, int]) -> None:
    top, left, height, width = centred_box(size, target)
    bottom, right = size[0] - top - height, size[1] - left - width
    assert min(top, left, bottom, right) >= 0
    assert min(height, width) >= 1
    assert 0 <= bottom - top <= 1  # the centre moves by half a pixel at most
    assert 0 <= right - left <= 1
    assert height == size[0] or width == size[1]
    assert abs(height * target[1] - width * target[0]) <= max(target) / 2 or 1 in (height, width)
    image = random_images(1, (*size, 1))[0]
    cut = image[top : top + height, left : left + width]
    assert (resized(image, target, "crop") == scaled(cut, target)).all()


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("size", ODD_SIZES, ids=str)
def test_padding_keeps_all_and_fills_with_black(size: tuple[int, int], target: tuple[int, int]) -> None:
    image = random_images(1, (*size, 3))[0] | 1  # no black in it
    found, (height, width) = resized(image, target, "pad"), inner_size(size, target)
    assert height == target[0] or width == target[1]
    top, left = (target[0] - height) // 2, (target[1] - width) // 2
    assert (found[top : top + height, left : left + width] == scaled(image, (height, width))).all()
    found[top : top + height, left : left + width] = 0
    assert not found.any()


@pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
def test_an_image_of_the_size_is_left_alone(how: str) -> None:
    image = random_images(1, (33, 32, 4))[0]
    assert resized(image, (33, 32), how) is image


def test_padding_of_rgba_is_opaque() -> None:
    found = resized(np.zeros((4, 8, 4), np.uint8), (8, 8), "pad")
    assert (found[:2, :, 3] == 255).all()
    assert (found[2:6, :, 3] == 0).all()


@pytest.mark.parametrize("size", [(16, 16), (5, 7), (90, 70)], ids=str)
def test_what_transparent_pixels_hide_does_not_show(size: tuple[int, int]) -> None:
    """The left half is opaque blue, the right half hides red."""
    image = np.zeros((48, 48, 4), np.uint8)
    image[:, :24] = (0, 0, 200, 255)
    image[:, 24:] = (255, 0, 0, 0)
    found = scaled(image, size)
    seen = found[..., 3] > 8
    assert seen.any()
    assert found[seen][:, 0].max() <= 2
    assert np.abs(found[seen][:, 2].astype(int) - 200).max() <= 2


def test_opacity_is_averaged_too() -> None:
    image = np.zeros((2, 2, 4), np.uint8)
    image[0] = (10, 20, 30, 255)
    assert scaled(image, (1, 1)).tolist() == [[[10, 20, 30, 128]]]


@pytest.mark.parametrize("size", [(24, 20), (50, 61), (90, 31)], ids=str)
def test_every_thread_gives_the_same(size: tuple[int, int]) -> None:
    """OpenCV keeps for each thread whether it uses IPP, which rounds otherwise."""
    images = random_images(20, (37, 53, 3))
    expected = [scaled(image, size) for image in images]
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda image: scaled(image, size), images))
    assert (np.array(found) == np.array(expected)).all()
