"""The distribution of the columns of vectors before and after mixing: for the page, as SVG in light and dark."""

import math

import numpy as np
from matplotlib.figure import Figure

from mixup_pipeline.dataset.columns import Columns
from mixup_pipeline.report.figures import DARK, LIGHT, Theme, render
from mixup_pipeline.report.html import Chart, chart
from mixup_pipeline.report.words import one_line, short_name

_SHOWN, _ACROSS = 6, 2
_WIDTH, _HEIGHT = 4.4, 1.45  # inches
_BINS = 30
_LETTERS = 24


def column_chart(columns: Columns | None) -> list[Chart]:
    """A histogram for each of the first columns, with their ranges in words; nothing for other inputs."""
    if columns is None:
        return []
    more = len(columns.names) - _SHOWN
    rest = f" The first {_SHOWN} of {len(columns.names)} columns are shown." if more > 0 else ""
    what = "Of their bases and of mixed vectors" if columns.before is not None else "Of mixed vectors"
    ranges = ". ".join(_range(columns, number) for number in range(min(_SHOWN, len(columns.names))))
    return [
        chart(
            "Columns",
            (
                render(lambda theme: _draw(columns, theme), LIGHT, kind="svg"),
                render(lambda theme: _draw(columns, theme), DARK, kind="svg"),
            ),
            f"Histograms of columns in a sample of {len(columns.after):,} mixed vectors. {ranges}.",
            f"{what}, in a sample of {len(columns.after):,}; values are mixed as they are, not standardized. "
            f"{ranges}.{rest}",
        )
    ]


def _range(columns: Columns, number: int) -> str:
    after = columns.after[:, number]
    text = f"{one_line(columns.names[number], _LETTERS)}: {after.min():.4g} to {after.max():.4g}"
    if columns.before is None:
        return text
    before = columns.before[:, number]
    return f"{text}, before {before.min():.4g} to {before.max():.4g}"


def _draw(columns: Columns, theme: Theme) -> Figure:
    shown = min(_SHOWN, len(columns.names))
    across = min(_ACROSS, shown)
    rows = math.ceil(shown / across)
    figure = Figure((_WIDTH, rows * _HEIGHT + 0.4), layout="constrained")
    for number in range(shown):
        axes = figure.add_subplot(rows, across, number + 1)
        values = [columns.after[:, number]] + ([] if columns.before is None else [columns.before[:, number]])
        edges = np.histogram_bin_edges(np.concatenate(values).astype(np.float64), _BINS)
        label = number == 0
        axes.stairs(
            np.histogram(values[0], edges)[0],
            edges,
            fill=True,
            color=theme.first,
            alpha=0.75,
            label="mixed" if label else None,
        )
        if len(values) > 1:
            axes.stairs(
                np.histogram(values[1], edges)[0],
                edges,
                color=theme.second,
                linewidth=1.2,
                baseline=None,
                label="bases" if label else None,
            )
        axes.set_title(short_name(columns.names[number], _LETTERS), size=7)
        axes.tick_params(labelsize=6)
        axes.set_yticks([])
    figure.legend(frameon=False, loc="outside upper center", ncols=2)
    return figure
