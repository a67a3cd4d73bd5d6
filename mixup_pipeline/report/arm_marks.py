"""Lines, points and legends of arms, as all pictures of a comparison draw them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixup_pipeline.report.arm_looks import ArmLook
from mixup_pipeline.report.figures import Theme
from mixup_pipeline.report.words import one_line

WIDTH = 4.4  # inches: about the width of a phone, so that text keeps its size there
HEIGHT = 2.9

_NAME_LETTERS = 17
_LEGEND_LETTERS = 74  # across the figure
_HANDLE_LETTERS = 9  # as wide as a handle and the gaps around it
_LEGEND_COLUMNS = 3
_LEGEND_ROWS = 2
_LEGEND_ROW_HEIGHT = 0.18  # inches


def draw_line(
    axes: Axes,
    theme: Theme,
    look: ArmLook,
    x: Sequence[float],
    measured: Sequence[Any],
    *,
    scale: float = 1,
    marked: bool = False,
    num_arms: int = 1,
) -> None:
    """The means as a line, in a band of their intervals.

    marked: with a marker at each mean. num_arms: in the same axes; the more, the paler the bands, so that many of them
    hide no line.
    """
    means, lows, highs = ([scale * _value_or_mean(m, name) for m in measured] for name in ("mean", "low", "high"))
    axes.plot(
        x,
        means,
        linestyle=look.dash,
        color=look.colour(theme),
        linewidth=1.5,
        label=look.arm,
        marker=look.marker if marked else None,
    )
    axes.fill_between(x, lows, highs, color=look.colour(theme), alpha=min(0.15, 0.75 / num_arms), linewidth=0)


def draw_points(
    axes: Axes,
    theme: Theme,
    look: ArmLook,
    x: Sequence[float],
    measured: Sequence[Mapping[str, Any]],
    *,
    scale: float,
    name: str | None = None,
    strength: float = 1,
) -> None:
    """The means as points with bars of their intervals, joined by a line.

    name: in the legend; None for the arm. strength: above 0, up to 1 for the arm's full colour.
    """
    axes.errorbar(
        x,
        [scale * m["mean"] for m in measured],
        yerr=[[scale * side for side in sides] for sides in interval_sides(measured)],
        color=look.colour(theme),
        alpha=0.25 + 0.75 * strength,
        linestyle=look.dash,
        marker=look.marker,
        markersize=4.5,
        linewidth=0.7 + 0.8 * strength,
        elinewidth=1,
        capsize=2,
        clip_on=False,  # a point at the end of an axis is shown whole
        label=name or look.arm,
    )


def interval_sides(measured: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    """How far the intervals reach below and above the means; 0 for a single seed."""
    return [[abs(_value_or_mean(m, side) - m["mean"]) for m in measured] for side in ("low", "high")]


def _value_or_mean(measured: Any, name: str) -> float:
    """One value of an estimate, an `Estimate` or read from JSON. Its mean where one seed gives no interval."""
    values = measured if isinstance(measured, Mapping) else vars(measured)
    return float(values["mean"] if values[name] is None else values[name])


def keep_within(axes: Axes, within: tuple[float, float]) -> None:
    """Let the upright axis end where its measure does: at 100 % for an accuracy."""
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, within[0]), min(high, within[1]))


def add_legend(figure: Figure, axes: Axes) -> None:
    """A legend above the axes, in up to three columns. With more than two rows the figure grows by the rest."""
    handles, names = axes.get_legend_handles_labels()
    columns = next(count for count in range(_LEGEND_COLUMNS, 0, -1) if count == 1 or _fits(names, count))
    rows = math.ceil(len(names) / columns)
    figure.set_figheight(figure.get_figheight() + _LEGEND_ROW_HEIGHT * max(0, rows - _LEGEND_ROWS))
    figure.legend(
        handles, names, frameon=False, loc="outside upper center", ncols=columns, fontsize=8, handlelength=2.6
    )


def _fits(names: Sequence[str], columns: int) -> bool:
    """Whether a legend of so many columns is no wider than the figure. Its columns are filled one after the other."""
    rows = math.ceil(len(names) / columns)
    filled = [names[start : start + rows] for start in range(0, len(names), rows)]
    return sum(max(map(len, column)) + _HANDLE_LETTERS for column in filled) <= _LEGEND_LETTERS


def short_name(arm: str) -> str:
    """The name of an arm, cut to fit beside a chart."""
    return one_line(arm, _NAME_LETTERS)
