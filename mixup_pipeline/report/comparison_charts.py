"""The pictures of a comparison: each has a name for its file, words for those who cannot see it, and is drawn by theme.

Bands and bars are 95 % t intervals over the seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mixup_pipeline.comparison.cells import number_name
from mixup_pipeline.comparison.statistics import estimate
from mixup_pipeline.report.arm_marks import HEIGHT, WIDTH, colour, legend, line, marker, points
from mixup_pipeline.report.comparison_tables import (
    AXIS_NAMES,
    POINTS,
    Results,
    Summary,
    base_rows,
    change_text,
    noise_text,
    runs_of,
    swept_rows,
)
from mixup_pipeline.report.figures import Drawing, Theme
from mixup_pipeline.report.probe_charts import probe_drawings
from mixup_pipeline.report.words import one_line


def drawings(results: Results, corrupt: float) -> list[Drawing]:
    """All pictures of the comparison under one share of wrong labels."""
    rows = base_rows(results, corrupt)
    found = [
        _differences(rows),
        _curves(results, rows, "accuracy", "Accuracy on clean examples", "accuracy"),
        _curves(results, rows, "nll", "Loss on clean examples", "negative log likelihood"),
        _curves(results, rows, "loss", "Training loss", "cross-entropy with the labels trained on"),
        *probe_drawings(results, rows),
        *(_sweep(results, sweep["axis"], corrupt) for sweep in results["config"]["sweeps"]),
    ]
    return [replace(drawing, name=f"{drawing.name}-corrupt{corrupt:g}") for drawing in found] if corrupt else found


def noise_drawing(results: Results) -> Drawing:
    """Accuracy at the best and at the last epoch against the share of wrong labels, for every α that was tried."""
    shares = sorted(results["config"]["corrupt_labels"])
    swept = any(sweep["axis"] == "alpha" for sweep in results["config"]["sweeps"])
    lines: dict[tuple[str, float | None], list[Summary]] = {}
    for share in shares:
        for row in swept_rows(results, "alpha", share) if swept else base_rows(results, share):
            lines.setdefault((row["cell"]["arm"], row["cell"]["alpha"]), []).append(row)
    alphas = sorted({alpha for _, alpha in lines if alpha is not None})

    def name(arm: str, alpha: float | None) -> str:
        return arm if alpha is None or len(alphas) == 1 else f"{arm}, α {number_name(alpha)}"

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, HEIGHT + 0.4), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (measure, title) in zip(
            panels, (("best accuracy", "best epoch"), ("accuracy", "last epoch")), strict=True
        ):
            for (arm, alpha), rows in lines.items():
                strength = 1.0 if alpha is None else (alphas.index(alpha) + 1) / len(alphas)
                measured = [row["measures"][measure] for row in rows]
                percents = [100 * share for share in shares]
                points(axes, theme, arm, percents, measured, scale=100, label=name(arm, alpha), strength=strength)
            axes.set_title(title, size=9)
            axes.set_xlabel("% wrong labels")
        panels[0].set_ylabel("clean accuracy, %")
        legend(figure, panels[0])
        return figure

    said = "; ".join(
        f"{name(arm, alpha)}: "
        + ", ".join(
            f"{row['measures']['best accuracy']['mean']:.1%} at the best and {row['measures']['accuracy']['mean']:.1%} "
            f"at the last with {100 * share:g} % wrong"
            for share, row in zip(shares, rows, strict=True)
        )
        for (arm, alpha), rows in lines.items()
    )
    return Drawing(
        name="label-noise",
        title="Accuracy against the share of wrong labels",
        alt=f"{said}.",
        caption="A gap between best and last epoch means that the network memorised wrong labels.",
        draw=draw,
    )


def sample_drawing(results: Results, samples: Mapping[str, tuple[Any, Any]]) -> Drawing:
    """What the arms read: uint8 images (n, h, w, c) and soft labels (n, classes) of each."""
    class_names = results["class_names"]
    columns = min(len(inputs) for inputs, _ in samples.values())

    def name(class_id: int) -> str:
        return one_line(class_names[class_id], 8) if class_names else str(class_id)

    def title(label: Any) -> str:
        order = np.argsort(-label, kind="stable")[:2]
        return "\n".join(f"{name(class_id)} {label[class_id]:.2f}" for class_id in order if label[class_id] > 0)

    def draw(theme: Theme) -> Figure:
        figure = Figure((columns * 0.95 + 0.9, len(samples) * 1.32 + 0.1), layout="constrained")
        grid = figure.subplots(len(samples), columns, squeeze=False)
        for axes_row, (arm, (inputs, labels)) in zip(grid, samples.items(), strict=True):
            for axes, image, label in zip(axes_row, inputs, labels, strict=False):
                axes.imshow(image.repeat(3, axis=2) if image.shape[2] == 1 else image[..., :3], interpolation="nearest")
                axes.set_title(title(label), size=7)
                axes.set_xticks([])
                axes.set_yticks([])
                axes.spines[:].set_visible(False)
            axes_row[0].set_ylabel(arm, color=colour(theme, arm), size=9)
        return figure

    return Drawing(
        name="samples",
        title=f"The first images of seed 0{noise_text(results['config']['corrupt_labels'][0])}",
        alt=f"The first {columns} training images of {', '.join(samples)}, with their two heaviest classes.",
        caption="With the two heaviest classes of each label and their weights.",
        draw=draw,
    )


def _differences(rows: Sequence[Summary]) -> Drawing:
    """Paired differences to the baseline at the last epoch, with the zero line."""
    others = [(row["cell"]["arm"], row["measures"]["accuracy"]["difference"]) for row in rows[1:]]

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, 0.9 + 0.42 * len(others)), layout="constrained")
        axes = figure.subplots()
        axes.axvline(0, color=theme.muted, linewidth=1)
        for place, (arm, difference) in enumerate(others):
            own = colour(theme, arm)
            for interval, width in ((difference["t"], 1.5), (difference["bootstrap"], 4.5)):
                if interval is not None:
                    axes.plot([POINTS * limit for limit in interval], [place, place], color=own, linewidth=width)
            axes.plot(POINTS * difference["mean"], place, marker(arm), color=own, markersize=7)
        axes.set_yticks(range(len(others)), [arm for arm, _ in others])
        axes.set(ylim=(len(others) - 0.5, -0.5), xlabel="points of accuracy above the baseline")
        return figure

    return Drawing(
        name="differences",
        title="Difference to the baseline",
        alt="; ".join(f"{arm} {change_text(difference)}" for arm, difference in others) + ".",
        caption="At the last epoch, paired by seed. Thin: 95 % t interval; thick: bootstrap interval. One that "
        "crosses zero shows no difference.",
        draw=draw,
    )


def _curves(results: Results, rows: Sequence[Summary], measure: str, title: str, unit: str) -> Drawing:
    """A measure by epoch: mean over the seeds, in a band."""
    curves = {row["cell"]["arm"]: _by_epoch(results, row["cell"], measure) for row in rows}

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        for arm, measured in curves.items():
            epochs = np.arange(1, len(measured) + 1)
            line(axes, theme, arm, epochs, measured, marked=len(epochs) == 1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="epoch", ylabel=unit)
        legend(figure, axes)
        return figure

    ends = ", ".join(f"{arm} {measured[0].mean:.3f} to {measured[-1].mean:.3f}" for arm, measured in curves.items())
    caption = {
        "loss": "Mixed labels are never certain, so that this loss cannot reach zero: compare arms by the others.",
    }.get(measure, "Mean over the seeds with its 95 % interval.")
    return Drawing(
        name=f"curves-{measure}",
        title=title,
        alt=f"{title} from the first to the last epoch: {ends}.",
        caption=caption,
        draw=draw,
    )


def _sweep(results: Results, axis: str, corrupt: float) -> Drawing:
    """Accuracy against the value swept; arms that it does not concern as level lines."""
    rows = swept_rows(results, axis, corrupt)
    values = next(sweep["values"] for sweep in results["config"]["sweeps"] if sweep["axis"] == axis)
    by_arm: dict[str, list[Summary]] = {}
    for row in rows:
        by_arm.setdefault(row["cell"]["arm"], []).append(row)

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        for arm, found in by_arm.items():
            measured = [row["measures"]["accuracy"] for row in found]
            if found[0]["cell"][axis] is None:
                level, ends = measured[0], (min(values), max(values))
                line(axes, theme, arm, np.array(ends), [level, level], scale=100)
            else:
                points(axes, theme, arm, [row["cell"][axis] for row in found], measured, scale=100)
        if len(values) > 1 and min(values) > 0:
            axes.set_xscale("log")
        axes.set_xticks(values, [number_name(value) for value in values])
        axes.set_xticks([], minor=True)
        axes.set(xlabel=AXIS_NAMES[axis], ylabel="clean accuracy, %")
        legend(figure, axes)
        return figure

    said = "; ".join(
        f"{arm} "
        + ", ".join(
            f"{row['measures']['accuracy']['mean']:.2%}"
            + ("" if row["cell"][axis] is None else f" at {number_name(row['cell'][axis])}")
            for row in found
        )
        for arm, found in by_arm.items()
    )
    return Drawing(
        name=f"sweep-{axis}",
        title=f"Accuracy against {AXIS_NAMES[axis]}",
        alt=f"{said}.",
        caption="At the last epoch, mean over the seeds with its 95 % interval."
        + (" Level lines: arms that do not depend on it." if axis != "limit" else ""),
        draw=draw,
    )


def _by_epoch(results: Results, cell: Mapping[str, Any], measure: str) -> list[Any]:
    """Estimates over the seeds, one an epoch."""
    histories = [[float(row[measure]) for row in run["history"]] for run in runs_of(results, cell)]
    return [estimate(values) for values in zip(*histories, strict=True)]
