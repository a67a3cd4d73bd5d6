"""The pictures of the probes: calibration, accuracy under attack, and confidence on noise and outliers."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixup_pipeline.comparison.probes import attack_name
from mixup_pipeline.report.arm_looks import ArmLook, arm_looks
from mixup_pipeline.report.arm_marks import (
    HEIGHT,
    WIDTH,
    add_legend,
    draw_points,
    interval_sides,
    keep_within,
    short_name,
)
from mixup_pipeline.report.comparison_tables import Results, Summary, runs_of, task_of_results
from mixup_pipeline.report.figures import Drawing, Theme
from mixup_pipeline.report.words import one_line

Floats = npt.NDArray[np.float64]

_PANEL_COLUMNS = 3


def probe_drawings(results: Results, rows: Sequence[Summary]) -> list[Drawing]:
    """Reliability, accuracy under attack if there was any, and confidence; none where no prediction is one class.

    rows: the arms to show.
    """
    if not task_of_results(results).with_classes:
        return []
    looks = arm_looks(results["config"]["arms"])
    attacks = [_attacks(results, rows, looks)] if results["config"]["fgsm"] else []
    return [_reliability(results, rows, looks), *attacks, _confidence(rows, looks)]


def _reliability(results: Results, rows: Sequence[Summary], looks: Mapping[str, ArmLook]) -> Drawing:
    """Accuracy against confidence, one panel an arm, all seeds together."""
    bins = {row["cell"]["arm"]: _pooled_bins(results, row) for row in rows}
    errors = {row["cell"]["arm"]: row["measures"]["ece"]["mean"] for row in rows}

    def draw(theme: Theme) -> Figure:
        columns = min(_PANEL_COLUMNS, len(bins))
        lines = -(-len(bins) // columns)
        figure = Figure((WIDTH, 0.5 + 1.75 * lines), layout="constrained")
        grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, (arm, pooled) in zip(grid, bins.items(), strict=False):
            axes.plot([0, 100], [0, 100], color=theme.muted, linewidth=0.8)
            _draw_bins(axes, looks[arm].colour(theme), *pooled)
            axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal", xticks=(0, 50, 100), yticks=(0, 50, 100))
            axes.text(4, 96, f"ECE {errors[arm]:.1%}", size=7.5, verticalalignment="top", color=theme.ink)
            axes.set_title(short_name(arm), size=9)
        for axes in grid[len(bins) :]:
            axes.set_visible(False)
        figure.supxlabel("confidence, %", size=9, color=theme.muted)
        figure.supylabel("accuracy, %", size=9, color=theme.muted)
        return figure

    said = ", ".join(
        f"{row['cell']['arm']} {row['measures']['ece']['mean']:.2%} (mean confidence "
        f"{row['measures']['confidence']['mean']:.1%})"
        for row in rows
    )
    return Drawing(
        name="reliability",
        title="Reliability",
        alt=f"Accuracy against confidence in 15 bins. Expected calibration error: {said}.",
        caption="On the line, confidence equals accuracy. Above it the network is underconfident, below it "
        "overconfident. Dots grow with the share of examples in a bin. ECE is the mean over the seeds.",
        draw=draw,
    )


def _pooled_bins(results: Results, row: Summary) -> tuple[Floats, Floats, Floats]:
    """(share of examples, accuracy, mean confidence) of each bin over all seeds, each float64[bins]."""
    bins = np.array([run["probes"]["reliability"] for run in runs_of(results, row["cell"])])  # (seeds, bins, 3)
    weight = bins[..., 0] / np.maximum(bins[..., 0].sum(0), 1e-12)
    return bins[..., 0].mean(0), (weight * bins[..., 1]).sum(0), (weight * bins[..., 2]).sum(0)


def _draw_bins(axes: Axes, colour: str, share: Floats, accuracy: Floats, confidence: Floats) -> None:
    """The bins that hold examples: bars of accuracy, and dots at the mean confidence."""
    full = share > 0
    edges = np.linspace(0, 100, len(share) + 1)
    axes.bar(edges[:-1][full], 100 * accuracy[full], 100 / len(share), align="edge", color=colour, alpha=0.35)
    axes.scatter(
        100 * confidence[full], 100 * accuracy[full], s=4 + 40 * share[full], color=colour, zorder=3, clip_on=False
    )


def _attacks(results: Results, rows: Sequence[Summary], looks: Mapping[str, ArmLook]) -> Drawing:
    """Accuracy against the size of an attack."""
    sizes = [0.0, *sorted(results["config"]["fgsm"])]
    measures = [f"{attack_name(size)} accuracy" if size else "accuracy" for size in sizes]
    found = {row["cell"]["arm"]: [row["measures"][measure] for measure in measures] for row in rows}
    gradients = [f"{attack_name(size)} zero gradients" for size in sizes[1:]]
    still = max(row["measures"][measure]["mean"] for row in rows for measure in gradients)

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        for arm, measured in found.items():
            draw_points(axes, theme, looks[arm], sizes, measured, scale=100)
        keep_within(axes, (0, 100))
        axes.set(xlabel="size of the attack, pixels being 0 to 1", ylabel="accuracy, %")
        add_legend(figure, axes)
        return figure

    said = "; ".join(
        f"{arm} " + ", ".join(f"{m['mean']:.1%} at {size:g}" for size, m in zip(sizes, measured, strict=True))
        for arm, measured in found.items()
    )
    return Drawing(
        name="fgsm",
        title="Under attack",
        alt=f"Accuracy under FGSM: {said}.",
        caption="Every pixel is moved one step against the margin of the logits (fast gradient sign method, white box)."
        + (f" Without a gradient, and so not moved: up to {still:.1%} of the examples of an arm." if still else ""),
        draw=draw,
    )


def _confidence(rows: Sequence[Summary], looks: Mapping[str, ArmLook]) -> Drawing:
    """Mean confidence of the arms on clean examples, on noise and on outliers."""
    measures = [name for name in rows[0]["measures"] if name.endswith("confidence")]

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, 1.1 + 0.2 * len(measures) * len(rows)), layout="constrained")
        axes = figure.subplots()
        for number, row in enumerate(rows):
            look, measured = looks[row["cell"]["arm"]], [row["measures"][name] for name in measures]
            offset = (number - (len(rows) - 1) / 2) * 0.8 / len(rows)
            axes.errorbar(
                [100 * m["mean"] for m in measured],
                [group + offset for group in range(len(measures))],
                xerr=[[100 * side for side in sides] for sides in interval_sides(measured)],
                linestyle="",
                marker=look.marker,
                markersize=4,
                color=look.colour(theme),
                label=look.arm,
            )
        axes.set_yticks(range(len(measures)), [_inputs_name(name) for name in measures])
        axes.set(ylim=(len(measures) - 0.5, -0.5), xlim=(0, 102), xlabel="mean confidence, %")
        add_legend(figure, axes)
        return figure

    said = "; ".join(
        f"{row['cell']['arm']} " + ", ".join(f"{row['measures'][name]['mean']:.1%} ({name})" for name in measures)
        for row in rows
    )
    return Drawing(
        name="confidence",
        title="Confidence",
        alt=f"Mean confidence: {said}.",
        caption="Mean of the highest probability. On noise and on another dataset, low is good.",
        draw=draw,
    )


def _inputs_name(measure: str, most: int = 16) -> str:
    """What a measure of confidence was taken on, cut to fit beside a chart: the end of a path tells datasets apart."""
    name = "clean examples" if measure == "confidence" else one_line(measure.removesuffix(" confidence"))
    return name if len(name) <= most else f"…{name[1 - most :]}"
