"""From runs to means and paired differences."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.statistics import difference, estimate

Run = Mapping[str, Any]
_OF_LAST = ("accuracy", "nll", "ece", "brier", "confidence")


def summarize(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """For each cell and measure: mean and interval over the seeds, and the paired difference to the baseline.

    The baseline is the one that was trained on the same examples. It has no difference to itself.
    """
    by_cell: dict[Cell, dict[int, Run]] = {}
    for run in runs:
        by_cell.setdefault(Cell(**run["cell"]), {})[run["seed"]] = run
    baselines = {cell.condition: found for cell, found in by_cell.items() if cell.arm == "baseline"}
    return [
        {
            "cell": asdict(cell),
            "steps": next(iter(found.values()))["steps"],
            "measures": {
                name: _measured(take, found, baselines[cell.condition] if cell.arm != "baseline" else None)
                for name, take in _measures(next(iter(found.values()))).items()
            },
        }
        for cell, found in by_cell.items()
    ]


def _measured(take: Callable[[Run], float], runs: Mapping[int, Run], baseline: Mapping[int, Run] | None) -> Any:
    measured = asdict(estimate([take(runs[seed]) for seed in sorted(runs)]))
    if baseline is not None:
        paired = sorted(set(runs) & set(baseline))
        found = difference([take(runs[seed]) for seed in paired], [take(baseline[seed]) for seed in paired])
        measured["difference"] = {**asdict(found), "shown": found.shown}
    return measured


def _measures(run: Run) -> dict[str, Callable[[Run], float]]:
    """What is measured of a run, by name: at the last epoch unless the name says otherwise."""

    def of_last(name: str) -> Callable[[Run], float]:
        return lambda run: float(run["last"][name])

    def of_probe(name: str, key: str | None) -> Callable[[Run], float]:
        return lambda run: float(run["probes"][name] if key is None else run["probes"][name][key])

    measures = {name: of_last(name) for name in _OF_LAST}
    measures["best accuracy"] = lambda run: float(run["best"]["accuracy"])
    for name, value in run["probes"].items():
        if isinstance(value, float):
            measures[f"{name} accuracy"] = of_probe(name, None)
        elif isinstance(value, Mapping):
            measures[f"{name} confidence"] = of_probe(name, "confidence")
    return measures
