"""The tables of a comparison as text, the same for the terminal, the Markdown file and the page."""

from collections.abc import Mapping, Sequence
from typing import Any

from mixup_pipeline.comparison.cells import LEAST_SEEDS, number_name
from mixup_pipeline.report.sampling_tables import sampling_tables
from mixup_pipeline.report.table import Table, interval_text
from mixup_pipeline.training.tasks import Measure, Task, task_named

Results = Mapping[str, Any]
Summary = Mapping[str, Any]

POINTS = 100
_NOT_SHOWN = "no difference shown"
NOTE = (
    "Means over seeds with 95 % t intervals. Differences to the baseline are paired by seed: same initial weights, as "
    "many steps. A difference is shown if the paired t-test finds p < 0.05 after Holm's correction for all cells that "
    "were compared, sweeps included. BCa intervals are by bootstrap, narrower than they should be with few seeds, and "
    "decide nothing."
)
_CHOSEN = (
    "The chosen epoch is the best one on held-out training examples; evaluation examples are looked at when training "
    "has ended."
)
_FLATTERS = "The best epoch is chosen on the evaluation examples themselves, so it flatters."
AXIS_NAMES = {"copies": "copies K", "alpha": "α", "subset": "training examples"}


def holds_out(results: Results) -> bool:
    """Whether the epoch is chosen on held-out examples."""
    return bool(results["config"]["train"]["val_share"])


def note(results: Results) -> str:
    """What the tables mean."""
    return f"{NOTE} {_CHOSEN if holds_out(results) else _FLATTERS}"


def chosen_epoch(results: Results) -> str:
    """What the epoch with the best main measure is called."""
    return "chosen epoch" if holds_out(results) else "best epoch (flatters)"


def looked_at(results: Results) -> str:
    """The examples that the measures by epoch are of."""
    return "held-out" if holds_out(results) else "clean"


def task_of_results(results: Results) -> Task:
    """What the networks of a comparison learned."""
    return task_named(results.get("task", "classification"))


def scale_of(measure: Measure) -> float:
    """What the values of a measure are multiplied by where they are shown."""
    return POINTS if measure.in_percent else 1


def with_unit(measure: Measure, text: str) -> str:
    """A name of the measure, and that it is shown in percent."""
    return f"{text}, %" if measure.in_percent else text


def value_text(measure: Measure, value: float, digits: int = 2) -> str:
    """A value as text: 91.50%, or 0.9150."""
    return f"{value:.{digits}%}" if measure.in_percent else f"{value:.4f}"


def points_text(main: Measure) -> str:
    """The unit of differences of the main measure."""
    return " points" if main.in_percent else ""


def tables(results: Results, corrupt: float, *, beyond: bool = True) -> list[Table]:
    """The main measure of the arms and of every sweep under one share of wrong labels. beyond: all others too."""
    noise, rows, task = noise_text(corrupt), base_rows(results, corrupt), task_of_results(results)
    main = task.main
    unit = ", in %" if main.in_percent else ""
    arms = [row["cell"]["arm"] for row in rows]
    best = chosen_epoch(results)
    found = [_main_table(f"{main.title} by arm{noise}{unit}", main, rows, arms, ("arm", best))]
    for sweep in results["config"]["sweeps"]:
        axis = AXIS_NAMES[sweep["axis"]]
        swept = swept_rows(results, sweep["axis"], corrupt)
        names = [_swept_name(row, sweep["axis"]) for row in swept]
        found.append(_main_table(f"{main.title} by {axis}{noise}{unit}", main, swept, names, (f"arm, {axis}", best)))
    if any(row["measures"][main.name]["difference"].get("detectable") for row in rows[1:]):
        found.append(_power_table(f"What the seeds could tell{noise}", main, rows[1:]))
    if beyond:
        found += sampling_tables(results, rows, noise)
        found.append(_beyond_table(f"Beyond {_within_text(main)}{noise}, shares in %", task, rows, best))
    return found


def base_rows(results: Results, corrupt: float) -> list[Summary]:
    """The arms under the settings that are not swept."""
    config = results["config"]
    return [
        row
        for row in results["summary"]
        if row["cell"]["corrupt"] == corrupt
        and row["cell"]["subset"] == config["subset"]
        and row["cell"]["alpha"] in (None, config["alpha"])
        and row["cell"]["copies"] in (None, config["copies"])
    ]


def swept_rows(results: Results, axis: str, corrupt: float) -> list[Summary]:
    """The arms at every value of a sweep. An arm that does not have this setting appears once."""
    config = results["config"]
    values = next(sweep["values"] for sweep in config["sweeps"] if sweep["axis"] == axis)
    fixed = {"alpha": config["alpha"], "copies": config["copies"], "subset": config["subset"]}
    del fixed[axis]
    rows = [
        row
        for row in results["summary"]
        if row["cell"]["corrupt"] == corrupt
        and all(row["cell"][name] in (None, value) for name, value in fixed.items())
        and (row["cell"][axis] in values or (axis != "subset" and row["cell"][axis] is None))
    ]
    arms = config["arms"]
    return sorted(rows, key=lambda row: (arms.index(row["cell"]["arm"]), row["cell"][axis] or 0))


