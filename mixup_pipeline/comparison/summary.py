"""From runs to means, paired differences, and what they show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.comparison import power
from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.sampling import Right, both_interval, by_class, mcnemar_of_seeds
from mixup_pipeline.comparison.statistics import LEVEL, Bounds, bounds, difference, estimate, holm
from mixup_pipeline.training.tasks import task_named

Run = Mapping[str, Any]
RightOf = Mapping[tuple[Cell, int], Right]
"""Which evaluation examples each run classifies rightly, by cell and seed."""

TO_BASELINE, TO_ONLINE = "difference", "difference to online"
MARGIN = 0.005
"""Shares that differ by no more than this, half a point, count as equivalent."""
_ASKED_EFFECTS = (0.005, 0.01)
_OF_PROBES: dict[str, dict[str, str]] = {
    "temperature": {"nll": "nll", "ece": "ece"},
    "accuracy": {"accuracy": "accuracy", "zero_gradients": "zero gradients"},
    "confidence": {"confidence": "confidence"},
}
"""What of a probe is summarized, and what it is called, by the first name in its result."""


def summarize(
    runs: Sequence[Run],
    task: str = "classification",
    right: RightOf | None = None,
    truth: npt.NDArray[np.integer[Any]] | None = None,
) -> list[dict[str, Any]]:
    """For each cell and measure: mean and interval over the seeds, and the paired difference to the baseline.

    The baseline is the one trained on the same examples; its own rows have no difference. The main measure of an arm
    mixed ahead of training also has its difference to mixup online with the same examples and α, if that was trained.
    What a difference shows is corrected for all cells that have this difference. right, truth: where predictions are
    classes, which evaluation examples are classified rightly, and their true classes; then the difference of accuracies
    has its sampling error too, and a row has the accuracy on each class.
    """
    by_cell: dict[Cell, dict[int, Run]] = {}
    for run in runs:
        by_cell.setdefault(Cell(**run["cell"]), {})[run["seed"]] = run
    baselines = {cell.condition: found for cell, found in by_cell.items() if cell.arm == "baseline"}
    online = {(cell.condition, cell.alpha): found for cell, found in by_cell.items() if cell.arm == "online"}
    summary, main = [], task_named(task).main
    for cell, found in by_cell.items():
        measures = {}
        for name, take in _measures(next(iter(found.values())), task).items():
            within = bounds(name, task)
            measures[name] = asdict(estimate([take(found[seed]) for seed in sorted(found)], within))
            if cell.arm != "baseline":
                measures[name][TO_BASELINE] = _paired(take, found, baselines[cell.condition], within)
        fresh = online.get((cell.condition, cell.alpha))
        if cell.copies is not None and fresh is not None:
            take, within = _of_last(main.name), bounds(main.name, task)
            measures[main.name][TO_ONLINE] = _paired(take, found, fresh, within)
        row = {"cell": asdict(cell), "steps": next(iter(found.values()))["steps"], "measures": measures}
        if right and truth is not None:
            row |= _of_examples(cell, found, baselines[cell.condition], right, truth, measures[main.name])
        summary.append(row)
    for name in dict.fromkeys(name for row in summary for name in row["measures"]):
        for kind in (TO_BASELINE, TO_ONLINE):
            _decide([row["measures"][name][kind] for row in summary if kind in row["measures"].get(name, ())])
    compared = [row["measures"][main.name][TO_BASELINE] for row in summary if TO_BASELINE in row["measures"][main.name]]
    for one in compared:
        one.update(_could_tell(one, len(compared), in_percent=main.in_percent))
    return summary


def _of_examples(
    cell: Cell,
    runs: Mapping[int, Run],
    baseline: Mapping[int, Run],
    right: RightOf,
    truth: npt.NDArray[np.integer[Any]],
    accuracy: dict[str, Any],
) -> dict[str, Any]:
    """The accuracy on each class; what the examples tell of the difference to the baseline is added to `accuracy`."""
    num_classes = int(truth.max(initial=0)) + 1
    own = by_class([right[cell, seed] for seed in sorted(runs)], truth, num_classes)
    if TO_BASELINE not in accuracy:
        return {"per_class": {"accuracy": own}}
    other = Cell(**next(iter(baseline.values()))["cell"])
    seeds = sorted(set(runs) & set(baseline))
    sides = [right[cell, seed] for seed in seeds], [right[other, seed] for seed in seeds]
    accuracy[TO_BASELINE] |= {"both": both_interval(*sides), "mcnemar": mcnemar_of_seeds(*sides)}
    here, there = (by_class(side, truth, num_classes) for side in sides)
    changes = [None if a is None or b is None else a - b for a, b in zip(here, there, strict=True)]
    return {"per_class": {"accuracy": own, "difference": changes}}


def _decide(differences: Sequence[dict[str, Any]]) -> None:
    """Add the p-values that are corrected for all of these, and whether each is shown."""
    for one, corrected in zip(differences, holm([one["p"] for one in differences]), strict=True):
        one["holm"] = corrected
        one["shown"] = corrected is not None and corrected < 1 - LEVEL


def _could_tell(found: Mapping[str, Any], compared: int, *, in_percent: bool) -> dict[str, Any]:
    """What these seeds could have shown, at the level that the first of all comparisons has to pass."""
    if found["p"] is None:
        return {"detectable": None, "seeds_for": None, "equivalent": None}
    spread, num_seeds, level = found["spread"], found["num_seeds"], (1 - LEVEL) / compared
    told: dict[str, Any] = {"detectable": power.detectable(spread, num_seeds, level)}
    if not in_percent:
        return {**told, "seeds_for": None, "equivalent": None}
    seeds = {f"{effect:g}": power.seeds_for(effect, spread, level) for effect in _ASKED_EFFECTS}
    p = power.equivalence(found["mean"], spread, num_seeds, MARGIN)
    return {**told, "seeds_for": seeds, "equivalent": {"margin": MARGIN, "p": p, "shown": p < 1 - LEVEL}}


def _paired(
    take: Callable[[Run], float], runs: Mapping[int, Run], others: Mapping[int, Run], within: Bounds
) -> dict[str, Any]:
    """runs − others, seed by seed."""
    seeds = sorted(set(runs) & set(others))
    return asdict(difference([take(runs[seed]) for seed in seeds], [take(others[seed]) for seed in seeds], within))


def _of_last(name: str) -> Callable[[Run], float]:
    return lambda run: float(run["last"][name])


def _measures(run: Run, task: str) -> dict[str, Callable[[Run], float]]:
    """Functions that give each measure of a run, by name: at the last epoch unless the name says otherwise."""

    def of_probe(name: str, key: str) -> Callable[[Run], float]:
        return lambda run: float(run["probes"][name][key])

    main = task_named(task).main.name
    measures = {one.name: _of_last(one.name) for one in task_named(task).measures}
    measures[f"best {main}"] = lambda run: float(run["best"][main])
    for name, value in run["probes"].items():
        shown = _OF_PROBES[next(iter(value))] if isinstance(value, Mapping) else {}
        measures |= {f"{name} {words}": of_probe(name, key) for key, words in shown.items()}
    return measures
