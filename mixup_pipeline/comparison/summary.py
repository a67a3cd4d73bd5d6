"""From runs to means and paired differences."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.statistics import Bounds, bounds, difference, estimate
from mixup_pipeline.training.tasks import task_named

Run = Mapping[str, Any]


def summarize(runs: Sequence[Run], task: str = "classification") -> list[dict[str, Any]]:
    """For each cell and measure: mean and interval over the seeds, and the paired difference to the baseline.

    The baseline is the one trained on the same examples; its own rows have no difference. The main measure of an arm
    mixed ahead of training also has its difference to mixup online with the same examples and α, if that was trained.
    """
    by_cell: dict[Cell, dict[int, Run]] = {}
    for run in runs:
        by_cell.setdefault(Cell(**run["cell"]), {})[run["seed"]] = run
    baselines = {cell.condition: found for cell, found in by_cell.items() if cell.arm == "baseline"}
    online = {(cell.condition, cell.alpha): found for cell, found in by_cell.items() if cell.arm == "online"}
    summary, main = [], task_named(task).main.name
    for cell, found in by_cell.items():
        measures = {}
        for name, take in _measures(next(iter(found.values())), task).items():
            within = bounds(name, task)
            measures[name] = asdict(estimate([take(found[seed]) for seed in sorted(found)], within))
            if cell.arm != "baseline":
                measures[name]["difference"] = _paired(take, found, baselines[cell.condition], within)
        fresh = online.get((cell.condition, cell.alpha))
        if cell.copies is not None and fresh is not None:
            measures[main]["difference to online"] = _paired(_of_last(main), found, fresh, bounds(main, task))
        summary.append({"cell": asdict(cell), "steps": next(iter(found.values()))["steps"], "measures": measures})
    return summary


def _paired(
    take: Callable[[Run], float], runs: Mapping[int, Run], others: Mapping[int, Run], within: Bounds
) -> dict[str, Any]:
    """runs − others, seed by seed."""
    seeds = sorted(set(runs) & set(others))
    found = difference([take(runs[seed]) for seed in seeds], [take(others[seed]) for seed in seeds], within)
    return {**asdict(found), "shown": found.shown}


def _of_last(name: str) -> Callable[[Run], float]:
    return lambda run: float(run["last"][name])


def _measures(run: Run, task: str) -> dict[str, Callable[[Run], float]]:
    """Functions that give each measure of a run, by name: at the last epoch unless the name says otherwise."""

    def of_probe(name: str, key: str | None) -> Callable[[Run], float]:
        return lambda run: float(run["probes"][name] if key is None else run["probes"][name][key])

    main = task_named(task).main.name
    measures = {one.name: _of_last(one.name) for one in task_named(task).measures}
    measures[f"best {main}"] = lambda run: float(run["best"][main])
    for name, value in run["probes"].items():
        if isinstance(value, float):
            measures[f"{name} accuracy"] = of_probe(name, None)
        elif isinstance(value, Mapping):
            measures[f"{name} confidence"] = of_probe(name, "confidence")
    return measures
