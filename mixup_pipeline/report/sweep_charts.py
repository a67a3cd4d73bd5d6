"""The main measure against what was varied: a swept setting, or of classes the share of wrong labels."""

from matplotlib.figure import Figure

from mixup_pipeline.comparison.cells import number_name
from mixup_pipeline.report.arm_looks import arm_looks
from mixup_pipeline.report.arm_marks import HEIGHT, WIDTH, add_legend, draw_line, draw_points, keep_within, short_name
from mixup_pipeline.report.comparison_tables import (
    AXIS_NAMES,
    Results,
    Summary,
    base_rows,
    chosen_epoch,
    scale_of,
    swept_rows,
    task_of_results,
    value_text,
    with_unit,
)
from mixup_pipeline.report.figures import Drawing, Theme
from mixup_pipeline.training.tasks import Measure

Setting = tuple[str, float | None]
"""An arm and its α; None for the baseline."""


def sweep_drawing(results: Results, axis: str, corrupt: float) -> Drawing:
    """The main measure against a swept setting. Arms that do not depend on it are level lines."""
    main = task_of_results(results).main
    scale, title = scale_of(main), "accuracy" if main.name == "accuracy" else main.title
    looks = arm_looks(results["config"]["arms"])
    values = next(sweep["values"] for sweep in results["config"]["sweeps"] if sweep["axis"] == axis)
    by_arm: dict[str, list[Summary]] = {}
    for row in swept_rows(results, axis, corrupt):
        by_arm.setdefault(row["cell"]["arm"], []).append(row)

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        for arm, rows in by_arm.items():
            measured = [row["measures"][main.name] for row in rows]
            if rows[0]["cell"][axis] is None:
                ends, level = (min(values), max(values)), [measured[0]] * 2
                draw_line(axes, theme, looks[arm], ends, level, scale=scale, num_arms=len(by_arm))
            else:
                draw_points(axes, theme, looks[arm], [row["cell"][axis] for row in rows], measured, scale=scale)
        if len(values) > 1 and min(values) > 0:
            axes.set_xscale("log")
        axes.set_xticks(values, [number_name(value) for value in values])
        axes.set_xticks([], minor=True)
        keep_within(axes, (scale * main.within[0], scale * main.within[1]))
        axes.set(xlabel=AXIS_NAMES[axis], ylabel=with_unit(main, f"clean {title}"))
        add_legend(figure, axes)
        return figure

    return Drawing(
        name=f"sweep-{axis}",
        title=f"{main.title} against {AXIS_NAMES[axis]}",
        alt="; ".join(f"{arm} {_values_text(main, rows, axis)}" for arm, rows in by_arm.items()) + ".",
        caption="At the last epoch, mean over the seeds with its 95 % interval."
        + ("" if axis == "subset" else " Level lines: arms that do not depend on it."),
        draw=draw,
    )


def _values_text(main: Measure, rows: list[Summary], axis: str) -> str:
    """The main measure of one arm at the values of a sweep."""
    return ", ".join(
        value_text(main, row["measures"][main.name]["mean"])
        + ("" if row["cell"][axis] is None else f" at {number_name(row['cell'][axis])}")
        for row in rows
    )


def noise_drawing(results: Results) -> Drawing:
    """Accuracy at the best and at the last epoch against the share of wrong labels, for every α that was tried."""
    looks, shares = arm_looks(results["config"]["arms"]), sorted(results["config"]["corrupt_labels"])
    lines = _rows_by_setting(results, shares)
    alphas = sorted({alpha for _, alpha in lines if alpha is not None})

    def name(arm: str, alpha: float | None) -> str:
        return arm if alpha is None or len(alphas) == 1 else f"{arm}, α {number_name(alpha)}"

    def draw(theme: Theme) -> Figure:
        figure = Figure((WIDTH, HEIGHT + 0.4), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        percents = [100 * share for share in shares]
        measures = (("best accuracy", chosen_epoch(results)), ("accuracy", "last epoch"))
        for axes, (measure, title) in zip(panels, measures, strict=True):
            for (arm, alpha), rows in lines.items():
                strength = 1.0 if alpha is None else (alphas.index(alpha) + 1) / len(alphas)
                measured = [row["measures"][measure] for row in rows]
                draw_points(
                    axes,
                    theme,
                    looks[arm],
                    percents,
                    measured,
                    scale=100,
                    name=name(short_name(arm), alpha),
                    strength=strength,
                )
            axes.set_title(title, size=9)
            axes.set_xlabel("% wrong labels")
        keep_within(panels[0], (0, 100))
        panels[0].set_ylabel("clean accuracy, %")
        add_legend(figure, panels[0])
        return figure

    return Drawing(
        name="label-noise",
        title="Accuracy against the share of wrong labels",
        alt="; ".join(f"{name(*setting)}: {_both_epochs_text(shares, rows)}" for setting, rows in lines.items()) + ".",
        caption=f"Where the last epoch is worse than the {chosen_epoch(results)}, the network memorised wrong labels.",
        draw=draw,
    )


def _rows_by_setting(results: Results, shares: list[float]) -> dict[Setting, list[Summary]]:
    """For each arm and α the rows of all shares, in their order."""
    swept = any(sweep["axis"] == "alpha" for sweep in results["config"]["sweeps"])
    found: dict[Setting, list[Summary]] = {}
    for share in shares:
        for row in swept_rows(results, "alpha", share) if swept else base_rows(results, share):
            found.setdefault((row["cell"]["arm"], row["cell"]["alpha"]), []).append(row)
    return found


def _both_epochs_text(shares: list[float], rows: list[Summary]) -> str:
    """The accuracies of one arm and α under all shares of wrong labels."""
    return ", ".join(
        f"{row['measures']['best accuracy']['mean']:.1%} at the best and {row['measures']['accuracy']['mean']:.1%} at "
        f"the last epoch with {100 * share:g} % wrong"
        for share, row in zip(shares, rows, strict=True)
    )
