"""The page: sound HTML that loads nothing, whatever the names, with and without parents, classes, mixed examples."""

import base64
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline.dataset.lam_fit import LamFit
from mixup_pipeline.dataset.mixed_examples import MixedExample
from mixup_pipeline.dataset.overview import Overview
from mixup_pipeline.records.images import decode
from mixup_pipeline.report.html import image_uri
from mixup_pipeline.report.page import page
from mixup_pipeline.report.words import one_line
from tests.datasets import random_images
from tests.helpers import decoded
from tests.report.shown import NAMES, mixed_example, overview_of, random_overview

_VOID = ("meta", "img", "br", "source")
IMAGES = random_images(3, (6, 5, 3))


class Parsed(HTMLParser):
    """The parts of a page; every element must be closed where HTML wants that."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)
            self.texts.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and self.texts[-1][0] == self.open[-1]:
            self.texts[-1] = (self.open[-1], self.texts[-1][1] + data)

    def all(self, tag: str) -> list[str]:
        return [text for found, text in self.texts if found == tag]

    def attributes(self, key: str) -> list[str]:
        return [str(attributes[key]) for _, attributes in self.elements if key in attributes]


def parsed(overview: Overview, examples: list[MixedExample], lam_fit: LamFit | None = None) -> Parsed:
    return Parsed(page(overview, examples, lam_fit))


def with_parents(**more: Any) -> MixedExample:
    return mixed_example(IMAGES[0], base=IMAGES[1], partner=IMAGES[2], **more)


def pixels(uri: str) -> npt.NDArray[np.uint8]:
    return decoded(base64.b64decode(uri.removeprefix("data:image/png;base64,"), validate=True), 3)


def test_the_page_shows_examples_with_their_parents_and_loads_nothing() -> None:
    found = parsed(random_overview(3), [with_parents(num_classes=3), with_parents(num_classes=3, lam=1.0, alone=True)])
    images = [attributes for tag, attributes in found.elements if tag == "img"]
    for shown, image in zip(images[:6], [*IMAGES, *IMAGES], strict=True):
        assert (pixels(str(shown["src"])) == image).all()
    assert [shown["alt"] for shown in images[:3]] == [
        "Mixed example: 0: 0.75 · 1: 0.25",
        "Its base, weight 0.75: class 0",
        "Its partner, weight 0.25: class 1",
    ]
    assert all(shown["alt"] for shown in images)
    assert found.all("h3") == ["Mixing weight λ", "Class balance", "Class pairs"]
    assert len(images) == 6 + 3
    loaded = found.attributes("src") + found.attributes("srcset")
    assert len(loaded) == 6 + 3 + 3
    assert all(uri.startswith(("data:image/png;base64,", "data:image/svg+xml;base64,")) for uri in loaded)
    assert found.attributes("href") == ["#content"]
    assert not {"script", "link", "iframe"} & {tag for tag, _ in found.elements}
    assert "Too few λ lie inside (0.000001, 0.999999) for a Kolmogorov–Smirnov test." in found.all("figcaption")


def test_a_page_without_the_source_names_the_parents() -> None:
    found = parsed(random_overview(3), [mixed_example(IMAGES[0], num_classes=3)])
    assert "The source was not found, so the parents are named below, not shown." in found.all("p")
    codes = found.all("code")
    assert "shapes-train.tfrecord-00000-of-00001__…" in codes  # what all parents' ids begin with, once
    assert "3" in codes
    assert len([tag for tag, _ in found.elements if tag == "img"]) == 1 + 3


@pytest.mark.parametrize(
    ("overview", "example", "titles"),
    [
        (random_overview(2, soft=True), with_parents(class_ids=None, label=[0.5, 0.5]), ["Mixing weight λ"]),
        (overview_of([(0, 1, 1.0)] * 3, num_classes=2, prob=0), with_parents(lam=1.0, alone=True), ["Class balance"]),
        (random_overview(1001), with_parents(num_classes=1001), ["Mixing weight λ", "Class balance"]),
        (
            random_overview(31),
            mixed_example(np.ones(7, np.float32)),
            ["Mixing weight λ", "Class balance", "Class pairs"],
        ),
    ],
    ids=["soft labels", "nothing mixed", "1,001 classes", "31 classes, vectors"],
)
def test_what_is_not_known_is_left_out(overview: Overview, example: MixedExample, titles: list[str]) -> None:
    found = parsed(overview, [example])
    assert found.all("h3") == titles
    assert "preview" in found.attributes("id")
    assert ("details" in {tag for tag, _ in found.elements}) == (overview.config.prob == 0)  # tables of few classes


def test_names_are_text_in_the_page() -> None:
    names = [*NAMES, "水", "𓀀"]
    overview = random_overview(len(names), class_names=names, name="<i>shapes</i>")
    found = parsed(overview, [with_parents(class_ids=(2, 3), num_classes=len(names))])
    assert found.all("h1") == ["<i>shapes</i>_mixup, split train"]
    shown = [one_line(name, 40) for name in names if name]
    assert [text for text in found.all("th") if text in shown] == shown * 3  # the balance, the pairs across and down
    assert not {"b", "i"} & {tag for tag, _ in found.elements}


def test_faults_are_shown_and_the_test_of_lam() -> None:
    overview = replace(random_overview(2), faults=["a<b>: is missing", "two"])
    found = parsed(overview, [with_parents()], LamFit(tested=1234, statistic=0.03, p_value=0.42))
    assert found.attributes("role").count("alert") == 1
    assert "Not complete: a<b>: is missing; two" in found.text
    assert any(
        "test of 1,234 λ read from the shards: D = 0.0300, p = 0.42: no difference from Beta(0.2, 0.2) at the 1% level"
        in text
        for text in found.all("figcaption")
    )
    wrong = page(overview, [with_parents()], LamFit(tested=1234, statistic=0.3, p_value=1e-9))
    assert "p = 1e-09: NOT distributed as Beta(0.2, 0.2)" in wrong
    assert wrong == page(overview, [with_parents()], LamFit(tested=1234, statistic=0.3, p_value=1e-9))


@pytest.mark.parametrize("shape", [(8, 8, 1), (6, 5, 3), (32, 64, 4)])
def test_images_are_whole_in_their_uri(shape: tuple[int, int, int]) -> None:
    image = random_images(1, shape)[0]
    data = base64.b64decode(image_uri(image).removeprefix("data:image/png;base64,"), validate=True)
    assert (decode(data, shape) == image).all()


def test_a_large_image_is_a_small_file_in_its_uri() -> None:
    image = random_images(1, (300, 200, 3))[0]
    data = base64.b64decode(image_uri(image).removeprefix("data:image/jpeg;base64,"), validate=True)
    assert decoded(data, 3).shape == image.shape
    assert len(data) < image.size


def test_a_page_of_photographs_is_small() -> None:
    photo = random_images(1, (1500, 2000, 3))[0]
    example = mixed_example(photo, base=photo, partner=photo)
    made = page(random_overview(2), [example] * 9, None)
    assert len(made) < 6_000_000  # of noise, the worst there is; 9 x 3 whole ones would be 240 MB
