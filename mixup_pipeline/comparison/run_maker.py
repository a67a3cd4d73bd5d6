"""One run of a comparison: its training examples, its training and its probes."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.comparison import probes
from mixup_pipeline.comparison.augmenting import augment_cell
from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.comparison import Callbacks, Comparison
from mixup_pipeline.comparison.derived import check_derivable, derive
from mixup_pipeline.comparison.folder import CompareFolder
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import TrainingError
from mixup_pipeline.sources import evaluation_config, find_files
from mixup_pipeline.training.devices import choose_devices
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import check_apart, source_examples
from mixup_pipeline.training.learner import Learner, Learners
from mixup_pipeline.training.loop import Job, Trainer
from mixup_pipeline.training.run_folder import Row, RunFolder
from mixup_pipeline.training.train import Prepared, TrainRequest, prepare, train
from mixup_pipeline.training.train_config import TrainConfig

_SAMPLES = 8


class RunMaker:
    """Makes the runs of a comparison. They share devices, compiled models and evaluation data."""

    def __init__(self, comparison: Comparison, folder: CompareFolder, callbacks: Callbacks) -> None:
        """Raises UsageError, SourceError or RecordError if what is asked cannot be done with these data."""
        self.folder = folder
        self._comparison, self._config, self._callbacks = comparison, comparison.config, callbacks
        self.learners = Learners(choose_devices(comparison.device))
        evaluation = comparison.evaluation
        self.evaluation = Evaluation(source_examples(replace(evaluation, allow_eval_split=True)))
        self._outliers = {
            name: Evaluation(source_examples(evaluation_config(evaluation, name, split=evaluation.split)))
            for name in self._config.outliers
        }
        self._training_set: tuple[Any, SourceConfig] | None = None
        self._trainer: Trainer | None = None
        self._check()

    def _check(self) -> None:
        """Refuse before the first run what a later one could not do."""
        config, records = self._config, self.evaluation.records
        check_apart((file.path for file in find_files(self._comparison.source)), records)
        probes.check_probes(records, config.fgsm, self._outliers)
        if config.fgsm:
            probes.float_twin(self._learner(config.train), records.shape)
        subsets, shares = zip(*(cell.condition for cell in config.cells()), strict=True)
        check_derivable(self._comparison.source, set(subsets) - {None}, set(shares), config.train.batch_size)

    @property
    def stopping(self) -> bool:
        """Whether the last run was told to stop, and was finished before it could."""
        return self._trainer is not None and self._trainer.stopping

    def run(self, cell: Cell, seed: int) -> dict[str, Any]:
        """What the results hold of one cell and seed. What is missing of it is trained and measured first."""
        run, config = RunFolder(self.folder.run(cell, seed)), replace(self._config.train, seed=seed)
        if not run.result.is_file():
            self._train(cell, config, run.root)
        measured = self._measure(cell, config, run)
        result, history = run.load_finished()
        return {
            "cell": asdict(cell),
            "seed": seed,
            "steps": result["steps"],
            "seconds": result["seconds"],
            "last": result["last"],
            "best": result["best"],
            "history": history,
            "probes": measured,
        }

    def _measure(self, cell: Cell, config: TrainConfig, run: RunFolder) -> dict[str, Any]:
        """The probes of a finished run by name. They are kept, so that each is measured once."""
        names = probes.probe_names(self._config.fgsm, self._config.outliers)
        found = self.folder.load_probes(cell, config.seed)
        missing = [name for name in names if name not in found]
        if missing:
            learner = self._learner(config)
            learner.load_weights(run.last_weights)
            measured = {name: probes.probe(name, learner, self.evaluation, self._outliers) for name in missing}
            self.folder.save_probes(cell, config.seed, {**found, **measured})
            found = self.folder.load_probes(cell, config.seed)
        return {name: found[name] for name in names}

    def _train(self, cell: Cell, config: TrainConfig, out: Path) -> None:
        prepared, seed = self._prepare(cell, config), config.seed

        def on_epoch(row: Row) -> None:
            if seed == 0 and not self.folder.samples(cell).is_file():
                self.folder.save_samples(cell, *_first_examples(prepared.job))

        on_step = self._callbacks.on_step
        try:
            train(prepared, out, self.learners, on_start=self._on_start, on_step=on_step, on_epoch=on_epoch)
        except TrainingError as error:
            raise TrainingError(f"arm {cell.name}, seed {seed}: {error}") from error
        self._callbacks.on_end()
        self.folder.clear_shards(cell, seed)

    def _on_start(self, trainer: Trainer, notes: Sequence[str]) -> None:
        if self.stopping:  # told between two runs, when only the last trainer could listen
            trainer.stop()
        self._trainer = trainer
        self._callbacks.on_start(trainer)

    def _prepare(self, cell: Cell, config: TrainConfig) -> Prepared:
        """The data of a run. For arms mixed ahead of training the shards are made first."""
        source = self._source(cell, config.seed)
        request = TrainRequest(evaluation=self._comparison.evaluation, config=config, src=source)
        if cell.copies is not None:
            shards = self.folder.shards(cell, config.seed)
            augment_cell(source, cell, seed=config.seed, out=shards)
            request = replace(request, src=None, shards=shards)
        elif cell.arm == "online":
            request = replace(request, mix_online=cell.alpha)
        return prepare(request, self.evaluation)

    def _source(self, cell: Cell, seed: int) -> SourceConfig:
        """The training examples of a cell. Those of the last condition or seed are removed when another begins."""
        key = (*cell.condition, seed)
        if self._training_set is None or self._training_set[0] != key:
            self.folder.clear_work()
            source = self._comparison.source
            if cell.condition != (None, 0.0):
                folder = self.folder.work / "source"
                source = derive(source, folder, subset=cell.subset, corrupt=cell.corrupt, seed=seed)
            self._training_set = key, source
        return self._training_set[1]

    def _learner(self, config: TrainConfig) -> Learner:
        """A learner that only predicts, so that the length of its schedule does not matter."""
        records = self.evaluation.records
        return self.learners.get(config, records.shape, records.num_classes, epoch_steps=1, total_steps=1)


def _first_examples(job: Job) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
    """The first inputs that a run reads, (n, …), and their soft labels, float32 (n, classes), for the report."""
    inputs, labels = next(job.batches(0, 0, 1).as_numpy_iterator())
    return inputs[:_SAMPLES], labels[:_SAMPLES]
