"""Charts: what is written in them, for few and many classes, in light and dark."""

from xml.etree import ElementTree as ET

import pytest

from mixup_pipeline.dataset.overview import Overview
from mixup_pipeline.report.charts import balance_charts, lam_bins, lam_charts, pair_charts
from mixup_pipeline.report.figures import DARK, LIGHT
from mixup_pipeline.report.words import one_line
from tests.report.shown import NAMES, overview_of, random_overview


def texts(svg: bytes) -> list[str]:
    """All that is written in a chart."""
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter() if element.tag.endswith("}text")]


def balance_of(overview: Overview) -> tuple[bytes, bytes]:
    classes = overview.classes
    assert classes is not None
    return balance_charts(overview, classes)


def pairs_of(overview: Overview) -> tuple[bytes, bytes]:
    pairs = overview.pairs
    assert pairs is not None
    return pair_charts(overview, pairs)


@pytest.mark.parametrize(
    ("alpha", "lam", "density"),
    [
        (0.001, 0.5, "density (log scale)"),
        (0.05, 0.0, "density (log scale)"),
        (0.2, 0.0, "density"),
        (1, 0.3, "density"),
        (1000, 0.5, "density (log scale)"),
    ],
)
def test_lam_stands_beside_beta(alpha: float, lam: float, density: str) -> None:
    light, dark = lam_charts(overview_of([(0, 1, lam)] * 3, num_classes=2, alpha=alpha))
    for svg in (light, dark):
        assert {"mixed examples", f"Beta({alpha:g}, {alpha:g})", "mixing weight λ", density} <= set(texts(svg))
    assert LIGHT.first.encode() in light
    assert DARK.first.encode() in dark


@pytest.mark.parametrize(("mixed", "bins"), [(0, 10), (186, 10), (400, 20), (500, 25), (1999, 50), (2000, 100)])
def test_few_examples_have_few_bins(mixed: int, bins: int) -> None:
    overview = overview_of([(0, 1, 0.3)] * mixed + [(0, 0, 1.0)], num_classes=2)
    assert lam_bins(overview) == bins


@pytest.mark.parametrize("num_classes", [1, 2, 30])
def test_few_classes_are_named(num_classes: int) -> None:
    overview = random_overview(num_classes, class_names=[f"class {n}" for n in range(num_classes)])
    names = [f"class {n}" for n in range(num_classes)]
    assert [text for text in texts(balance_of(overview)[0]) if text in names] == names
    assert [text for text in texts(pairs_of(overview)[1]) if text in names] == names + names


@pytest.mark.parametrize("num_classes", [31, 200])
def test_many_classes_are_not_named(num_classes: int) -> None:
    overview = random_overview(num_classes, class_names=[f"class {n}" for n in range(num_classes)])
    balance, pairs = texts(balance_of(overview)[0]), texts(pairs_of(overview)[0])
    assert not [text for text in balance + pairs if text.startswith("class ")]
    assert "classes, the largest first" in balance
    assert "mixed examples" in pairs


def test_of_a_thousand_classes_and_one_the_balance_is_drawn() -> None:
    overview = random_overview(1001)
    assert overview.pairs is None
    assert "classes, the largest first" in texts(balance_of(overview)[0])


def test_pairs_are_counted_where_there_is_room() -> None:
    rows = [(0, 1, 0.5)] * 12_345 + [(1, 0, 0.5)] * 1234 + [(2, 2, 0.5)] * 7
    found = texts(pairs_of(overview_of(rows, num_classes=3))[0])
    assert [text for text in found if text in ("12k", "1,234", "7")] == ["12k", "1,234", "7"]
    assert found.count("0") == 6 + 2  # six pairs that do not occur, and the class twice


def test_names_are_written_as_they_are() -> None:
    names = [*NAMES, "水", "𓀀"]
    overview = random_overview(len(names), class_names=names)
    shown = {one_line(name, 12) for name in names if name.strip()}
    assert shown <= set(texts(balance_of(overview)[0]))
    assert shown <= set(texts(pairs_of(overview)[0]))


def test_charts_give_the_same_bytes_again() -> None:
    overview = random_overview(3)
    assert [lam_charts(overview), balance_of(overview), pairs_of(overview)] == [
        lam_charts(overview),
        balance_of(overview),
        pairs_of(overview),
    ]
