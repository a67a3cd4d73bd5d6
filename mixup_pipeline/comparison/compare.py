"""Compare: train the runs that are missing, measure them, and summarize all."""

import os
import platform
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.comparison import Callbacks, Comparison, described
from mixup_pipeline.comparison.derived import sizes
from mixup_pipeline.comparison.folder import RESULTS_VERSION, CompareFolder
from mixup_pipeline.comparison.run_maker import RunMaker
from mixup_pipeline.comparison.seen import Seen
from mixup_pipeline.comparison.summary import summarize
from mixup_pipeline.training.devices import choose_devices
from mixup_pipeline.training.environment import environment
from mixup_pipeline.training.example_files import arrays_of, check_apart, shared_files
from mixup_pipeline.training.leaks import check_leaks
from mixup_pipeline.training.learner import Learners
from mixup_pipeline.training.model_identity import model_identity
from mixup_pipeline.training.read_alike import read_alike
from mixup_pipeline.training.watch import Stopped

_LIBRARIES = ("apache-beam", "keras", "mixup-pipeline", "numpy", "tensorflow")


def compare(comparison: Comparison, out: Path, callbacks: Callbacks | None = None) -> dict[str, Any]:
    """Train every arm for every seed, except for runs that are complete. The results are written and returned.

    Raises MixupError with one line that says what is wrong and what to do, and Stopped if a run was stopped. Finished
    runs are kept.
    """
    started, folder, notes = time.monotonic(), CompareFolder(out), list[str]()
    told = _noting(callbacks or Callbacks(), notes)
    learners = Learners(choose_devices(comparison.device), deterministic=comparison.deterministic)
    with ExitStack() as opened:
        source, evaluation = _seen(comparison, opened)
        _tell_apart(source, evaluation, told)
        asked = {**comparison.identity(), **_content(comparison, source, evaluation), **environment(learners)}
        opened.enter_context(folder.claimed(asked, told.on_note))
        maker = RunMaker(comparison, folder, told, learners, source)
        devices, records = learners.devices, maker.evaluation.records
        task = records.task.name
        if devices.note is not None and callbacks is not None:
            callbacks.on_note(devices.note)
        runs = _all_runs(maker, comparison, told)
        results: dict[str, Any] = {
            "format_version": RESULTS_VERSION,
            "command": comparison.command,
            "source": described(comparison.source),
            "evaluation": described(comparison.evaluation),
            "config": asdict(comparison.config),
            "class_names": records.class_names,
            "shape": records.shape,
            "examples": {**_sizes(comparison, source), "evaluation": records.examples},
            **({} if task == "classification" else {"task": task}),
            "runs": runs,
            "summary": summarize(runs, task, maker.right, maker.evaluation.truth if maker.right else None),
            "machine": _machine(devices.names, deterministic=learners.deterministic),
            "seconds": round(time.monotonic() - started, 1),
        }
        if notes:
            results["notes"] = notes
        folder.save_results(results)
    return results


def _sizes(comparison: Comparison, source: Seen) -> dict[str, list[int]]:
    """The sizes of the training sets that are not swept."""
    config = comparison.config
    return sizes(source, subset=config.subset, val_share=config.train.val_share, seeds=config.seeds)


def _seen(comparison: Comparison, opened: ExitStack) -> tuple[Seen, Seen]:
    """The training and the evaluation examples, each in one pass over its files."""
    policy = comparison.on_bad_record
    source = Seen.of(comparison.source, policy, opened)
    evaluation = replace(comparison.evaluation, allow_eval_split=True)
    return source, Seen.of(read_alike(evaluation, source.source.spec, comparison.source), policy, opened)


def _tell_apart(source: Seen, evaluation: Seen, told: Callbacks) -> None:
    """Refuse evaluation examples that are trained on, for all arms at once; a few are only said."""
    sides = [(seen.source.files, arrays_of(seen.source)) for seen in (source, evaluation)]
    check_apart(shared_files(*sides[0], *sides[1]))
    few = check_leaks(source.records, evaluation.records)
    if few is not None:
        told.on_note(few)


def _content(comparison: Comparison, source: Seen, evaluation: Seen) -> dict[str, Any]:
    """What the names of data and model do not tell: that they are those that finished runs have seen."""
    records = {"source": source.fingerprint, "evaluation": evaluation.fingerprint}
    return {"records": records, "model": model_identity(comparison.config.train, source.interface)}


def _noting(told: Callbacks, notes: list[str]) -> Callbacks:
    """The same callbacks, which also keep the notes on damaged files, for the results."""

    def on_note(note: str) -> None:
        notes.append(note)
        told.on_note(note)

    return replace(told, on_note=on_note)


def _all_runs(maker: RunMaker, comparison: Comparison, told: Callbacks) -> list[dict[str, Any]]:
    """All runs, trained now or found: ordered by cell, then by seed."""
    cells = comparison.config.cells()
    todo = [(seed, cell) for seed in range(comparison.config.seeds) for cell in _grouped_by_condition(cells)]
    runs = []
    try:
        for number, (seed, cell) in enumerate(todo, 1):
            run = maker.run(cell, seed)
            runs.append(run)
            told.on_run(number, len(todo), cell, seed, run)
            if maker.stopping and number < len(todo):
                raise Stopped(f"stopped after run {number} of {len(todo)}, finished runs are kept")
    finally:
        maker.folder.clear_work()
    return sorted(runs, key=lambda run: (cells.index(Cell(**run["cell"])), run["seed"]))


def _grouped_by_condition(cells: list[Cell]) -> list[Cell]:
    """Cells of one condition one after the other, so that their training examples are written once."""
    conditions = list(dict.fromkeys(cell.condition for cell in cells))
    return sorted(cells, key=lambda cell: conditions.index(cell.condition))


def _machine(devices: tuple[str, ...], *, deterministic: bool) -> dict[str, Any]:
    """Where the runs were trained, for the report."""
    return {
        "deterministic": deterministic,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "devices": list(devices),
        "versions": {"python": platform.python_version()} | {library: version(library) for library in _LIBRARIES},
    }
