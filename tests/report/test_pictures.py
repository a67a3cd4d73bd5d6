"""The preview: it holds the pixels of the examples where they should be, for images of every kind."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline.report.pictures import beta, preview
from tests.datasets import random_images
from tests.report.shown import NAMES, mixed_example, overview_of

OVERVIEW = overview_of([(0, 1, 0.5)], num_classes=2)
RED, GREEN, BLUE, YELLOW, CYAN, PINK = (
    *((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)),
    *((0, 255, 255), (255, 0, 255)),
)
Colour = tuple[int, int, int]
INCH = 144
CODE = np.array([1 << 16, 1 << 8, 1])  # makes one number of a colour


def decoded(png: bytes) -> npt.NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert image is not None
    return image.astype(np.uint8)


def place(picture: npt.NDArray[np.uint8], colour: Colour) -> tuple[int, int, int, int]:
    """The left, top, width and height of all that has exactly this colour, which must be one whole rectangle."""
    rows, columns = np.nonzero(picture @ CODE == np.array(colour) @ CODE)
    left, top, width, height = columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1
    assert len(rows) == width * height
    return int(left), int(top), int(width), int(height)


def filled(shape: tuple[int, ...], colour: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    return np.full((*shape, len(colour)), colour, np.uint8)


def test_a_mixed_example_stands_left_of_its_base_above_its_partner() -> None:
    image = np.array([[RED, GREEN], [BLUE, YELLOW]], np.uint8)
    example = mixed_example(image, base=filled((2, 2), CYAN), partner=filled((2, 2), PINK))
    picture = decoded(preview(OVERVIEW, [example]))
    left, top, width, height = place(picture, RED)
    half = 1.5 * INCH / 2
    assert (width, height) == pytest.approx((half, half), abs=2)
    assert place(picture, GREEN)[:2] == pytest.approx((left + half, top), abs=2)
    assert place(picture, BLUE)[:2] == pytest.approx((left, top + half), abs=2)
    assert place(picture, YELLOW)[:2] == pytest.approx((left + half, top + half), abs=2)
    base, partner = place(picture, CYAN), place(picture, PINK)
    assert base[0] == partner[0] > left + 2 * half
    assert base[1] == pytest.approx(top, abs=2)
    assert base[1] + base[3] < partner[1]
    assert partner[1] + partner[3] <= top + 2 * half


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (filled((8, 8), (100,)), (100, 100, 100)),
        (filled((6, 5), RED), RED),
        (filled((32, 128), (*GREEN, 255)), GREEN),
        (filled((128, 32), (100,)), (100, 100, 100)),
        (filled((224, 224), BLUE), BLUE),
    ],
    ids=["grey 8x8", "rgb 6x5", "rgba 32x128", "grey 128x32", "rgb 224x224"],
)
def test_images_of_every_kind_keep_their_colour_and_their_shape(image: npt.NDArray[np.uint8], colour: Colour) -> None:
    _, _, width, height = place(decoded(preview(OVERVIEW, [mixed_example(image)])), colour)
    scale = 1.5 * INCH / max(image.shape[:2])
    assert (height, width) == pytest.approx((image.shape[0] * scale, image.shape[1] * scale), abs=2)


def test_what_is_seen_through_is_paper() -> None:
    picture = decoded(preview(OVERVIEW, [mixed_example(filled((4, 4), (*RED, 0)))]))
    assert not (picture == RED).all(axis=2).any()


@pytest.mark.parametrize("count", [1, 2, 9, 38])
def test_examples_stand_in_a_grid_in_their_order(count: int) -> None:
    """Each has a colour of its own."""
    colours = [(10, 40 + 5 * number, 200 - number) for number in range(count)]
    picture = decoded(preview(OVERVIEW, [mixed_example(filled((2, 2), colour)) for colour in colours]))
    corners = [place(picture, colour)[:2] for colour in colours]
    assert corners == sorted(corners, key=lambda corner: (corner[1], corner[0]))
    columns = {1: 1, 2: 2, 9: 3, 38: 6}[count]
    assert len({left for left, _ in corners}) == columns
    assert len({top for _, top in corners}) == -(-count // columns)


def test_names_of_every_kind_are_drawn_and_give_the_same_bytes_again() -> None:
    names = [*NAMES, "水" * 30, "𓀀"]
    overview = overview_of([(0, 1, 0.5)], num_classes=len(names), class_names=names)
    image = random_images(1, (6, 5, 3))[0]
    examples = [
        mixed_example(image, base=image, partner=image, class_ids=(n, n - 1), num_classes=len(names))
        for n in range(1, len(names))
    ]
    assert preview(overview, examples) == preview(overview, examples)


def test_soft_labels_and_unmixed_examples_are_drawn() -> None:
    image = random_images(1, (6, 5, 3))[0]
    soft = mixed_example(image, base=image, partner=image, class_ids=None, label=[0.5, 0.5])
    alone = mixed_example(image, base=image, partner=image, lam=1.0, alone=True)
    assert len({preview(OVERVIEW, [example]) for example in (soft, alone, mixed_example(image))}) == 3


def test_histograms_of_beta_stand_in_rows_of_three() -> None:
    sizes = {count: decoded(beta([0.1, 1, 1000, 0.001][:count], seed=0)).shape[:2] for count in (1, 4)}
    assert sizes[4][1] == pytest.approx(3 * sizes[1][1], abs=2)
    assert sizes[4][0] > 1.8 * sizes[1][0]
    assert beta([0.2], seed=0) == beta([0.2], seed=0) != beta([0.2], seed=1)
