"""Text for the terminal: small cases as literals, and names that must not leave their line."""

import numpy as np
import pytest

from mixup_pipeline.dataset.find import Appearance
from mixup_pipeline.report.text import beta_text, example_text, find_text, overview_text, shaded
from tests.datasets import random_images
from tests.report.shown import NAMES, mixed_example, overview_of, random_overview

ROWS = [(0, 1, 0.25), (1, 0, 0.5), (0, 0, 0.96875), (2, 1, 0.0078125), (1, 1, 1.0)]
INSECTS = ["ant", "bee", "a very long name of a class"]

OVERVIEW = """\
shards
  source    shapes train, 5 examples 6x5x1, 3 classes, 1 file
  mixing    λ ~ Beta(0.2, 0.2), pairing any, seed 0, 1 copy
  examples  5 (4 mixed, 1 left unmixed)
  unmixed   1 by --prob 0.8
  shards    1, 1.2 MB
  λ         mean 0.432, 50.0% nearly unmixed (below 0.05 or above 0.95; Beta expects 58.2%)
  verifies  yes, by names and sizes (mixup-verify shards checks every byte)

Mixing weight λ: share of mixed examples (| marks what Beta expects)
  0.00-0.05 ██████████████████████████████████      |  25.0%
  0.05-0.10       |                                     0.0%
  0.10-0.15     |                                       0.0%
  0.15-0.20    |                                        0.0%
  0.20-0.25    |                                        0.0%
  0.25-0.30 ███|██████████████████████████████         25.0%
  0.30-0.35   |                                         0.0%
  0.35-0.40   |                                         0.0%
  0.40-0.45   |                                         0.0%
  0.45-0.50   |                                         0.0%
  0.50-0.55 ██|███████████████████████████████         25.0%
  0.55-0.60   |                                         0.0%
  0.60-0.65   |                                         0.0%
  0.65-0.70   |                                         0.0%
  0.70-0.75    |                                        0.0%
  0.75-0.80    |                                        0.0%
  0.80-0.85    |                                        0.0%
  0.85-0.90     |                                       0.0%
  0.90-0.95       |                                     0.0%
  0.95-1.00 ██████████████████████████████████      |  25.0%

Class balance: share of examples before, of label mass after
                   ant ██████████████████████                    40.0% ->  35.0%
                   bee ████████████████████████████████████████  40.0% ->  64.8%
  a very long name of…                                           20.0% ->   0.2%

Class pairs: base class down, partner class across; 25.0% are pairs within a class
                    ant        bee a very lo…
         ant          1          1          0
         bee          1          0          0
  a very lo…          0          1          0"""

EXAMPLE = """\
shapes_mixup-train.tfrecord-00000-of-00001__7: example 7, copy 0
  base     0.75 of shapes-train.tfrecord-00000-of-00001__3 (ant)
  partner  0.25 of shapes-train.tfrecord-00000-of-00001__5 (bee)
  λ        0.75
  label    ant: 0.7500 · bee: 0.2500
  mixed    8x8x1 pixels from 0 to 252

  base       mixed      partner
  %%%%%%@@      .....   @@@%%%%%
  +++*****   ------==   ******++
  ------==   +++*****   ===-----
     .....   %%%%%%@@   ......"""


def test_the_summary() -> None:
    assert overview_text(overview_of(ROWS, num_classes=3, class_names=INSECTS, prob=0.8)) == OVERVIEW


@pytest.mark.parametrize(
    ("num_classes", "rows_of_balance", "rows_of_pairs"),
    [(2, 2, 3), (12, 12, 13), (13, 13, 9), (21, 20, 9), (200, 20, 9)],
)
def test_many_classes_are_cut_to_the_most_important(num_classes: int, rows_of_balance: int, rows_of_pairs: int) -> None:
    *_, balance, pairs = overview_text(random_overview(num_classes)).split("\n\n")
    assert len(balance.splitlines()) == 1 + rows_of_balance
    assert len(pairs.splitlines()) == 1 + rows_of_pairs


