"""A comparison from what a user asks for: train what is missing, measure it, gather the results."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.comparison import probes
from mixup_pipeline.comparison.augmenting import augment_cell
from mixup_pipeline.comparison.cells import Cell, CompareConfig, attack_name
from mixup_pipeline.comparison.derived import check_derivable, derive
from mixup_pipeline.comparison.folder import CompareFolder
from mixup_pipeline.comparison.summary import summarize
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import PAIRINGS
from mixup_pipeline.errors import TrainingError
from mixup_pipeline.sources import evaluation_config, find_files
from mixup_pipeline.training.devices import choose_devices
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import check_apart, source_examples
from mixup_pipeline.training.learner import Learner, Learners
from mixup_pipeline.training.loop import Job, Trainer
from mixup_pipeline.training.run_folder import Row, RunFolder
from mixup_pipeline.training.train import Prepared, Request, prepare, train
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.watch import OnStep, Stopped

RESULTS_VERSION = 1
_LIBRARIES = ("apache-beam", "keras", "mixup-pipeline", "numpy", "tensorflow")
_SAMPLES = 8


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What to compare, on what. command: as the user typed it, for the report."""

    source: SourceConfig
    evaluation: SourceConfig
    config: CompareConfig = field(default_factory=CompareConfig)
    device: str = "auto"
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Watching:
    """Whom to tell: the trainer of each run before it starts, steps, that it has ended, each finished run (number, of
    how many), and what the user should know.
    """

    on_start: Callable[[Trainer], None] = lambda trainer: None
    on_end: Callable[[], None] = lambda: None
    on_note: Callable[[str], None] = lambda note: None
    on_step: OnStep = lambda done, total, measures: None
    on_run: Callable[[int, int, Cell, int, dict[str, Any]], None] = lambda number, total, cell, seed, result: None


def compare(comparison: Comparison, out: Path, watching: Watching | None = None) -> dict[str, Any]:
    """Train every arm for every seed, unless that is done already; the results, which are written too.

    Raises MixupError with one line that says what is wrong and what to do, and Stopped where a run was stopped: what is
    finished is kept.
    """
    started, config, folder = time.monotonic(), comparison.config, CompareFolder(out)
    with folder.claimed(_identity(comparison)):
        workshop = _Workshop(comparison, folder, watching or Watching())
        if workshop.learners.devices.note is not None:
            workshop.watching.on_note(workshop.learners.devices.note)
        runs = _runs(workshop)
        results = {
            "format_version": RESULTS_VERSION,
            "command": comparison.command,
            "source": asdict(comparison.source),
            "evaluation": asdict(comparison.evaluation),
            "config": asdict(config),
            "class_names": workshop.evaluation.records.class_names,
            "shape": workshop.evaluation.records.shape,
            "runs": runs,
            "summary": summarize(runs),
            "machine": _machine(workshop.learners.devices.names),
            "seconds": round(time.monotonic() - started, 1),
        }
        folder.save_results(results)
    return results


def _runs(workshop: "_Workshop") -> list[dict[str, Any]]:
    """All runs, made or found: cell by cell, in each by seed."""
    config, watching = workshop.comparison.config, workshop.watching
    todo = [(seed, cell) for seed in range(config.seeds) for cell in _together(config.cells())]
    runs = []
    try:
        for number, (seed, cell) in enumerate(todo, 1):
            result = workshop.run(cell, seed)
            runs.append(result)
            watching.on_run(number, len(todo), cell, seed, result)
            if workshop.stopping and number < len(todo):
                raise Stopped(f"stopped after run {number} of {len(todo)}, finished runs are kept")
    finally:
        workshop.folder.clear_work()
    return sorted(runs, key=lambda run: (config.cells().index(Cell(**run["cell"])), run["seed"]))


