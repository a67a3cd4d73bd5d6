"""The pictures of a comparison under one share of wrong labels.

Bands and bars are 95 % t intervals over the seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mixup_pipeline.comparison.statistics import Bounds, bounds, estimate
from mixup_pipeline.report.arm_looks import ArmLook, arm_looks
from mixup_pipeline.report.arm_marks import HEIGHT, WIDTH, add_legend, draw_line, keep_within, short_name
from mixup_pipeline.report.comparison_tables import (
    Results,
    Summary,
    base_rows,
    change_text,
    runs_of,
    scale_of,
    task_of_results,
)
from mixup_pipeline.report.figures import Drawing, Theme
from mixup_pipeline.report.probe_charts import probe_drawings
from mixup_pipeline.report.sweep_charts import sweep_drawing
from mixup_pipeline.training.tasks import Measure

_CURVE_CAPTION = "Mean over the seeds with its 95 % interval."
_LOSS_CAPTION = "Mixed labels are soft, so this loss cannot reach zero. Compare the arms by the other charts."


def drawings(results: Results, corrupt: float) -> list[Drawing]:
    """All pictures of the comparison under one share of wrong labels."""
    rows, looks, task = base_rows(results, corrupt), arm_looks(results["config"]["arms"]), task_of_results(results)
    found = [
        _differences(rows, looks, task.main),
        *(_curves(results, rows, *drawn) for drawn in task.drawn),
        _curves(results, rows, "loss", "Training loss", task.loss_title),
        *probe_drawings(results, rows),
        *(sweep_drawing(results, sweep["axis"], corrupt) for sweep in results["config"]["sweeps"]),
    ]
    return [replace(drawing, name=f"{drawing.name}-corrupt{corrupt:g}") for drawing in found] if corrupt else found


def _differences(rows: Sequence[Summary], looks: Mapping[str, ArmLook], main: Measure) -> Drawing:
    """Paired differences to the baseline at the last epoch, with the zero line."""
    others = [(row["cell"]["arm"], row["measures"][main.name]["difference"]) for row in rows[1:]]
    scale = scale_of(main)

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, 0.9 + 0.42 * len(others)), layout="constrained")
        axes = figure.subplots()
        axes.axvline(0, color=theme.muted, linewidth=1)
        for y, (arm, difference) in enumerate(others):
            colour = looks[arm].colour(theme)
            for interval, width in ((difference["t"], 1.5), (difference["bca"], 4.5)):
                if interval is not None:
                    axes.plot([scale * end for end in interval], [y, y], color=colour, linewidth=width)
            axes.plot(scale * difference["mean"], y, marker=looks[arm].marker, color=colour, markersize=7)
        axes.set_yticks(range(len(others)), [short_name(arm) for arm, _ in others])
        unit = "points of accuracy" if main.name == "accuracy" else f"points of {main.title}"
        axes.set(ylim=(len(others) - 0.5, -0.5), xlabel=f"{unit if main.in_percent else main.title} above the baseline")
        return figure

    return Drawing(
        name="differences",
        title="Difference to the baseline",
        alt="; ".join(f"{arm} {change_text(difference, main)}" for arm, difference in others) + ".",
        caption="At the last epoch, paired by seed. Thin: 95 % t interval, of each difference alone. Thick: BCa "
        "interval. What is shown is decided by p-values that are corrected for all differences.",
        draw=draw,
    )


def _curves(results: Results, rows: Sequence[Summary], measure: str, title: str, unit: str) -> Drawing:
    """A measure by epoch: mean over the seeds, in a band."""
    looks = arm_looks(results["config"]["arms"])
    task = task_of_results(results)
    within, soft = bounds(measure, task.name), not task.in_units
    curves = {row["cell"]["arm"]: _estimates_by_epoch(results, row["cell"], measure, within) for row in rows}

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        for arm, measured in curves.items():
            epochs = range(1, len(measured) + 1)
            draw_line(axes, theme, looks[arm], epochs, measured, marked=len(epochs) == 1, num_arms=len(curves))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        keep_within(axes, within)
        axes.set(xlabel="epoch", ylabel=unit)
        add_legend(figure, axes)
        return figure

    ends = ", ".join(f"{arm} {measured[0].mean:.3f} to {measured[-1].mean:.3f}" for arm, measured in curves.items())
    return Drawing(
        name=f"curves-{measure}",
        title=title,
        alt=f"{title} from the first to the last epoch: {ends}.",
        caption=_LOSS_CAPTION if soft and measure == "loss" else _CURVE_CAPTION,
        draw=draw,
    )


def _estimates_by_epoch(results: Results, cell: Mapping[str, Any], measure: str, within: Bounds) -> list[Any]:
    """One `Estimate` over the seeds for each epoch."""
    histories = [[float(row[measure]) for row in run["history"]] for run in runs_of(results, cell)]
    return [estimate(values, within) for values in zip(*histories, strict=True)]
