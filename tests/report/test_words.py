"""Phrases: tables of what is said."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.report.words import (
    chosen_lines,
    kinds_text,
    label_text,
    one_line,
    padded,
    pairing_text,
    share_text,
    size_text,
    unmixed_text,
)
from mixup_pipeline.sources.source import Origin
from mixup_pipeline.spec import ExampleSpec
from tests.datasets import random_images
from tests.report.shown import mixed_example, overview_of


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0.0%"),
        (1e-300, "<0.0001%"),
        (0.00000123, "0.00012%"),
        (0.0004, "0.040%"),
        (0.00099, "0.099%"),
        (0.0012, "0.1%"),
        (0.582, "58.2%"),
        (0.9994, "99.9%"),
        (0.9996, "100%"),
        (1, "100%"),
    ],
)
def test_shares(share: float, said: str) -> None:
    assert share_text(share) == said


@pytest.mark.parametrize(
    ("num_bytes", "said"),
    [
        (0, "0.0 kB"),
        (1234, "1.2 kB"),
        (1_000_000, "1.0 MB"),
        (51_260_000, "51.3 MB"),
        (1.5e9, "1.5 GB"),
        (2e12, "2,000.0 GB"),
    ],
)
def test_sizes(num_bytes: int, said: str) -> None:
    assert size_text(num_bytes) == said


def test_a_group_is_not_called_dropped() -> None:
    spec = ExampleSpec(input_key="x", label_key="y", encoding="vector", shape=(3,), num_classes=2, group_key="patient")
    asked = SourceConfig(src="a.csv", group_key="patient")
    origin = Origin(
        asked=asked, src="a.csv", input_rule="why", label_rule="why", classes_from="it", dropped=("patient", "site")
    )
    lines = chosen_lines(spec, origin)
    assert (lines["groups"], lines["dropped"]) == ("patient, asked for by --group-key", "site")
    assert "dropped" not in chosen_lines(spec, replace(origin, dropped=("patient",)))
    assert "groups" not in chosen_lines(replace(spec, group_key=""), origin)


def test_kinds_and_choices() -> None:
    totals = msgspec.structs.replace(overview_of([(0, 1, 0.5)], num_classes=2).totals, mixed=1200)
    assert kinds_text(totals) == "1,200 mixed, 0 left unmixed"
    assert kinds_text(msgspec.structs.replace(totals, originals=7)) == "1,200 mixed, 0 left unmixed, 7 originals"
    assert pairing_text(MixConfig(seed=5)) == "pairing any, seed 5, 1 copy"
    assert pairing_text(MixConfig(seed=5, copies=2000)) == "pairing any, seed 5, 2,000 copies"


@pytest.mark.parametrize(
    ("classes", "config", "said"),
    [
        ([0, 0, 1, 1], {}, "none"),
        ([0, 0, 0, 0], {"prob": 0.5}, "2 by --prob 0.5"),
        (
            [0, 0, 1, 0],
            {"prob": 0.5, "pairing": "within-class"},
            "1 by --prob 0.5, 1 without another example to be mixed with",
        ),
        ([0, 0, 2, 1], {"pairing": "within-class"}, "2 without another example to be mixed with"),
    ],
)
def test_why_examples_were_left_unmixed(classes: list[int], config: dict[str, Any], said: str) -> None:
    """Where anything is left unmixed, it is the third and fourth example."""
    rows = [(c, c, 1.0 if n > 1 and said != "none" else 0.5) for n, c in enumerate(classes)]
    assert unmixed_text(overview_of(rows, num_classes=3, **config)) == said


def test_weights_of_classes() -> None:
    image = random_images(1, (2, 2, 1))[0]
    overview = overview_of([(0, 1, 0.5)], num_classes=2, class_names=["ant\n", "x" * 30])
    assert label_text(overview, mixed_example(image), most=9) == "ant�: 0.75 · xxxxx…xxx: 0.25"
    assert label_text(overview, mixed_example(image, lam=1.0, alone=True), digits=4) == "ant�: 1.0000"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        *(("ten chars!", "ten chars!"), ("eleven char", "eleven ch…"), ("", ""), ("[red]$x$", "[red]$x$")),
        *(("\x1b[31mred", "�[31mred"), ("a\nb\tc\0", "a�b�c�"), ("\u202eleft", "�left"), ("\ud800", "�")),
        *(("水火木金土", "水火木金土"), ("水火木金土日", "水火木金…"), ("a水火木金土", "a水火木金…")),
    ],
)
def test_text_from_outside_is_one_line(text: str, shown: str) -> None:
    assert one_line(text, 10) == shown


@given(st.text(max_size=40), st.integers(1, 30))
def test_text_from_outside_is_printable_and_fits(text: str, most: int) -> None:
    shown = one_line(text, most)
    assert shown.isprintable()
    assert cell_len(shown) <= most
    assert cell_len(padded(shown, most)) == most
