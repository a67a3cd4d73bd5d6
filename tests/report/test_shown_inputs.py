"""What is shown of an input: a large image smaller, what is transparent over squares, a vector as a line."""

import numpy as np
import pytest

from mixup_pipeline.report.shown_inputs import shown_image, shown_line, value_range


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((3000, 4000, 3), (420, 560, 3)),
        ((4000, 30, 1), (560, 4, 1)),
        ((1, 900, 3), (1, 560, 3)),
        ((8, 8, 1), (8, 8, 1)),
    ],
)
def test_large_images_are_shrunk_to_what_is_shown(shape: tuple[int, ...], size: tuple[int, ...]) -> None:
    assert shown_image(np.zeros(shape, np.uint8), 560).shape == size


def test_shrinking_averages_areas() -> None:
    checks = np.indices((400, 400)).sum(0) % 2 * 255
    shown = shown_image(np.repeat(checks[..., None], 3, 2).astype(np.uint8), 100)
    assert abs(shown.astype(int) - 127.5).max() <= 1  # no pattern is left


def test_small_images_are_shown_as_they_are() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)
    assert (shown_image(image, 560) == image).all()


def test_what_is_transparent_shows_squares() -> None:
    image = np.zeros((16, 16, 4), np.uint8)
    image[:8, :, 3] = 255  # the upper half is black
    image[8:, :, :3] = 77  # hidden
    shown = shown_image(image, 560)
    assert shown.shape == (16, 16, 3)
    assert (shown[:8] == 0).all()
    assert set(np.unique(shown[8:])) == {200, 255}


def test_a_vector_is_a_line_within_the_square() -> None:
    vectors = [np.array([-2, 0, 6], np.float32), np.array([1, 2, 3], np.float32)]
    low, high = value_range(vectors)
    assert (low, high) == (-2, 6)
    assert shown_line(vectors[0], low, high).tolist() == [[0, 0], [0.5, 0.25], [1, 1]]
    assert shown_line(np.full(3, 5, np.float32), 5, 5)[:, 1].tolist() == [0, 0, 0]
    assert shown_line(np.array([4], np.float32), 0, 8).tolist() == [[0.5, 0.5]]


def test_of_a_long_vector_the_means_are_shown() -> None:
    line = shown_line(np.arange(100_000, dtype=np.float32), 0, 99_999)
    assert line.shape == (400, 2)
    assert (np.diff(line[:, 1]) > 0).all()
