"""One run of a comparison: its training examples, its training and its probes."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mixup_pipeline.comparison import probes
from mixup_pipeline.comparison.augmenting import augment_cell
from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.comparison import Callbacks, Comparison
from mixup_pipeline.comparison.derived import check_cells
from mixup_pipeline.comparison.folder import CompareFolder
from mixup_pipeline.comparison.predicted import Predicted
from mixup_pipeline.comparison.probes import CALIBRATED
from mixup_pipeline.comparison.seen import Seen
from mixup_pipeline.comparison.training_sets import TrainingSets
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import TrainingError
from mixup_pipeline.sources import evaluation_config
from mixup_pipeline.spec import ImageOptions
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.learner import Learner, Learners
from mixup_pipeline.training.loop import Trainer
from mixup_pipeline.training.models import check_model
from mixup_pipeline.training.prepare import Prepared, evaluation_identity, prepare
from mixup_pipeline.training.prepared_source import brought_to, form_of, open_examples
from mixup_pipeline.training.read_alike import read_alike
from mixup_pipeline.training.run_folder import RunFolder
from mixup_pipeline.training.saved_state import Row
from mixup_pipeline.training.train import train
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.train_request import TrainRequest

Found = TypeVar("Found")

_SAMPLES = 8


class RunMaker:
    """Makes the runs of a comparison. They share devices, compiled models and evaluation data."""

    def __init__(
        self, comparison: Comparison, folder: CompareFolder, callbacks: Callbacks, learners: Learners, seen: Seen
    ) -> None:
        """seen: the training examples.

        Raises UsageError, SourceError or RecordError if what is asked cannot be done with these data.
        """
        self.folder, self.learners, self._seen = folder, learners, seen
        self._comparison, self._config, self._callbacks = comparison, comparison.config, callbacks
        share = self._config.train.val_share
        self._sets = TrainingSets(comparison.source, seen, folder, comparison.on_bad_record, val_share=share)
        form = self._sets.source.images
        evaluation = replace(comparison.evaluation, allow_eval_split=True)
        evaluation = read_alike(evaluation, seen.source.spec, comparison.source)
        self.evaluation = self._clean(evaluation, form, "evaluation")
        form = form_of(self.evaluation.records)
        unlabelled = replace(comparison.evaluation, label_kind=None, class_names=None)  # outliers have other classes
        self._outliers = {
            name: self._clean(
                evaluation_config(unlabelled, name, split=comparison.evaluation.split_name),
                form,
                f"outliers-{number}",
            )
            for number, name in enumerate(self._config.outliers)
        }
        self._probes = probes.Probes(self.evaluation, self._config.fgsm, self._outliers, held_out=bool(share))
        self.right: dict[tuple[Cell, int], npt.NDArray[np.bool_]] = {}
        """Which evaluation examples each finished run classifies rightly: bool[n] by cell and seed."""
        self._told: set[tuple[int | None, float]] = set()  # conditions whose hints were given
        self._trainer: Trainer | None = None
        self._check()

    def _clean(self, config: SourceConfig, form: ImageOptions, name: str) -> Evaluation:
        """Clean examples to evaluate on, whose image files are brought to a form."""
        kept_in = self.folder.prepared / name
        return Evaluation(open_examples(brought_to(config, form), self._comparison.on_bad_record, kept_in))

    def _check(self) -> None:
        """Refuse before the first run what a later one could not do."""
        config, records = self._config, self.evaluation.records
        probes.check_probes(records, config.fgsm, self._outliers)
        if config.fgsm:
            self._probes.attack(self._learner(config.train))
        check_model(config.train.model, records.interface)
        for note in self.evaluation.notes:  # a damaged record of theirs is met here, before the first step
            self._callbacks.on_hint(note)
        check_cells(
            self._seen,
            config.cells(),
            seeds=config.seeds,
            batch_size=config.train.batch_size,
            val_share=config.train.val_share,
        )

    @property
    def stopping(self) -> bool:
        """Whether the last run was told to stop, and was finished before it could."""
        return self._trainer is not None and self._trainer.stopping

    def run(self, cell: Cell, seed: int) -> dict[str, Any]:
        """What the results hold of one cell and seed. What is missing of it is trained and measured first.

        A file that is not as it was written is as none; a note says so.
        """
        self.folder.check_run(cell, seed)
        run, config = RunFolder(self.folder.run(cell, seed)), replace(self._config.train, seed=seed)
        evaluation = evaluation_identity(self._comparison.evaluation, self.evaluation.records)
        if not run.result.is_file() or run.fault({"config": config.identity(), "evaluation": evaluation}) is not None:
            self._train(cell, config, run.root)
        elif seed == 0 and not self._has_samples(cell):
            self._save_samples(cell, self._prepare(cell, config))
            self.folder.clear_shards(cell, seed)
        measured, predicted = self._measure(cell, config, run)
        if predicted is not None:
            self.right[cell, seed] = predicted.right
        result, history = run.load_finished()
        tested = result.get("test", {"last": {}, "best": {}})
        return {
            "cell": asdict(cell),
            "seed": seed,
            "steps": result["steps"],
            "seconds": result["seconds"],
            "last": {**result["last"], **tested["last"]},
            "best": {**result["best"], **tested["best"]},
            "history": history,
            "probes": measured,
        }

    def _measure(self, cell: Cell, config: TrainConfig, run: RunFolder) -> tuple[dict[str, Any], Predicted | None]:
        """The probes of a finished run by name, and what it predicts, if that is one class.

        They are kept, so that each is measured once.
        """
        names, seed = self._probes.names, config.seed
        measured = self._found(partial(self.folder.load_probes, cell, seed)) or {}
        predicted = self._found(partial(self.folder.read_predicted, cell, seed))
        self._probes.check_outliers(measured)
        missing = [name for name in names if name not in measured]
        if names and (missing or predicted is None):
            learner = self._learner(config)
            self._load_weights(learner, cell, config, run)
            found = self.evaluation.predict(learner)
            held_out = self._sets.of(cell, seed)[1] if CALIBRATED in missing else None
            measured |= self._probes.measure(missing, learner, found, held_out)
            self.folder.save_probes(cell, seed, measured)
            measured = self.folder.load_probes(cell, seed)
            predicted = Predicted.of(found, self.evaluation.truth)
            self.folder.save_predicted(cell, seed, predicted)
        return {name: measured[name] for name in names}, predicted

    def _found(self, load: Callable[[], Found]) -> Found | None:
        """What was measured already; None if it is damaged, which a note says."""
        try:
            return load()
        except ValueError as error:
            self._callbacks.on_note(f"{error}: measured again")
            return None

    def _load_weights(self, learner: Learner, cell: Cell, config: TrainConfig, run: RunFolder) -> None:
        """Load the weights of a finished run. Where they are damaged, and no sum told, the run is trained again."""
        try:
            learner.load_weights(run.last_weights)
        except ValueError as error:
            self._callbacks.on_note(f"{error}: the run is completed again from its last save")
            run.remove_result()
            self._train(cell, config, run.root)
            learner.load_weights(run.last_weights)

    def _train(self, cell: Cell, config: TrainConfig, out: Path) -> None:
        prepared, seed = self._prepare(cell, config), config.seed
        if cell.condition not in self._told:
            self._told.add(cell.condition)
            for hint in prepared.notes:
                self._callbacks.on_hint(hint)
        self.folder.remove_probes(cell, seed)

        def on_epoch(row: Row) -> None:
            if seed == 0 and not self._has_samples(cell):
                self._save_samples(cell, prepared)

        told = self._callbacks
        try:
            make = partial(train, on_start=self._on_start, on_step=told.on_step, on_note=told.on_note)
            make(prepared, out, self.learners, on_epoch=on_epoch)
        except TrainingError as error:
            raise TrainingError(f"arm {cell.name}, seed {seed}: {error}") from error
        told.on_end()
        if seed == 0 and not self._has_samples(cell):  # stopped after the last epoch, before they were saved
            self._save_samples(cell, prepared)
        self.folder.clear_shards(cell, seed)

    def _has_samples(self, cell: Cell) -> bool:
        """Whether the samples of a cell were kept, and are as they were written."""
        try:
            return self.folder.read_samples(cell) is not None
        except ValueError as error:
            self._callbacks.on_note(f"{error}: made again")
            return False

    def _save_samples(self, cell: Cell, prepared: Prepared) -> None:
        """Keep the first inputs that a run reads, (n, …), and their soft labels, (n, classes), for the report."""
        inputs, labels = next(prepared.job.batches(range(1)).as_numpy_iterator())
        self.folder.save_samples(cell, inputs[:_SAMPLES], labels[:_SAMPLES])

    def _on_start(self, trainer: Trainer, notes: Sequence[str]) -> None:
        if self.stopping:  # told between two runs, when only the last trainer could listen
            trainer.stop()
        self._trainer = trainer
        self._callbacks.on_start(trainer)

    def _prepare(self, cell: Cell, config: TrainConfig) -> Prepared:
        """The data of a run. For arms mixed ahead of training the shards are made first."""
        source, validation = self._sets.of(cell, config.seed)
        policy = self._comparison.on_bad_record
        request = TrainRequest(
            evaluation=self._comparison.evaluation,
            config=config,
            src=source,
            on_bad_record=policy,
        )
        if cell.copies is not None:
            shards = self.folder.shards(cell, config.seed)
            augment_cell(source, cell, seed=config.seed, out=shards, augment=config.augment, on_bad_record=policy)
            request = replace(request, src=None, shards=shards)
        elif cell.arm == "online":
            request = replace(request, mix_online=cell.alpha)
        reads_it = cell.copies is None or config.standardize or self.evaluation.records.task.in_units
        out = self.folder.run(cell, config.seed)
        return prepare(request, out, self.evaluation, self._sets.unmixed(source) if reads_it else None, validation)

    def _learner(self, config: TrainConfig) -> Learner:
        """A learner that only predicts, so that the length of its schedule does not matter."""
        return self.learners.get(config, self.evaluation.records.interface, epoch_steps=1, total_steps=1)
