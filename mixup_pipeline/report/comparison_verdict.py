"""The verdict of a comparison, in words: what is shown of each arm, and what these seeds could have shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from mixup_pipeline.comparison.cells import LEAST_SEEDS, number_name
from mixup_pipeline.report.comparison_tables import (
    AXIS_NAMES,
    Results,
    base_rows,
    change_text,
    direction_of,
    noise_text,
    points_text,
    scale_of,
    swept_rows,
    task_of_results,
)
from mixup_pipeline.training.tasks import Measure


def verdict(results: Results, corrupt: float) -> str:
    """What is shown of each arm under this share of wrong labels, and what these seeds could have shown."""
    seeds = results["config"]["seeds"]
    if seeds < LEAST_SEEDS:
        return (
            f"{'One seed shows' if seeds == 1 else f'{seeds} seeds show'} nothing: an effect cannot be told from the "
            f"spread between seeds by fewer than {LEAST_SEEDS}. Ask for more with --seeds."
        )
    main, rows = task_of_results(results).main, base_rows(results, corrupt)[1:]
    arms = [(row["cell"]["arm"], row["measures"][main.name]["difference"]) for row in rows]
    changes = [
        f"{direction} with {_and([arm for arm, difference in arms if direction_of(difference) == direction])}"
        for direction in ("higher", "lower")
        if any(direction_of(difference) == direction for _, difference in arms)
    ]
    lead = (
        f"{main.title} on clean examples is {', '.join(changes)}"
        if changes
        else "No difference to the baseline is shown"
    )
    said = "; ".join(f"{arm} {change_text(difference, main)}" for arm, difference in arms)
    parts = [f"{lead}{noise_text(corrupt)}, at the last epoch over {seeds} seeds: {said}."]
    parts += [_elsewhere(results, corrupt, main), _surely_small(arms, main), _could_find(arms, seeds, main)]
    return " ".join(filter(None, parts))


def _elsewhere(results: Results, corrupt: float, main: Measure) -> str:
    """Where under the other settings of the sweeps a difference is shown."""
    usual = [row["cell"] for row in base_rows(results, corrupt)]
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for sweep in results["config"]["sweeps"]:
        axis = sweep["axis"]
        for row in swept_rows(results, axis, corrupt):
            cell, difference = row["cell"], row["measures"][main.name].get("difference")
            if cell not in usual and difference is not None and difference["shown"]:
                of_arm = found.setdefault((direction_of(difference), cell["arm"]), {})
                of_arm.setdefault(AXIS_NAMES[axis], []).append(number_name(cell[axis]))
    said = "; ".join(
        f"{direction} with {arm} at {', '.join(f'{axis} {_and(values)}' for axis, values in of_arm.items())}"
        for (direction, arm), of_arm in sorted(found.items())
    )
    return f"Under other settings it is {said}." if said else ""


def _surely_small(arms: Sequence[tuple[str, Mapping[str, Any]]], main: Measure) -> str:
    """The arms that are shown to be equivalent to the baseline."""
    tested = [(arm, difference["equivalent"]) for arm, difference in arms if difference.get("equivalent")]
    found = [arm for arm, equivalent in tested if equivalent["shown"]]
    if not found:
        return ""
    margin = f"±{scale_of(main) * tested[0][1]['margin']:g}{points_text(main)}"
    return f"With {_and(found)} it is shown to lie within {margin} (two one-sided tests, each alone)."


def _could_find(arms: Sequence[tuple[str, Mapping[str, Any]]], seeds: int, main: Measure) -> str:
    """The effect that these seeds could have shown, where nothing is."""
    effects = [
        difference["detectable"] for _, difference in arms if not difference["shown"] and difference["detectable"]
    ]
    if not effects:
        return ""
    low, high = (
        f"{scale_of(main) * effect:.{2 if main.in_percent else 4}f}" for effect in (min(effects), max(effects))
    )
    size = low if low == high else f"{low} to {high}"
    return f"Where none is shown, {seeds} seeds would find one of {size}{points_text(main)} four times in five."


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
