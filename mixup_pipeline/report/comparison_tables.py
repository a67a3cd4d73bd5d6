"""The tables of a comparison, as text in cells: the terminal, the Markdown file and the page show the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Any]
Summary = Mapping[str, Any]

_POINTS = 100
_AXIS_NAMES = {"copies": "copies K", "alpha": "α", "limit": "training examples"}


@dataclass(frozen=True)
class Table:
    """A title, what the columns are, and rows of text, the first of each its name."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def verdict(results: Results) -> str:
    """One sentence: does mixup help here?"""
    seeds, config = results["config"]["seeds"], results["config"]
    if seeds < 2:
        return "One seed shows nothing: the spread between seeds is unknown. Ask for more with --seeds."
    corrupt = config["corrupt_labels"][0]
    said = []
    for row in base_rows(results, corrupt):
        difference = row["measures"]["accuracy"].get("difference")
        if difference is not None:
            change = _POINTS * difference["mean"]
            low, high = (_POINTS * limit for limit in difference["t"])
            how = "no difference shown" if not difference["shown"] else "higher" if change > 0 else "lower"
            said.append(f"{row['cell']['arm']} {how} ({change:+.2f} points, 95 % interval {low:+.2f} to {high:+.2f})")
    noise = f" with {corrupt:.0%} wrong labels" if corrupt else ""
    return f"Accuracy on clean examples{noise} against the baseline, over {seeds} seeds: {'; '.join(said)}."


def tables(results: Results, *, beyond: bool = True) -> list[Table]:
    """The arms under each share of wrong labels, one table for every sweep, and with `beyond` all that was measured."""
    config, found = results["config"], []
    for corrupt in config["corrupt_labels"]:
        noise = f", {corrupt:.0%} of the training labels wrong" if corrupt else ""
        rows = base_rows(results, corrupt)
        found.append(_accuracy_table(f"Arms{noise}", rows, [row["cell"]["arm"] for row in rows], "arm"))
        if beyond:
            found.append(_beyond_table(f"Beyond accuracy{noise}", rows))
        for sweep in config["sweeps"]:
            swept = swept_rows(results, sweep["axis"], corrupt)
            names = [_swept_name(row, sweep["axis"]) for row in swept]
            title = f"{_AXIS_NAMES[sweep['axis']].capitalize()} swept{noise}"
            found.append(_accuracy_table(title, swept, names, f"arm, {_AXIS_NAMES[sweep['axis']]}"))
    return found


def base_rows(results: Results, corrupt: float) -> list[Summary]:
    """The arms under the settings that are not swept."""
    config = results["config"]
    return [
        row
        for row in results["summary"]
        if row["cell"]["corrupt"] == corrupt
        and row["cell"]["limit"] is None
        and row["cell"]["alpha"] in (None, config["alpha"])
        and row["cell"]["copies"] in (None, config["copies"])
    ]


def swept_rows(results: Results, axis: str, corrupt: float) -> list[Summary]:
    """The arms at every value of a sweep; an arm that the axis does not concern appears once."""
    config = results["config"]
    values = next(sweep["values"] for sweep in config["sweeps"] if sweep["axis"] == axis)
    fixed = {"alpha": config["alpha"], "copies": config["copies"], "limit": None}
    del fixed[axis]
    rows = [
        row
        for row in results["summary"]
        if row["cell"]["corrupt"] == corrupt
        and all(row["cell"][name] in (None, value) for name, value in fixed.items())
        and (row["cell"][axis] in values or (axis != "limit" and row["cell"][axis] is None))
    ]
    arms = config["arms"]
    return sorted(rows, key=lambda row: (arms.index(row["cell"]["arm"]), row["cell"][axis] or 0))


def _accuracy_table(title: str, rows: Sequence[Summary], names: Sequence[str], first: str) -> Table:
    head = (
        first,
        "accuracy, last epoch",
        "difference, points",
        "bootstrap",
        "",
        "accuracy, best epoch",
        "NLL",
        "ECE",
        "Brier",
    )
    lines = []
    for name, row in zip(names, rows, strict=True):
        measures = row["measures"]
        lines.append(
            (
                name,
                _percent(measures["accuracy"]),
                *_difference(measures["accuracy"], _POINTS),
                _percent(measures["best accuracy"]),
                *(_number(measures[key]) for key in ("nll", "ece", "brier")),
            )
        )
    return Table(title, head, tuple(lines))


def _beyond_table(title: str, rows: Sequence[Summary]) -> Table:
    """Everything that is not in the first table, with its difference to the baseline."""
    names = [name for name in rows[0]["measures"] if name.endswith((" accuracy", "confidence", "ece", "nll"))]
    lines = []
    for row in rows:
        for name in names:
            measure = row["measures"][name]
            lines.append((f"{name}, {row['cell']['arm']}", _number(measure), *_difference(measure, 1)))
    lines.sort(key=lambda line: names.index(line[0].rsplit(", ", 1)[0]))
    return Table(title, ("measure, arm", "mean", "difference", "bootstrap", ""), tuple(lines))


def _swept_name(row: Summary, axis: str) -> str:
    value = row["cell"][axis]
    return row["cell"]["arm"] if value is None else f"{row['cell']['arm']}, {value:g}"


def _percent(measure: Mapping[str, Any]) -> str:
    return _interval(measure, 100, ".2f")


def _number(measure: Mapping[str, Any]) -> str:
    return _interval(measure, 1, ".4f")


def _interval(measure: Mapping[str, Any], scale: float, form: str) -> str:
    text = f"{scale * measure['mean']:{form}}"
    if measure["low"] is None:
        return text
    return f"{text} [{scale * measure['low']:{form}}, {scale * measure['high']:{form}}]"


def _difference(measure: Mapping[str, Any], scale: float) -> tuple[str, str, str]:
    """Mean with its t interval, the bootstrap interval, and what they show."""
    difference = measure.get("difference")
    if difference is None:
        return "", "", ""
    form = "+.2f" if scale == _POINTS else "+.4f"
    text = f"{scale * difference['mean']:{form}}"
    if difference["t"] is None:
        return text, "", "one seed shows nothing"
    t, bootstrap = (
        f"[{scale * low:{form}}, {scale * high:{form}}]" for low, high in (difference["t"], difference["bootstrap"])
    )
    shown = "no difference shown" if not difference["shown"] else "higher" if difference["mean"] > 0 else "lower"
    return f"{text} {t}", bootstrap, shown
