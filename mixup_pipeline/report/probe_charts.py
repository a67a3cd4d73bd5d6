"""The pictures of what finished networks were asked: how sure they are, of what, and what an attack does to them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mixup_pipeline.comparison.cells import attack_name
from mixup_pipeline.report.arm_marks import HEIGHT, WIDTH, colour, errors, legend, marker, points
from mixup_pipeline.report.comparison_tables import Results, Summary, runs_of
from mixup_pipeline.report.figures import Drawing, Theme
from mixup_pipeline.report.words import one_line


def probe_drawings(results: Results, rows: Sequence[Summary]) -> list[Drawing]:
    """Reliability, attacks where there were any, and confidence; rows: the arms to show."""
    attacks = [_attacks(results, rows)] if results["config"]["fgsm"] else []
    return [_reliability(results, rows), *attacks, _confidence(rows)]


def _reliability(results: Results, rows: Sequence[Summary]) -> Drawing:
    """Accuracy against confidence, one panel an arm, all seeds together."""
    found = {}
    for row in rows:
        bins = np.array([run["probes"]["reliability"] for run in runs_of(results, row["cell"])])  # (seeds, bins, 3)
        share = bins[..., 0].mean(0)
        weight = bins[..., 0] / np.maximum(bins[..., 0].sum(0), 1e-12)
        found[row["cell"]["arm"]] = share, (weight * bins[..., 1]).sum(0), (weight * bins[..., 2]).sum(0)

    def draw(theme: Theme) -> Figure:
        columns = min(3, len(found))
        lines = -(-len(found) // columns)
        figure = Figure((WIDTH, 0.5 + 1.75 * lines), layout="constrained")
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
        name="reliability",
        title="Reliability",
        alt=f"Accuracy against confidence in 15 bins. Expected calibration error: {said}.",
        caption="On the line confidence is as high as accuracy; above it the network is too modest, below it too "
        "sure. Dots grow with the share of examples in a bin.",
        draw=draw,
    )


def _attacks(results: Results, rows: Sequence[Summary]) -> Drawing:
    """Accuracy against the size of an attack."""
    sizes = [0.0, *sorted(results["config"]["fgsm"])]
    measures = [f"{attack_name(size)} accuracy" if size else "accuracy" for size in sizes]
    found = {row["cell"]["arm"]: [row["measures"][measure] for measure in measures] for row in rows}

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, HEIGHT), layout="constrained")
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
        name="fgsm",
        title="Under attack",
        alt=f"Accuracy under FGSM: {said}.",
        caption="Every pixel moved one step against the network (fast gradient sign method, white box).",
        draw=draw,
    )


def _end_of(name: str, most: int = 16) -> str:
    """A name that fits beside a chart: of a path the end tells datasets apart."""
    return name if len(name) <= most else f"…{name[1 - most :]}"


def _confidence(rows: Sequence[Summary]) -> Drawing:
    """How sure the arms are of examples, and of what is none."""
    names = [name for name in rows[0]["measures"] if name.endswith("confidence")]

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, 1.1 + 0.2 * len(names) * len(rows)), layout="constrained")
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
        axes.set_yticks(range(len(names)), [_end_of(one_line(name)) for name in shown])
        axes.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, 1.02), xlabel="mean confidence")
        legend(figure, axes)
        return figure

    said = "; ".join(
        f"{row['cell']['arm']} " + ", ".join(f"{row['measures'][name]['mean']:.3f} ({name})" for name in names)
        for row in rows
    )
    return Drawing(
        name="confidence",
        title="How sure of what",
        alt=f"Mean confidence: {said}.",
        caption="Mean of the highest probability. Of noise and of another dataset's images low is good.",
        draw=draw,
    )
