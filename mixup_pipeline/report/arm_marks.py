"""How the arms look in every picture: each keeps its colour, its dash and its marker."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixup_pipeline.comparison.cells import ARMS
from mixup_pipeline.report.figures import LIGHT, Theme

WIDTH = 4.4  # inches: about the width of a phone, so that text keeps its size there
HEIGHT = 2.9

_DASHES: tuple[Any, ...] = ((0, (4, 2)), "-", (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 1.5)))
_MARKERS = ("s", "o", "^", "D", "v")
_COLOURS = {
    True: ("#656d76", "#2f6fb0", "#2f7d42", "#c2571a", "#8246af"),
    False: ("#9198a1", "#6cb0f5", "#5fc279", "#f0965a", "#c99bf2"),
}
"""By whether the ground is light; as Theme has them, and two more."""


def line(
    axes: Axes, theme: Theme, arm: str, x: Any, measured: Sequence[Any], *, scale: float = 1, marked: bool = False
) -> None:
    """A line in its band."""
    own, style = colour(theme, arm), _DASHES[ARMS.index(arm)]
    means, lows, highs = ([scale * _of(m, name) for m in measured] for name in ("mean", "low", "high"))
    axes.plot(
        x,
        means,
        linestyle=style,
        color=own,
        linewidth=1.5,
        label=arm,
        marker=marker(arm) if marked else None,
    )
    axes.fill_between(x, lows, highs, color=own, alpha=0.15, linewidth=0)


def points(
    axes: Axes,
    theme: Theme,
    arm: str,
    x: Sequence[float],
    measured: Sequence[Mapping[str, Any]],
    *,
    scale: float,
    label: str | None = None,
    strength: float = 1,
) -> None:
    """Means with bars of their intervals, joined by a line. strength: above 0, up to 1 for the arm's full colour."""
    axes.errorbar(
        x,
        [scale * m["mean"] for m in measured],
        yerr=[[scale * side for side in sides] for sides in errors(measured)],
        color=colour(theme, arm),
        alpha=0.25 + 0.75 * strength,
        linestyle=_DASHES[ARMS.index(arm)],
        marker=marker(arm),
        markersize=4.5,
        linewidth=0.7 + 0.8 * strength,
        elinewidth=1,
        capsize=2,
        label=label or arm,
    )


def errors(measured: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    """How far the intervals reach below and above the means; nowhere for a single seed."""
    return [[abs(_of(m, side) - m["mean"]) for m in measured] for side in ("low", "high")]


def _of(measured: Any, name: str) -> float:
    """A figure of an estimate, be it an object or read from JSON; the mean where one seed gives no interval."""
    values = measured if isinstance(measured, Mapping) else vars(measured)
    return float(values["mean"] if values[name] is None else values[name])


def legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="outside upper center", ncols=3, fontsize=8, handlelength=2.6)


def colour(theme: Theme, arm: str) -> str:
    """Of an arm, on this ground."""
    return _COLOURS[theme is LIGHT][ARMS.index(arm)]


def marker(arm: str) -> str:
    """Of an arm."""
    return _MARKERS[ARMS.index(arm)]
