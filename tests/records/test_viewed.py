"""Applying views, against a plain loop; and which stored views are refused."""

from typing import Any

import numpy as np
import pytest

from mixup_pipeline.mixing.views import BASE, PAD, draw_views
from mixup_pipeline.records.resize import scaled
from mixup_pipeline.records.viewed import apply_views, check_view


def by_hand(image: Any, view: Any) -> Any:
    """One view of one image, pixel by pixel where no box is scaled."""
    flip, top, left, height, width = view
    if (height, width) == image.shape[:2]:
        made = np.zeros_like(image)
        made[..., 3:] = 255
        for row in range(height):
            for column in range(width):
                y, x = row + top - PAD, column + left - PAD
                if 0 <= y < height and 0 <= x < width:
                    made[row, column] = image[y, x]
    else:
        box = image[top - PAD : top - PAD + height, left - PAD : left - PAD + width]
        made = scaled(box.copy(), image.shape[:2])
    return made[:, ::-1] if flip else made


@pytest.mark.parametrize("shape", [(9, 12, 1), (9, 12, 4), (70, 90, 3), (66, 40, 4)])
def test_views_are_those_made_by_hand(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, *shape), np.uint8)
    views = draw_views(0, 40, augment=("flip", "crop"), shape=shape, seed=1, copy=0, use=BASE)
    before = images.copy()
    found = apply_views(images, views)
    assert (images == before).all()
    assert found.dtype == np.uint8
    for image, view, made in zip(images, views.tolist(), found, strict=True):
        assert (made == by_hand(image, view)).all()
        check_view(np.array(view), shape)


@pytest.mark.parametrize(
    "view",
    [
        [2, 4, 4, 10, 10],
        [0, 9, 4, 10, 10],
        [0, -1, 4, 10, 10],
        [0, 4, 4, 0, 10],
        [0, 3, 4, 5, 5],
        [0, 4, 10, 5, 5],
        [0, 4, 4, 11, 10],
    ],
)
def test_views_outside_of_the_image_are_refused(view: list[int]) -> None:
    with pytest.raises(ValueError, match="does not lie in an image of 10x10"):
        check_view(np.array(view), (10, 10, 3))


@pytest.mark.parametrize("view", [[1, 4, 4, 10, 10], [0, 0, 8, 10, 10], [0, 4, 9, 5, 5], [0, 13, 4, 1, 10]])
def test_views_inside_are_not(view: list[int]) -> None:
    check_view(np.array(view), (10, 10, 3))
