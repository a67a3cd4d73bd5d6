"""The page's charts as SVG, each in light and dark: λ against Beta, class balance, class pairs."""

import numpy as np
import numpy.typing as npt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from mixup_pipeline.dataset.overview import Classes, Overview
from mixup_pipeline.mixing.totals import LAM_BINS
from mixup_pipeline.report.figures import DARK, LIGHT, Theme, render
from mixup_pipeline.report.words import one_line

_WIDTH = 4.4  # inches: about the width of a phone, so that text keeps its size there
_LOG_FROM = 30
_BINS = (LAM_BINS, LAM_BINS // 2, LAM_BINS // 4, LAM_BINS // 5, LAM_BINS // 10)
_EXAMPLES_A_BIN = 20
_NAMED_CLASSES = 30
_COUNTED_CLASSES = 10


def lam_bins(overview: Overview) -> int:
    """How many bins a histogram of λ has: fewer where there are few mixed examples, so that each holds some."""
    return next((bins for bins in _BINS if overview.totals.mixed >= _EXAMPLES_A_BIN * bins), _BINS[-1])


def lam_charts(overview: Overview) -> tuple[bytes, bytes]:
    """Histogram of λ with the density of Beta(α, α) over it: SVG for light and for dark."""
    alpha, bins = overview.config.alpha, lam_bins(overview)
    found, expected = (
        shares.reshape(bins, -1).sum(1) * bins for shares in (overview.lam_shares, overview.lam_expected)
    )
    edges = np.linspace(0, 1, bins + 1)

    def draw(theme: Theme) -> Figure:
        figure = Figure((_WIDTH, 2.9), layout="constrained")
        axes = figure.subplots()
        axes.stairs(found, edges, fill=True, color=theme.first, alpha=0.75, label="mixed examples")
        axes.stairs(
            expected, edges, color=theme.second, linewidth=1.4, baseline=None, label=f"Beta({alpha:g}, {alpha:g})"
        )
        uneven = expected.max() > _LOG_FROM * max(expected.min(), 1e-9)
        if uneven:
            shown = np.concatenate([found, expected])
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("")
            axes.set_ylim(max(1e-4, 0.7 * shown[shown > 0].min()), None)
        axes.set(xlabel="mixing weight λ", ylabel="density (log scale)" if uneven else "density", xlim=(0, 1))
        figure.legend(frameon=False, loc="outside upper center", ncols=2)
        return figure

    return render(draw, LIGHT, kind="svg"), render(draw, DARK, kind="svg")


def balance_charts(overview: Overview, classes: Classes) -> tuple[bytes, bytes]:
    """Share of each class before (of examples) and after (of label mass): SVG for light and for dark."""
    position = np.arange(len(classes.before))

    def draw(theme: Theme) -> Figure:
        figure = Figure((_WIDTH, 2.9), layout="constrained")
        axes = figure.subplots()
        if len(position) <= _NAMED_CLASSES:
            axes.bar(position - 0.2, classes.before, 0.4, color=theme.second, label="examples before")
            axes.bar(position + 0.2, classes.after, 0.4, color=theme.first, label="label mass after")
            names = [one_line(overview.class_name(class_id), 12) for class_id in position]
            upright = 90 if len(position) > 12 or max(map(len, names)) > 3 else 0
            axes.set_xticks(position, names, rotation=upright)
        else:
            order = np.argsort(-classes.before, kind="stable")
            axes.plot(position, classes.before[order], color=theme.second, label="examples before")
            axes.plot(position, classes.after[order], ".", markersize=2, color=theme.first, label="label mass after")
            axes.set_xlabel("classes, the largest first")
        axes.set(ylabel="share", ylim=(0, 1.05 * max(classes.before.max(), classes.after.max())))
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
        figure.legend(frameon=False, loc="outside upper center", ncols=2)
        return figure

    return render(draw, LIGHT, kind="svg"), render(draw, DARK, kind="svg")


def pair_charts(overview: Overview, pairs: npt.NDArray[np.int64]) -> tuple[bytes, bytes]:
    """Heat map of how many mixed examples have which base class and which partner class: SVG for light and for dark."""
    num_classes = len(pairs)

    def draw(theme: Theme) -> Figure:
        figure = Figure((_WIDTH, 4.1), layout="constrained")
        axes = figure.subplots()
        colours = LinearSegmentedColormap.from_list("pairs", [theme.paper, theme.first])
        image = axes.imshow(pairs, cmap=colours, vmin=0, vmax=max(1, pairs.max()), interpolation="nearest")
        axes.spines[:].set_visible(False)
        if num_classes <= _NAMED_CLASSES:
            names = [one_line(overview.class_name(class_id), 12) for class_id in range(num_classes)]
            size = 9 if num_classes <= _COUNTED_CLASSES else 6
            axes.set_xticks(range(num_classes), names, rotation=90 if max(map(len, names)) > 2 else 0, size=size)
            axes.set_yticks(range(num_classes), names, size=size)
        if num_classes <= _COUNTED_CLASSES:
            for (base, partner), count in np.ndenumerate(pairs):
                text = f"{count:,}" if count < 10_000 else f"{count / 1000:,.0f}k"
                dense = count > 0.6 * pairs.max()
                axes.text(
                    partner,
                    base,
                    text,
                    size=6.5,
                    ha="center",
                    va="center",
                    color=theme.on_first if dense else theme.ink,
                )
        else:
            figure.colorbar(image, shrink=0.7, label="mixed examples")
        axes.set(xlabel="partner class", ylabel="base class")
        return figure

    return render(draw, LIGHT, kind="svg"), render(draw, DARK, kind="svg")
