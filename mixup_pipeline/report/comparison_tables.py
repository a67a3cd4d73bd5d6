"""The tables of a comparison as text, the same for the terminal, the Markdown file and the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mixup_pipeline.comparison.cells import number_name
from mixup_pipeline.training.tasks import Measure, Task, task_named

Results = Mapping[str, Any]
Summary = Mapping[str, Any]

POINTS = 100
_NOT_SHOWN = "no difference shown"
NOTE = (
    "Means over seeds with 95 % t intervals. Differences to the baseline are paired by seed: same initial weights, as "
    "many steps. “No difference shown”: the t or the bootstrap interval holds zero. With few seeds the bootstrap "
    "interval is narrower than it should be, and one in twenty intervals misses by chance."
)
AXIS_NAMES = {"copies": "copies K", "alpha": "α", "subset": "training examples"}


@dataclass(frozen=True)
class Table:
    """A title, the names of the columns, and rows of text. The first text of a row is its name."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


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


def verdict(results: Results, corrupt: float) -> str:
    """One sentence: does mixup help here, under this share of wrong labels?"""
    seeds = results["config"]["seeds"]
    if seeds < 2:
        return "One seed shows nothing: the spread between seeds is unknown. Ask for more with --seeds."
    main, rows = task_of_results(results).main, base_rows(results, corrupt)[1:]
    arms = [(row["cell"]["arm"], row["measures"][main.name]["difference"]) for row in rows]
    directions = {_direction(difference) for _, difference in arms} - {_NOT_SHOWN}
    if not directions:
        lead = "No difference to the baseline is shown"
    elif len(directions) > 1:
        lead = "It depends on the arm"
    else:
        lead = f"{main.title} on clean examples is {directions.pop()} with mixup than without"
    said = "; ".join(f"{arm} {change_text(difference, main)}" for arm, difference in arms)
    return f"{lead}{noise_text(corrupt)}, at the last epoch over {seeds} seeds: {said}."


def tables(results: Results, corrupt: float, *, beyond: bool = True) -> list[Table]:
    """The main measure of the arms and of every sweep under one share of wrong labels. beyond: all others too."""
    noise, rows, task = noise_text(corrupt), base_rows(results, corrupt), task_of_results(results)
    main = task.main
    unit = ", in %" if main.in_percent else ""
    arms = [row["cell"]["arm"] for row in rows]
    found = [_main_table(f"{main.title} by arm{noise}{unit}", main, rows, arms, "arm")]
    for sweep in results["config"]["sweeps"]:
        axis = AXIS_NAMES[sweep["axis"]]
        swept = swept_rows(results, sweep["axis"], corrupt)
        names = [_swept_name(row, sweep["axis"]) for row in swept]
        found.append(_main_table(f"{main.title} by {axis}{noise}{unit}", main, swept, names, f"arm, {axis}"))
    if beyond:
        found.append(_beyond_table(f"Beyond {_within_text(main)}{noise}", task, rows))
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
    text, _, direction = _difference({"difference": difference}, scale_of(main))
    return f"{text}{' points' if main.in_percent else ''} ({direction})"


def _within_text(main: Measure) -> str:
    """The title within a sentence: a word gets a small letter, an abbreviation stays."""
    return main.title.lower() if main.title.istitle() and len(main.title) > 2 else main.title


def _main_table(title: str, main: Measure, rows: Sequence[Summary], names: Sequence[str], first: str) -> Table:
    scale, shown = scale_of(main), _percent if main.in_percent else _number
    beside_online = any("difference to online" in row["measures"][main.name] for row in rows)
    head = [first, "last epoch", "best epoch", "last epoch − baseline", "bootstrap", "shown"]
    head += ["last epoch − online"] if beside_online else []
    lines = []
    for name, row in zip(names, rows, strict=True):
        last = row["measures"][main.name]
        line = [name, shown(last), shown(row["measures"][f"best {main.name}"]), *_difference(last, scale)]
        if beside_online:
            line.append(_difference(last, scale, "difference to online")[0])
        lines.append(tuple(line))
    return Table(title, tuple(head), tuple(lines))


def _beyond_table(title: str, task: Task, rows: Sequence[Summary]) -> Table:
    """All measures but the main one at the last epoch, with their differences to the baseline."""
    names = [name for name in rows[0]["measures"] if name != task.main.name]
    titles = {one.name: one.title for one in task.measures} | {
        f"best {task.main.name}": f"best {_within_text(task.main)}"
    }
    lines = []
    for name in names:
        for row in rows:
            measure = row["measures"][name]
            lines.append(
                (f"{titles.get(name, name)}, {row['cell']['arm']}", _number(measure), *_difference(measure, 1))
            )
    return Table(title, ("measure, arm", "mean", "difference to the baseline", "bootstrap", "shown"), tuple(lines))


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


def _difference(measure: Mapping[str, Any], scale: float, name: str = "difference") -> tuple[str, str, str]:
    """The mean with its t interval, the bootstrap interval, and what they show; empty texts for the baseline."""
    difference = measure.get(name)
    if difference is None:
        return "", "", ""
    form = "+.2f" if scale == POINTS else "+.4f"
    text = f"{scale * difference['mean']:{form}}"
    if difference["t"] is None:
        return text, "", _direction(difference)
    t, bootstrap = (
        f"[{scale * low:{form}}, {scale * high:{form}}]" for low, high in (difference["t"], difference["bootstrap"])
    )
    return f"{text} {t}", bootstrap, _direction(difference)


def _direction(difference: Mapping[str, Any]) -> str:
    """What a difference shows: higher, lower, or nothing."""
    if difference["t"] is None:
        return "one seed shows nothing"
    return _NOT_SHOWN if not difference["shown"] else "higher" if difference["mean"] > 0 else "lower"