def test_the_most_frequent_pairs_are_shown() -> None:
    rows = [(3, 12, 0.5)] * 1200 + [(0, 0, 0.5)] * 3 + [(7, 1, 0.5)]
    assert overview_text(overview_of(rows, num_classes=13)).endswith(
        "Class pairs: base class down, partner class across; 0.2% are pairs within a class\n"
        "  3 of 169 pairs of classes occur; the most frequent are\n"
        "      1,200  3 + 12\n"
        "          3  0 + 0\n"
        "          1  7 + 1"
    )


def test_what_is_not_known_is_left_out() -> None:
    soft = overview_text(overview_of(ROWS, num_classes=3, soft=True))
    assert "Class" not in soft
    many = overview_text(random_overview(1001))
    assert "Class balance" in many
    assert "Class pairs" not in many
    nothing = overview_text(overview_of([(0, 0, 1.0)] * 3, num_classes=2, prob=0))
    assert "λ         none drawn: no example is mixed\n" in nothing
    assert "Mixing weight" not in nothing
    assert "Class pairs" not in nothing
    assert nothing.endswith(f"  0 {'█' * 40}   100% ->   100%\n  1 {' ' * 40}   0.0% ->   0.0%")


def test_faults_are_counted() -> None:
    assert "verifies  NO, 1 fault (" in overview_text(overview_of(ROWS, num_classes=3, faults=["one"]))
    assert "verifies  NO, 2 faults (" in overview_text(overview_of(ROWS, num_classes=3, faults=["one", "two"]))


@pytest.mark.parametrize("names", [NAMES[:8], NAMES[8:], ["水", "a"], ["水" * 40, "火"]])
def test_names_stay_in_their_line(names: list[str]) -> None:
    plain = random_overview(len(names), class_names=["x"] * len(names))
    text = overview_text(random_overview(len(names), class_names=names))
    assert len(text.split("\n")) == len(overview_text(plain).split("\n"))
    assert all(line.isprintable() for line in text.split("\n"))
    assert max(map(len, text.split("\n"))) < 110
    found = Appearance(shard="s", record=3, copy=1, role="base", lam=0.5, weight=0.5, other=names[0], other_class=1)
    example = mixed_example(random_images(1, (6, 5, 1))[0])
    overview = random_overview(len(names), class_names=names)
    for shown in (find_text(overview, names[1], [found]), example_text(overview, example)):
        assert all(line.isprintable() for line in shown.split("\n"))


# Where an example went


def test_where_an_example_went() -> None:
    overview = overview_of(ROWS, num_classes=3, class_names=INSECTS)
    same = {"shard": "s", "lam": 0.75, "weight": 0.75, "other": "f__5", "other_class": 1}
    found = [
        Appearance(record=3, copy=0, role="base", **same),  # type: ignore[arg-type]
        Appearance(record=4, copy=2, role="partner", **{**same, "weight": 0.25, "other_class": None}),  # type: ignore[arg-type]
        Appearance(record=5, copy=0, role="unmixed", **{**same, "weight": 1.0}),  # type: ignore[arg-type]
        Appearance(record=6, copy=None, role="original", **{**same, "weight": 1.0}),  # type: ignore[arg-type]
    ]
    assert find_text(overview, "f__3", found) == (
        "f__3 is in 4 of 5 outputs\n"
        "  s__3  copy 0, as base, weight 0.7500 with 0.2500 of f__5 (bee)\n"
        "  s__4  copy 2, as partner, weight 0.2500 with 0.7500 of f__5\n"
        "  s__5  copy 0, as unmixed, weight 1.0000\n"
        "  s__6  as original, weight 1.0000"
    )
    assert (
        find_text(overview, "f__9", [])
        == "f__9 is in none of the 5 outputs: it was left out by --limit, or skipped as bad"
    )


