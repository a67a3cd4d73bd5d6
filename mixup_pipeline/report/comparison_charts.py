"""The pictures of a comparison: each has a name for its file, words for those who cannot see it, and is drawn by theme.

Bands and bars are 95 % t intervals over the seeds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mixup_pipeline.comparison.statistics import estimate
from mixup_pipeline.report.arm_marks import colour, errors, legend, line, marker, points
from mixup_pipeline.report.comparison_tables import (
    AXIS_NAMES,
    POINTS,
    Results,
    Summary,
    base_rows,
    change_text,
    noise_text,
    swept_rows,
)
from mixup_pipeline.report.figures import Theme
from mixup_pipeline.report.words import one_line

_WIDTH = 4.4  # inches: about the width of a phone, so that text keeps its size there
_HEIGHT = 2.9


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """One picture. name: of its file, without suffix."""

    name: str
    title: str
    alt: str
    caption: str
    draw: Callable[[Theme], Figure]


def drawings(results: Results, corrupt: float) -> list[Drawing]:
    """All pictures of the comparison under one share of wrong labels."""
    rows = base_rows(results, corrupt)
    found = [
        _differences(rows, corrupt),
        _curves(results, rows, corrupt, "accuracy", "Accuracy on clean examples", "accuracy"),
        _curves(results, rows, corrupt, "nll", "Loss on clean examples", "negative log likelihood"),
        _curves(results, rows, corrupt, "loss", "Training loss", "cross-entropy with the labels trained on"),
        _reliability(results, rows, corrupt),
    ]
    if results["config"]["fgsm"]:
        found.append(_attacks(results, rows, corrupt))
    found.append(_confidence(rows, corrupt))
    return found + [_sweep(results, sweep["axis"], corrupt) for sweep in results["config"]["sweeps"]]


def noise_drawing(results: Results) -> Drawing:
    """Accuracy at the best and at the last epoch against the share of wrong labels."""
    shares = sorted(results["config"]["corrupt_labels"])
    rows = {share: base_rows(results, share) for share in shares}

    def draw(theme: Theme) -> Figure:
        figure = Figure((_WIDTH, _HEIGHT + 0.4), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (measure, title) in zip(
            panels, (("best accuracy", "best epoch"), ("accuracy", "last epoch")), strict=True
        ):
            for row_number, arm in enumerate(results["config"]["arms"]):
                measured = [rows[share][row_number]["measures"][measure] for share in shares]
                points(axes, theme, arm, [100 * share for share in shares], measured, scale=100)
            axes.set_title(title, size=9)
            axes.set_xlabel("% wrong labels")
        panels[0].set_ylabel("clean accuracy, %")
        legend(figure, panels[0])
        return figure

    said = "; ".join(
        f"{share:.0%} wrong: "
        + ", ".join(
            f"{row['cell']['arm']} {row['measures']['best accuracy']['mean']:.1%} at the best and "
            f"{row['measures']['accuracy']['mean']:.1%} at the last"
            for row in rows[share]
        )
        for share in shares
    )
    caption = "A gap between best and last epoch means that the network memorised wrong labels."
    return Drawing(name="label-noise", title="Wrong labels", alt=f"{said}.", caption=caption, draw=draw)


def sample_drawing(samples: Mapping[str, tuple[Any, Any]], class_names: Sequence[str] | None) -> Drawing:
    """What the arms read: uint8 images (n, h, w, c) and soft labels (n, classes) of each."""
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
        title="What the arms read",
        alt=f"The first {columns} training images of {', '.join(samples)}, with their two heaviest classes.",
        caption="The first images that seed 0 reads, with the weights of their labels.",
        draw=draw,
    )


def _differences(rows: Sequence[Summary], corrupt: float) -> Drawing:
    """Paired differences to the baseline at the last epoch, with the zero line."""
    others = [(row["cell"]["arm"], row["measures"]["accuracy"]["difference"]) for row in rows[1:]]

    def draw(theme: Theme) -> Figure:
        figure = Figure((_WIDTH, 0.9 + 0.42 * len(others)), layout="constrained")
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
        name=_file_name("differences", corrupt),
        title=f"Difference to the baseline{noise_text(corrupt)}",
        alt="; ".join(f"{arm} {change_text(difference)}" for arm, difference in others) + ".",
        caption="At the last epoch, paired by seed. Thin: 95 % t interval; thick: bootstrap interval. One that "
        "crosses zero shows no difference.",
        draw=draw,
    )


def _curves(results: Results, rows: Sequence[Summary], corrupt: float, measure: str, title: str, unit: str) -> Drawing:
    """A measure by epoch: mean over the seeds, in a band."""
    curves = {row["cell"]["arm"]: _by_epoch(results, row["cell"], measure) for row in rows}

    def draw(theme: Theme) -> Figure:
        figure = Figure((_WIDTH, _HEIGHT), layout="constrained")
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
        name=_file_name(f"curves-{measure}", corrupt),
        title=f"{title}{noise_text(corrupt)}",
        alt=f"{title} from the first to the last epoch: {ends}.",
        caption=caption,
        draw=draw,
    )


def _reliability(results: Results, rows: Sequence[Summary], corrupt: float) -> Drawing:
    """Accuracy against confidence, one panel an arm, all seeds together."""
    found = {}
    for row in rows:
        bins = np.array([run["probes"]["reliability"] for run in _runs(results, row["cell"])])  # (seeds, bins, 3)
        share = bins[..., 0].mean(0)
        weight = bins[..., 0] / np.maximum(bins[..., 0].sum(0), 1e-12)
        found[row["cell"]["arm"]] = share, (weight * bins[..., 1]).sum(0), (weight * bins[..., 2]).sum(0)

    def draw(theme: Theme) -> Figure:
        columns = min(3, len(found))
        lines = -(-len(found) // columns)
        figure = Figure((_WIDTH, 0.5 + 1.75 * lines), layout="constrained")
        grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, (arm, (share, accuracy, confidence)) in zip(grid, found.items(), strict=False):
            seen = share > 0
            edges = np.linspace(0, 1, len(share) + 1)
            axes.plot([0, 1], [0, 1], color=theme.muted, linewidth=0.8)
            axes.bar(
                edges[:-1][seen], accuracy[seen], 1 / len(share), align="edge", color=colour(theme, arm), alpha=0.35
            )
            axes.scatter(confidence[seen], accuracy[seen], s=4 + 40 * share[seen], color=colour(theme, arm), zorder=3)
            axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
            axes.set_title(arm, size=9)
        for axes in grid[len(found) :]:
            axes.set_visible(False)
        figure.supxlabel("confidence", size=9, color=theme.muted)
        figure.supylabel("accuracy", size=9, color=theme.muted)
        return figure

    said = ", ".join(
        f"{row['cell']['arm']} {row['measures']['ece']['mean']:.4f} (mean confidence "
        f"{row['measures']['confidence']['mean']:.3f})"
        for row in rows
    )
    return Drawing(
        name=_file_name("reliability", corrupt),
        title=f"Reliability{noise_text(corrupt)}",
        alt=f"Accuracy against confidence in 15 bins. Expected calibration error: {said}.",
        caption="On the line confidence is as high as accuracy; above it the network is too modest, below it too "
        "sure. Dots grow with the share of examples in a bin.",
        draw=draw,
    )


def _attacks(results: Results, rows: Sequence[Summary], corrupt: float) -> Drawing:
    """Accuracy against the size of an attack."""
    sizes = [0.0, *sorted(results["config"]["fgsm"])]
    found = {
        row["cell"]["arm"]: [row["measures"]["accuracy" if not size else f"fgsm {size:g} accuracy"] for size in sizes]
        for row in rows
    }

    def draw(theme: Theme) -> Figure:
        figure = Figure((_WIDTH, _HEIGHT), layout="constrained")
        axes = figure.subplots()
        for arm, measured in found.items():
            points(axes, theme, arm, sizes, measured, scale=100)
        axes.set(xlabel="size of the attack, pixels being 0 to 1", ylabel="accuracy, %")
        legend(figure, axes)
        return figure

    said = "; ".join(
        f"{arm} " + ", ".join(f"{m['mean']:.1%} at {size:g}" for size, m in zip(sizes, measured, strict=True))
        for arm, measured in found.items()
    )
    return Drawing(
        name=_file_name("fgsm", corrupt),
        title=f"Under attack{noise_text(corrupt)}",
        alt=f"Accuracy under FGSM: {said}.",
        caption="Every pixel moved one step against the network (fast gradient sign method, white box).",
        draw=draw,
    )


def _confidence(rows: Sequence[Summary], corrupt: float) -> Drawing:
    """How sure the arms are of examples, and of what is none."""
    names = [name for name in rows[0]["measures"] if name.endswith("confidence")]

    def draw(theme: Theme) -> Figure:
        figure = Figure((_WIDTH, 1.1 + 0.2 * len(names) * len(rows)), layout="constrained")
        axes = figure.subplots()
        for offset, row in enumerate(rows):
            arm = row["cell"]["arm"]
            places = [number + (offset - (len(rows) - 1) / 2) * 0.8 / len(rows) for number in range(len(names))]
            measured = [row["measures"][name] for name in names]
            means = [m["mean"] for m in measured]
            axes.errorbar(
                means,
                places,
                xerr=errors(measured),
                fmt=marker(arm),
                markersize=4,
                color=colour(theme, arm),
                label=arm,
            )
        shown = ["clean examples" if name == "confidence" else name.removesuffix(" confidence") for name in names]
        axes.set_yticks(range(len(names)), [one_line(name, 16) for name in shown])
        axes.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, 1.02), xlabel="mean confidence")
        legend(figure, axes)
        return figure

    said = "; ".join(
        f"{row['cell']['arm']} " + ", ".join(f"{row['measures'][name]['mean']:.3f} ({name})" for name in names)
        for row in rows
    )
    return Drawing(
        name=_file_name("confidence", corrupt),
        title=f"How sure of what{noise_text(corrupt)}",
        alt=f"Mean confidence: {said}.",
        caption="Mean of the highest probability. Of noise and of another dataset's images low is good.",
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
        figure = Figure((_WIDTH, _HEIGHT), layout="constrained")
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
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.set_xticks([], minor=True)
        axes.set(xlabel=AXIS_NAMES[axis], ylabel="clean accuracy, %")
        legend(figure, axes)
        return figure

    said = "; ".join(
        f"{arm} "
        + ", ".join(
            f"{row['measures']['accuracy']['mean']:.2%}"
            + ("" if row["cell"][axis] is None else f" at {row['cell'][axis]:g}")
            for row in found
        )
        for arm, found in by_arm.items()
    )
    return Drawing(
        name=_file_name(f"sweep-{axis}", corrupt),
        title=f"Accuracy against {AXIS_NAMES[axis]}{noise_text(corrupt)}",
        alt=f"{said}.",
        caption="At the last epoch, mean over the seeds with its 95 % interval."
        + (" Level lines: arms that do not depend on it." if axis != "limit" else ""),
        draw=draw,
    )


def _runs(results: Results, cell: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [run for run in results["runs"] if run["cell"] == cell]


def _by_epoch(results: Results, cell: Mapping[str, Any], measure: str) -> list[Any]:
    """Estimates over the seeds, one an epoch."""
    histories = [[float(row[measure]) for row in run["history"]] for run in _runs(results, cell)]
    return [estimate(values) for values in zip(*histories, strict=True)]


def _file_name(name: str, corrupt: float) -> str:
    return f"{name}-corrupt{corrupt:g}" if corrupt else name
