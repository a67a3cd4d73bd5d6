"""Rendering: the same bytes every time, text as it is, nothing of it left behind."""

import logging
import warnings

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from mixup_pipeline.report.figures import DARK, LIGHT, Theme, plain_axes, render


def draw_text(text: str, theme: Theme) -> Figure:
    figure = Figure((2, 1))
    axes = plain_axes(figure)
    axes.text(0.1, 0.5, text)
    axes.plot([0, 2], [0, 1], color=theme.first)
    return figure


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_same_figure_gives_the_same_bytes(kind: str) -> None:
    files = [render(lambda theme: draw_text("a $x$ & <b>", theme), theme, kind=kind) for theme in (LIGHT, DARK, LIGHT)]
    assert files[0] == files[2] != files[1]


def test_text_stays_text_in_svg() -> None:
    svg = render(lambda theme: draw_text("$x$ \\frac{1 & <b>", theme), LIGHT, kind="svg").decode()
    assert "$x$ \\frac{1 &amp; &lt;b&gt;" in svg
    assert LIGHT.first in svg


@pytest.mark.parametrize(("kind", "said"), [("svg", 0), ("png", 1)])
def test_characters_that_no_font_has_are_told_once(kind: str, said: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "mixup_pipeline"):
        render(lambda theme: draw_text("𓀀 𓀁 𓀂", theme), LIGHT, kind=kind)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["Note"] * said


def test_other_warnings_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Figure, "savefig", lambda *_, **__: warnings.warn("drawn wrongly", stacklevel=1))
    with pytest.warns(UserWarning, match="drawn wrongly"):
        render(lambda theme: draw_text("x", theme), LIGHT, kind="png")


def test_settings_are_put_back() -> None:
    before = dict(mpl.rcParams)
    render(lambda theme: draw_text("x", theme), DARK, kind="png")
    assert dict(mpl.rcParams) == before


def test_plain_axes_are_measured_in_inches_from_the_top_left() -> None:
    axes = plain_axes(Figure((3, 2)))
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 3), (2, 0))
