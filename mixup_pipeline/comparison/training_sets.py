"""The training sets of a comparison: the source itself, or what is derived of it for one condition and seed."""

from dataclasses import replace
from typing import Any

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.derived import derive
from mixup_pipeline.comparison.folder import CompareFolder
from mixup_pipeline.comparison.seen import Seen
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import INPUT_KINDS
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.prepared_source import open_examples
from mixup_pipeline.training.unchanged import Unchanged


class TrainingSets:
    """Makes a training set when it is asked for, and keeps it until another one is."""

    def __init__(
        self, config: SourceConfig, seen: Seen, folder: CompareFolder, on_bad_record: str, *, val_share: float
    ) -> None:
        """seen: the source of this configuration. val_share: of each set, held out of it."""
        self._seen, self._folder, self._on_bad_record, self._val_share = seen, folder, on_bad_record, val_share
        self.source = _with_channels(config, seen)
        self._training_set: tuple[Any, SourceConfig, Evaluation | None] | None = None
        self._opened: tuple[SourceConfig, ExampleFiles, Unchanged] | None = None

    def unmixed(self, source: SourceConfig) -> ExampleFiles:
        """The examples of a source that is not mixed ahead. It is judged once, as long as it stays as it is."""
        if self._opened is None or self._opened[0] != source:
            kept_in = self._folder.unmixed(derived=source != self.source)
            records = open_examples(source, self._on_bad_record, kept_in)
            self._opened = source, records, Unchanged(records)
        _, records, unchanged = self._opened
        unchanged.check()
        return records

    def of(self, cell: Cell, seed: int) -> tuple[SourceConfig, Evaluation | None]:
        """The training examples of a cell, and those that are held out of them, if any.

        Those of the last condition or seed are removed when another begins.
        """
        key = (*cell.condition, seed)
        if self._training_set is None or self._training_set[0] != key:
            self._folder.clear_work()
            source, validation, share = self.source, None, self._val_share
            if cell.condition != (None, 0.0) or share:
                self._opened = None
                source, held_out = derive(
                    source,
                    self._seen,
                    self._folder.derived,
                    subset=cell.subset,
                    corrupt=cell.corrupt,
                    seed=seed,
                    val_share=share,
                )
                if held_out is not None:
                    kept_in = self._folder.held_out
                    validation = Evaluation(open_examples(held_out, self._on_bad_record, kept_in))
            self._training_set = key, source, validation
        return self._training_set[1:]


def _with_channels(config: SourceConfig, seen: Seen) -> SourceConfig:
    """The source with its channels said, where they follow from all of its images: a part might have no colour."""
    spec = seen.source.spec
    if not INPUT_KINDS[spec.encoding].takes_image_options or spec.shape[2] is not None:
        return config
    return replace(config, channels=str(seen.shape[2]))