# One example


def test_an_example_explained() -> None:
    image = (np.arange(64).reshape(8, 8, 1) * 4).astype(np.uint8)
    overview = overview_of(ROWS, num_classes=3, class_names=INSECTS)
    assert example_text(overview, mixed_example(image, base=image[::-1], partner=255 - image)) == EXAMPLE


@pytest.mark.parametrize(
    ("copy", "alone", "said"),
    [(0, False, "copy 0"), (1, True, "copy 1, left unmixed"), (None, True, "an original, unmixed")],
)
def test_kinds_of_examples(copy: int | None, alone: bool, said: str) -> None:
    example = mixed_example(random_images(1, (6, 5, 1))[0], copy=copy, alone=alone, lam=1.0)
    first = example_text(overview_of(ROWS, num_classes=3), example).split("\n")[0]
    assert first == f"shapes_mixup-train.tfrecord-00000-of-00001__7: example 7, {said}"


def test_a_vector_with_a_soft_label() -> None:
    example = mixed_example(np.arange(10, dtype=np.float32) / 3, class_ids=None, label=[0.1, 0.2, 0.7], lam=0.1)
    assert example_text(overview_of(ROWS, num_classes=3, soft=True), example).split("\n")[1:] == [
        "  base     0.1 of shapes-train.tfrecord-00000-of-00001__3",
        "  partner  0.9 of shapes-train.tfrecord-00000-of-00001__5",
        "  λ        0.1",
        "  label    2: 0.7000 · 1: 0.2000 · 0: 0.1000",
        "  mixed    10 values: 0, 0.333333, 0.666667, 1, 1.33333, 1.66667, 2, 2.33333, …",
    ]


@pytest.mark.parametrize("width", [1, 4, 5, 40])
def test_titles_stand_over_their_pictures(width: int) -> None:
    image = np.full((8, width, 1), 255, np.uint8)
    lines = example_text(overview_of(ROWS, num_classes=3), mixed_example(image, base=image, partner=image)).split("\n")
    assert lines[-2].rfind(" @") == lines[7].rfind(" p")


@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [
        *(((8, 8, 1), 4, 8), ((6, 5, 3), 3, 5), ((28, 28, 1), 14, 28), ((32, 128, 3), 4, 28), ((128, 32, 4), 56, 28)),
        *(((224, 224, 3), 14, 28), ((1, 1, 1), 1, 1), ((1, 300, 1), 1, 28), ((300, 1, 1), 150, 1), ((7, 29, 1), 4, 28)),
    ],
)
def test_pictures_in_characters_keep_their_shape(shape: tuple[int, int, int], rows: int, columns: int) -> None:
    lines = shaded(random_images(1, shape)[0])
    assert [len(line) for line in lines] == [columns] * rows


def test_the_brighter_the_denser() -> None:
    ramp = (np.arange(10) * 26).astype(np.uint8)[None, :, None].repeat(2, axis=0)
    assert shaded(ramp) == [" .:-=+*#%@"]
    assert shaded(ramp.repeat(3, axis=2)) == shaded(ramp)
    assert shaded(np.concatenate([ramp.repeat(3, axis=2), np.full_like(ramp, 255)], axis=2)) == shaded(ramp)
    assert shaded(np.full((2, 5, 4), (255, 255, 255, 0), np.uint8)) == ["     "]  # seen through
    assert shaded(np.full((2, 5, 1), 255, np.uint8)) == ["@@@@@"]


def test_what_each_alpha_does() -> None:
    assert beta_text([0.1, 1, 8]) == (
        "  alpha   λ nearly unmixed (below 0.05 or above 0.95)   λ between 0.3 and 0.7\n"
        "  0.1      75.5%                                          7.4%\n"
        "  1        10.0%                                         40.0%\n"
        "  8       <0.0001%                                         90.0%"
    )
