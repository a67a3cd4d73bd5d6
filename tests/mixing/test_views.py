"""How views are drawn: their distribution, and that shards draw their own."""

from fractions import Fraction

import numpy as np
import pytest

from mixup_pipeline.mixing.views import BASE, PAD, PARTNER, draw_views, whole

KEY = {"seed": 3, "copy": 1, "use": BASE}
BOTH = ("flip", "crop")


def test_nothing_asked_is_the_whole_image() -> None:
    views = draw_views(5, 9, augment=(), shape=(28, 20, 1), **KEY)
    assert views.tolist() == [[0, PAD, PAD, 28, 20]] * 4
    assert (views == whole(4, (28, 20, 1))).all()


@pytest.mark.parametrize("shape", [(32, 32, 3), (100, 60, 3)])
def test_ranges_draw_the_same_as_all_of_it(shape: tuple[int, ...]) -> None:
    all_of_it = draw_views(0, 40_000, augment=BOTH, shape=shape, **KEY)
    for start, stop in ((0, 1), (16_000, 17_000), (39_999, 40_000)):
        assert (draw_views(start, stop, augment=BOTH, shape=shape, **KEY) == all_of_it[start:stop]).all()


@pytest.mark.parametrize("other", [{"seed": 4}, {"copy": 2}, {"use": PARTNER}])
def test_seed_copy_and_use_draw_others(other: dict[str, int]) -> None:
    one, two = (draw_views(0, 500, augment=BOTH, shape=(32, 32, 3), **key) for key in (KEY, {**KEY, **other}))
    assert 0.3 < (one[:, 0] != two[:, 0]).mean() < 0.7
    assert (one[:, 1] != two[:, 1]).mean() > 0.7


def test_half_are_flipped_and_shifts_are_uniform() -> None:
    views = draw_views(0, 90_000, augment=BOTH, shape=(32, 32, 3), **KEY)
    assert abs(views[:, 0].mean() - 0.5) < 5 * 0.5 / 300
    for column in (1, 2):
        counts = np.bincount(views[:, column])
        assert len(counts) == 9
        assert abs(counts - 10_000).max() < 5 * 95
    assert abs(np.corrcoef(views[:, :3].T) - np.eye(3)).max() < 0.02
    assert (views[:, 3:] == 32).all()


def test_boxes_of_larger_images_are_those_that_are_said() -> None:
    views = draw_views(0, 50_000, augment=("crop",), shape=(200, 300, 3), **KEY)
    assert (views[:, 0] == 0).all()
    top, left, height, width = (views[:, 1:] - (PAD, PAD, 0, 0)).T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 200).all()
    assert (left + width <= 300).all()
    area, ratio = height * width / 60_000, (width / 300) / (height / 200)
    assert area.min() > 0.33
    assert 0.6 < area.mean() < 0.7  # uniform from 0.35 to 1, but for what is cut at the border
    assert float(Fraction(3, 4)) * 0.97 < ratio.min()
    assert ratio.max() < float(Fraction(4, 3)) * 1.03
    assert abs((ratio > 1).mean() - 0.5) < 0.02
    movable = height < 190
    assert (top[movable] / (200 - height[movable])).mean() == pytest.approx(0.5, abs=0.02)


def test_the_first_ones_stay_for_ever() -> None:
    small = draw_views(0, 3, augment=BOTH, shape=(28, 28, 1), **KEY)
    large = draw_views(0, 3, augment=BOTH, shape=(224, 224, 3), **KEY)
    assert small.tolist() == SMALL
    assert large.tolist() == LARGE


SMALL = [[0, 4, 5, 28, 28], [1, 4, 2, 28, 28], [1, 6, 5, 28, 28]]
LARGE = [[0, 46, 48, 140, 150], [1, 21, 25, 190, 149], [1, 42, 10, 173, 213]]