class _Workshop:
    """What all runs share: devices, compiled models, evaluation data."""

    def __init__(self, comparison: Comparison, folder: CompareFolder, watching: Watching) -> None:
        self.comparison, self.folder, self.watching = comparison, folder, watching
        self.learners = Learners(choose_devices(comparison.device))
        place = comparison.evaluation
        self.evaluation = Evaluation(source_examples(replace(place, allow_eval_split=True)))
        self.outliers = {
            name: Evaluation(source_examples(evaluation_config(place, name, split=place.split)))
            for name in comparison.config.outliers
        }
        check_apart((file.path for file in find_files(comparison.source)), self.evaluation.records)
        probes.check_probes(self.evaluation.records, comparison.config.fgsm, self.outliers)
        if comparison.config.fgsm:
            probes.float_twin(self._learner(comparison.config.train), self.evaluation.records.shape)  # or refuse now
        conditions = [cell.condition for cell in comparison.config.cells()]
        limits, shares = {limit for limit, _ in conditions if limit is not None}, {share for _, share in conditions}
        check_derivable(comparison.source, limits, shares, comparison.config.train.batch_size)
        self._derived: tuple[Any, SourceConfig] | None = None
        self._trainer: Trainer | None = None

    @property
    def stopping(self) -> bool:
        """Whether the last run was told to stop, and was done before it could."""
        return self._trainer is not None and self._trainer.stopping

    def run(self, cell: Cell, seed: int) -> dict[str, Any]:
        """Train one cell for one seed, or find it done; what the results hold of it."""
        run, config = RunFolder(self.folder.run(cell, seed)), replace(self.comparison.config.train, seed=seed)
        found = self.folder.load_probes(cell, seed)
        missing = [name for name in self._wanted() if name not in found]
        if not run.result.is_file():
            self._train(cell, seed, config, run.root)
        if missing:
            learner = self._learner(config)
            learner.load_weights(run.last_weights)
            self.folder.save_probes(cell, seed, {**found, **{name: self._probe(name, learner) for name in missing}})
            found = self.folder.load_probes(cell, seed)
        result, history = run.load_finished()
        return {
            "cell": asdict(cell),
            "seed": seed,
            "steps": result["steps"],
            "seconds": result["seconds"],
            "last": result["last"],
            "best": result["best"],
            "history": history,
            "probes": {name: found[name] for name in self._wanted()},
        }

    def _train(self, cell: Cell, seed: int, config: TrainConfig, out: Path) -> None:
        prepared, watching = self._prepare(cell, seed, config), self.watching

        def on_epoch(row: Row) -> None:
            if seed == 0 and not self.folder.samples(cell).is_file():
                self.folder.save_samples(cell, *_first_examples(prepared.job))

        try:
            train(prepared, out, self.learners, on_start=self._on_start, on_step=watching.on_step, on_epoch=on_epoch)
        except TrainingError as error:
            raise TrainingError(f"arm {cell.name}, seed {seed}: {error}") from error
        watching.on_end()
        self.folder.clear_shards(cell, seed)

    def _on_start(self, trainer: Trainer, notes: Sequence[str]) -> None:
        if self.stopping:  # told between two runs, when the last trainer listened
            trainer.stop()
        self._trainer = trainer
        self.watching.on_start(trainer)

    def _prepare(self, cell: Cell, seed: int, config: TrainConfig) -> Prepared:
        source = self._source(cell, seed)
        request = Request(evaluation=self.comparison.evaluation, config=config)
        if cell.arm in PAIRINGS:
            shards = self.folder.shards(cell, seed)
            augment_cell(source, cell, seed=seed, out=shards)
            return prepare(replace(request, shards=shards), self.evaluation)
        return prepare(
            replace(request, src=source, mix_online=cell.alpha if cell.arm == "online" else None), self.evaluation
        )

    def _source(self, cell: Cell, seed: int) -> SourceConfig:
        """The training examples of a cell; what the last condition needed is removed when another begins."""
        key = (*cell.condition, seed)
        if self._derived is None or self._derived[0] != key:
            self.folder.clear_work()
            source = self.comparison.source
            if cell.condition != (None, 0.0):
                folder = self.folder.work / "source"
                source = derive(source, folder, limit=cell.limit, corrupt=cell.corrupt, seed=seed)
            self._derived = key, source
        return self._derived[1]

    def _learner(self, config: TrainConfig) -> Learner:
        """A learner that is only asked, never trained, so that its schedule does not matter."""
        records = self.evaluation.records
        return self.learners.get(config, records.shape, records.num_classes, epoch_steps=1, total_steps=1)

    def _wanted(self) -> list[str]:
        """The names of all probes."""
        config = self.comparison.config
        attacks = [attack_name(size) for size in config.fgsm]
        return ["reliability", probes.NOISE, *attacks, *config.outliers]

    def _probe(self, name: str, learner: Learner) -> Any:
        shape = self.evaluation.records.shape
        if name == "reliability":
            return probes.reliability_of(learner, self.evaluation)
        if name == probes.NOISE:
            return probes.noise_confidence(learner, shape)
        if name.startswith("fgsm "):
            return probes.fgsm_accuracy(learner, self.evaluation, float(name.split()[1]))
        return probes.outlier_confidence(learner, self.outliers[name])


def _together(cells: list[Cell]) -> list[Cell]:
    """Cells of one condition beside each other, so that its examples are written once."""
    conditions = list(dict.fromkeys(cell.condition for cell in cells))
    return sorted(cells, key=lambda cell: conditions.index(cell.condition))


def _identity(comparison: Comparison) -> dict[str, Any]:
    """What must stay the same in a folder, because every run in it depends on it."""
    config = asdict(comparison.config.train)
    del config["seed"]
    source, evaluation = asdict(comparison.source), asdict(comparison.evaluation)
    for place in (source, evaluation):
        del place["data_dir"]
    return {"source": source, "evaluation": evaluation, "train": config}


def _first_examples(job: Job) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
    """The first inputs that a run reads, and their soft labels, for the report."""
    inputs, labels = next(job.batches(0, 0, 1).as_numpy_iterator())
    return inputs[:_SAMPLES], labels[:_SAMPLES]


def _machine(devices: tuple[str, ...]) -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "devices": list(devices),
        "versions": {"python": platform.python_version()} | {library: version(library) for library in _LIBRARIES},
    }