def runs_of(results: Results, cell: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The training runs of a cell, one for every seed."""
    return [run for run in results["runs"] if run["cell"] == cell]


def noise_text(corrupt: float) -> str:
    """What a title adds if labels are wrong."""
    return f", {100 * corrupt:g} % of the training labels wrong" if corrupt else ""


def change_text(difference: Mapping[str, Any], main: Measure) -> str:
    """A paired difference of the main measure, of shares in points, and whether it shows anything."""
    text, p, direction, _ = _difference({"difference": difference}, scale_of(main))
    return f"{text}{points_text(main)} ({direction}{f', p {p}' if p else ''})"


def _within_text(main: Measure) -> str:
    """The title within a sentence: a word gets a small letter, an abbreviation stays."""
    return main.title.lower() if main.title.istitle() and len(main.title) > 2 else main.title


def _main_table(
    title: str, main: Measure, rows: Sequence[Summary], names: Sequence[str], heads: tuple[str, str]
) -> Table:
    """heads: of the names, and of the epoch with the best main measure."""
    scale, shown = scale_of(main), _percent if main.in_percent else _number
    beside_online = any("difference to online" in row["measures"][main.name] for row in rows)
    head = [heads[0], "last epoch − baseline", "shown", "p (Holm)", "last epoch", heads[1]]
    head += ["last epoch − online"] if beside_online else []
    lines = []
    for name, row in zip(names, rows, strict=True):
        last = row["measures"][main.name]
        change, p, direction, _ = _difference(last, scale)
        means = shown(last), shown(row["measures"][f"best {main.name}"])
        line = [name, change, direction, p, *means]
        if beside_online:
            line.append(_difference(last, scale, "difference to online")[0])
        lines.append(tuple(line))
    return Table(title, tuple(head), tuple(lines))


def _beyond_table(title: str, task: Task, rows: Sequence[Summary], best: str) -> Table:
    """All measures but the main one at the last epoch, with their differences to the baseline."""
    names = [name for name in rows[0]["measures"] if name != task.main.name]
    titles = {one.name: one.title for one in task.measures} | {
        f"best {task.main.name}": f"{_within_text(task.main)} at the {best}",
        "calibrated nll": "NLL after temperature scaling",
        "calibrated ece": "ECE after temperature scaling",
    }
    shares = {one.name for one in task.measures if one.in_percent} | {f"best {task.main.name}", "calibrated ece"}
    lines = []
    for name in names:
        for row in rows:
            measure = row["measures"][name]
            in_percent = name in shares or name.endswith((" accuracy", " confidence", " gradients"))
            change, p, direction, bca = _difference(measure, POINTS if in_percent else 1)
            mean = (_percent if in_percent else _number)(measure)
            lines.append((f"{titles.get(name, name)}, {row['cell']['arm']}", change, direction, p, mean, bca))
    head = ("measure, arm", "difference to the baseline", "shown", "p (Holm)", "mean", "BCa")
    return Table(title, head, tuple(lines))


def _power_table(title: str, main: Measure, rows: Sequence[Summary]) -> Table:
    """For each arm the effect that its seeds could detect, how many others need, and whether it is surely small."""
    scale, digits = scale_of(main), 2 if main.in_percent else 4
    found = [(row["cell"]["arm"], row["measures"][main.name]["difference"]) for row in rows]
    found = [(arm, difference) for arm, difference in found if difference["detectable"] is not None]
    head, first = ["arm", f"detectable{', points' if main.in_percent else ''}"], found[0][1]
    asked = list(first["seeds_for"] or ())
    head += [f"seeds for ±{scale * float(effect):g}" for effect in asked]
    head += [f"within ±{scale * first['equivalent']['margin']:g}"] if first["equivalent"] else []
    head.append("BCa interval")
    lines = []
    for arm, difference in found:
        line = [arm, f"±{scale * difference['detectable']:.{digits}f}"]
        line += [str(difference["seeds_for"][effect] or "over 1,000") for effect in asked]
        if difference["equivalent"]:
            is_within = "shown" if difference["equivalent"]["shown"] else "not shown"
            line.append(f"{is_within}, p {_p_text(difference['equivalent']['p'])}")
        line.append(interval_text(difference["bca"], scale, digits))
        lines.append(tuple(line))
    return Table(title, tuple(head), tuple(lines))


def _swept_name(row: Summary, axis: str) -> str:
    value = row["cell"][axis]
    return row["cell"]["arm"] if value is None else f"{row['cell']['arm']}, {number_name(value)}"


def _percent(measure: Mapping[str, Any]) -> str:
    return _interval(measure, 100, ".2f")


def _number(measure: Mapping[str, Any]) -> str:
    return _interval(measure, 1, ".4f")


def _interval(measure: Mapping[str, Any], scale: float, form: str) -> str:
    text = f"{scale * measure['mean']:{form}}"
    if measure["low"] is None:
        return text
    return f"{text} [{scale * measure['low']:{form}}, {scale * measure['high']:{form}}]"


def _difference(measure: Mapping[str, Any], scale: float, name: str = "difference") -> tuple[str, str, str, str]:
    """The mean with its t interval, the corrected p-value, what is shown, the BCa interval; empty for the baseline."""
    difference = measure.get(name)
    if difference is None:
        return "", "", "", ""
    form = "+.2f" if scale == POINTS else "+.4f"
    digits = 2 if scale == POINTS else 4
    t, bca = (interval_text(difference[name], scale, digits) for name in ("t", "bca"))
    text = f"{round(scale * difference['mean'], digits) + 0.0:{form}} {t}".rstrip()  # + 0.0: no minus before nothing
    return text, "" if difference["holm"] is None else _p_text(difference["holm"]), direction_of(difference), bca


def _p_text(p: float) -> str:
    return "≤ 0.001" if p <= 0.001 else f"{p:.3f}"


def direction_of(difference: Mapping[str, Any]) -> str:
    """What a difference shows: higher, lower, or nothing."""
    if difference["num_seeds"] < LEAST_SEEDS:
        return "too few seeds"
    if difference["holm"] is None:
        return "nothing: all seeds differ alike"
    return _NOT_SHOWN if not difference["shown"] else "higher" if difference["mean"] > 0 else "lower"
