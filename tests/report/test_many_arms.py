"""Twelve arms in everything that a comparison shows."""

import re
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.legend import Legend

from mixup_pipeline.comparison.cells import known_arms
from mixup_pipeline.comparison.compare_config import CompareConfig
from mixup_pipeline.report.arm_marks import short_name
from mixup_pipeline.report.comparison_charts import drawings
from mixup_pipeline.report.comparison_page import Report, report
from mixup_pipeline.report.comparison_tables import tables
from mixup_pipeline.report.comparison_text import markdown, terminal_text
from mixup_pipeline.report.comparison_verdict import verdict
from mixup_pipeline.report.figures import LIGHT, Drawing
from mixup_pipeline.report.sweep_charts import noise_drawing
from tests.compared import CONFIG, made_up, made_up_samples, other_arms

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config() -> CompareConfig:
    with other_arms():
        return CompareConfig(
            seeds=3,
            train=CONFIG.train,
            sweeps=CONFIG.sweeps,
            corrupt_labels=CONFIG.corrupt_labels,
            fgsm=CONFIG.fgsm,
            outliers=CONFIG.outliers,
        )


@pytest.fixture(scope="module")
def results(config: CompareConfig) -> dict[str, Any]:
    return made_up(config)


@pytest.fixture(scope="module")
def twelve_arms(config: CompareConfig) -> Report:
    """With correct labels alone: wrong ones only add the same pictures again."""
    with other_arms():
        clean = replace(config, corrupt_labels=(0.0,))
    return report(made_up(clean), made_up_samples(clean))


def all_drawings(results: dict[str, Any]) -> list[Drawing]:
    return [*drawings(results, 0.0), noise_drawing(results)]


def test_there_are_twelve_and_none_of_them_is_registered_any_more(config: CompareConfig) -> None:
    assert len(config.arms) == 12
    assert len(known_arms()) == 5


def test_every_text_and_picture_names_every_arm(
    config: CompareConfig, results: dict[str, Any], twelve_arms: Report
) -> None:
    for text in (verdict(results, 0.0), markdown(results), terminal_text(results), twelve_arms.html):
        assert [arm for arm in config.arms[1:] if arm not in text] == []
    for drawing in all_drawings(results):
        assert [arm for arm in config.arms[1:] if arm not in drawing.alt] == [], drawing.name


def test_tables_have_a_row_for_every_arm(config: CompareConfig, results: dict[str, Any]) -> None:
    by_arm, *_, beyond = tables(results, 0.0)
    assert [row[0] for row in by_arm.rows] == list(config.arms)
    assert {name.split(", ")[1] for name, *_ in beyond.rows} == set(config.arms)


def test_every_pairing_is_swept(config: CompareConfig, results: dict[str, Any]) -> None:
    copies = next(table for table in tables(results, 0.0) if table.title.startswith("Accuracy by copies"))
    assert len(copies.rows) == 2 + 3 * 10  # the baseline and online once, every pairing with 1, 2 and 4 copies


def test_text_beside_the_axes_stays_within_the_figure(results: dict[str, Any]) -> None:
    for drawing in all_drawings(results):
        figure, _ = legend_of(drawing)
        for axes in figure.axes:
            for text in (axes.xaxis.label, axes.yaxis.label, *axes.get_yticklabels(), axes.title):
                box = text.get_window_extent()
                if not text.get_text():
                    continue
                assert box.x0 >= -1, (drawing.name, text.get_text())
                assert box.x1 <= figure.bbox.x1 + 1, (drawing.name, text.get_text())


def legend_of(drawing: Drawing) -> tuple[Any, Legend | None]:
    figure = drawing.draw(LIGHT)
    FigureCanvasAgg(figure).draw()
    return figure, figure.legends[0] if figure.legends else None


def test_legends_name_every_arm_once_within_the_figure(config: CompareConfig, results: dict[str, Any]) -> None:
    with_legend = 0
    for drawing in all_drawings(results):
        figure, legend = legend_of(drawing)
        if legend is not None:
            with_legend += 1
            names = [text.get_text() for text in legend.get_texts()]
            assert len(set(names)) == len(names)
            assert {short_name(name.split(", ")[0]) for name in names} == {short_name(arm) for arm in config.arms}
            box = legend.get_window_extent()
            assert box.x0 >= 0, drawing.name
            assert box.x1 <= figure.bbox.x1, drawing.name
            plot = figure.axes[0].get_window_extent()
            assert plot.height > 0.3 * figure.dpi * 2.9, drawing.name  # the legend leaves room for the plot
            assert box.y0 >= plot.y1, drawing.name
    assert with_legend == 9


def test_every_picture_is_drawn(twelve_arms: Report) -> None:
    for name, data in twelve_arms.pictures.items():
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None, name
        assert picture.std() > 5, name


def test_the_page_shows_every_arm_of_the_samples(config: CompareConfig, twelve_arms: Report) -> None:
    alt = re.search(r'alt="The first 8 training images of ([^"]*), with', twelve_arms.html)
    assert alt is not None
    assert alt[1].split(", ") == list(config.arms)
