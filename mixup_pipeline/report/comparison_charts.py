"""The pictures of a comparison under one share of wrong labels.

Bands and bars are 95 % t intervals over the seeds. Arms differ far less than they change with training, so differences
by epoch are drawn, paired, and not bands of several arms over one another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mixup_pipeline.comparison.by_epoch import differences_by_look
from mixup_pipeline.comparison.statistics import bounds
from mixup_pipeline.report.arm_looks import ArmLook, arm_looks
from mixup_pipeline.report.arm_marks import HEIGHT, WIDTH, add_legend, keep_within, short_name
from mixup_pipeline.report.comparison_tables import (
    POINTS,
    Results,
    Summary,
    base_rows,
    change_text,
    holds_out,
    looked_at,
    runs_of,
    scale_of,
    task_of_results,
)
from mixup_pipeline.report.figures import Drawing, Theme
from mixup_pipeline.report.probe_charts import probe_drawings
from mixup_pipeline.report.sweep_charts import sweep_drawing
from mixup_pipeline.training.tasks import Measure

_LOSS_CAPTION = "Mixed labels are soft, so this loss cannot reach zero. Compare the arms by the other charts."
_PANEL_COLUMNS = 2


def drawings(results: Results, corrupt: float) -> list[Drawing]:
    """All pictures of the comparison under one share of wrong labels. What happened by epoch needs two of them."""
    rows, looks, task = base_rows(results, corrupt), arm_looks(results["config"]["arms"]), task_of_results(results)
    curves = [
        _changes(results, rows, task.main),
        *(_curves(results, rows, *drawn) for drawn in task.drawn),
        _curves(results, rows, "loss", "Training loss", task.loss_title),
    ]
    found = [
        _differences(results, rows, looks, task.main),
        *(curves if min(len(run["history"]) for run in results["runs"]) > 1 else []),
        *probe_drawings(results, rows),
        *(sweep_drawing(results, sweep["axis"], corrupt) for sweep in results["config"]["sweeps"]),
    ]
    return [replace(drawing, name=f"{drawing.name}-corrupt{corrupt:g}") for drawing in found] if corrupt else found


def _differences(results: Results, rows: Sequence[Summary], looks: Mapping[str, ArmLook], main: Measure) -> Drawing:
    """Paired differences to the baseline at the last epoch: each seed, mean and intervals, with the zero line."""
    others = [(row["cell"]["arm"], row["measures"][main.name]["difference"]) for row in rows[1:]]
    scale = scale_of(main)
    seeds = [_by_seed(results, rows[0], row, main) for row in rows[1:]]
    has_both = any(difference.get("both") for _, difference in others)

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, 0.9 + 0.5 * len(others)), layout="constrained")
        axes = figure.subplots()
        axes.axvline(0, color=theme.muted, linewidth=1)
        for y, ((arm, difference), found) in enumerate(zip(others, seeds, strict=True)):
            colour = looks[arm].colour(theme)
            for interval, line, below in ((difference["t"], "-", 0.0), (difference.get("both"), ":", 0.16)):
                if interval is not None:
                    ends = [scale * end for end in interval]
                    axes.plot(ends, [y + below] * 2, color=colour, linewidth=1.5, linestyle=line)
            axes.plot(
                [scale * one for one in found], [y - 0.2] * len(found), ".", color=colour, alpha=0.6, markersize=4
            )
            axes.plot(scale * difference["mean"], y, marker=looks[arm].marker, color=colour, markersize=7)
        axes.set_yticks(range(len(others)), [short_name(arm) for arm, _ in others])
        axes.set(ylim=(len(others) - 0.5, -0.5), xlabel=f"{_points_of(main)} above the baseline")
        return figure

    return Drawing(
        name="differences",
        title="Difference to the baseline",
        alt="; ".join(f"{arm} {change_text(difference, main)}" for arm, difference in others) + ".",
        caption="At the last epoch, paired by seed. Dots: seeds. Line: 95 % t interval for other seeds"
        + (", dotted: for other seeds and other evaluation examples" if has_both else "")
        + ". Each is of one difference alone; what is shown is decided by p-values corrected for all.",
        draw=draw,
    )


def _by_seed(results: Results, baseline: Summary, row: Summary, main: Measure) -> list[float]:
    """The paired difference of each seed at the last epoch."""
    sides = [{run["seed"]: run["last"][main.name] for run in runs_of(results, one["cell"])} for one in (row, baseline)]
    return [sides[0][seed] - sides[1][seed] for seed in sorted(set(sides[0]) & set(sides[1]))]


def _points_of(main: Measure) -> str:
    if not main.in_percent:
        return main.title
    return "points of accuracy" if main.name == "accuracy" else f"points of {main.title}"


def _changes(results: Results, rows: Sequence[Summary], main: Measure) -> Drawing:
    """The paired difference of the main measure to the baseline at each look, one panel an arm."""
    looks, scale, within = arm_looks(results["config"]["arms"]), scale_of(main), main.within
    others = [row["cell"]["arm"] for row in rows[1:]]
    histories = [_histories(results, row) for row in rows]
    found = [differences_by_look(one, histories[0], main.name, within) for one in histories[1:]]
    x = [_x_of(results, look) for look in histories[0][0]]

    def draw(theme: Theme) -> Figure:
        columns = min(_PANEL_COLUMNS, len(others))
        lines = -(-len(others) // columns)
        figure = Figure((WIDTH, 0.5 + 1.35 * lines), layout="constrained")
        grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, arm, changes in zip(grid, others, found, strict=False):
            colour = looks[arm].colour(theme)
            bands = [one.t or (one.mean, one.mean) for one in changes]
            axes.axhline(0, color=theme.muted, linewidth=1)
            axes.plot(x[: len(changes)], [scale * one.mean for one in changes], color=colour, linewidth=1.5)
            low, high = zip(*bands, strict=True)
            ends = ([scale * end for end in side] for side in (low, high))
            axes.fill_between(x[: len(changes)], *ends, color=colour, alpha=0.2, linewidth=0)
            axes.set_title(short_name(arm), size=9)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        for axes in grid[len(others) :]:
            axes.set_visible(False)
        figure.supxlabel(_x_name(results), size=9, color=theme.muted)
        figure.supylabel(_points_of(main), size=9, color=theme.muted)
        return figure

    said = "; ".join(
        f"{arm} {scale * changes[0].mean:+.2f} to {scale * changes[-1].mean:+.2f}"
        for arm, changes in zip(others, found, strict=True)
    )
    return Drawing(
        name="changes",
        title=f"Difference to the baseline by {_x_name(results)}",
        alt=f"Paired difference of {main.title} on {looked_at(results)} examples, first to last: {said}.",
        caption=f"On {looked_at(results)} examples, paired by seed: mean with its 95 % t interval at each look alone."
        + _as_wrong(results, rows),
        draw=draw,
    )


def _curves(results: Results, rows: Sequence[Summary], measure: str, title: str, unit: str) -> Drawing:
    """The mean of a measure over the seeds by epoch."""
    looks, task, name = arm_looks(results["config"]["arms"]), task_of_results(results), _x_name(results)
    in_percent = any(one.name == measure and one.in_percent for one in task.measures)
    scale, soft = (POINTS if in_percent else 1), not task.in_units
    means = {row["cell"]["arm"]: _means(_histories(results, row), measure) for row in rows}
    x = {row["cell"]["arm"]: [_x_of(results, look) for look in _histories(results, row)[0]] for row in rows}
    title = title.replace("clean", looked_at(results))

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        for arm, found in means.items():
            look = looks[arm]
            values = [scale * one for one in found]
            axes.plot(x[arm], values, linestyle=look.dash, color=look.colour(theme), linewidth=1.3, label=look.arm)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        low, high = bounds(measure, task.name)
        keep_within(axes, (scale * low, scale * high))
        axes.set(xlabel=name, ylabel=f"{unit}, %" if in_percent else unit)
        add_legend(figure, axes)
        return figure

    form = ".1%" if in_percent else ".3f"
    ends = ", ".join(f"{arm} {found[0]:{form}} to {found[-1]:{form}}" for arm, found in means.items())
    return Drawing(
        name=f"curves-{measure}",
        title=title,
        alt=f"{title} from the first to the last {name}: {ends}.",
        caption=_LOSS_CAPTION if soft and measure == "loss" else f"Mean over the seeds.{_as_wrong(results, rows)}",
        draw=draw,
    )


def _as_wrong(results: Results, rows: Sequence[Summary]) -> str:
    """What is said of held-out labels where some are wrong."""
    wrong = rows[0]["cell"]["corrupt"] and holds_out(results)
    return " Held-out labels are as often wrong as those that are trained on." if wrong else ""


def _histories(results: Results, row: Summary) -> list[Any]:
    """The history of each run of a cell, in the order of the seeds."""
    return [run["history"] for run in runs_of(results, row["cell"])]


def _means(histories: Sequence[Any], measure: str) -> list[float]:
    return [sum(row[measure] for row in looks) / len(looks) for looks in zip(*histories, strict=False)]


def _x_name(results: Results) -> str:
    """What is counted along with training: steps, where runs are counted in them."""
    return "step" if results["config"]["train"]["steps"] else "epoch"


def _x_of(results: Results, look: Mapping[str, float]) -> float:
    return float(look[_x_name(results)])
