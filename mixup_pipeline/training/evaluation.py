"""Clean examples to evaluate on. They are decoded once and kept in memory if they are small."""

from functools import cached_property

import numpy as np

from mixup_pipeline.errors import SourceError
from mixup_pipeline.training.batches import Dataset, evaluation_batches, reading_errors
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.learner import Learner
from mixup_pipeline.training.tasks import Array, Floats

_BATCH = 512
_KEPT_BYTES = 1 << 28


class Evaluation:
    """The clean examples that a model is evaluated on."""

    def __init__(self, records: ExampleFiles) -> None:
        self.records = records

    @cached_property
    def batches(self) -> Dataset:
        """Batches of (inputs, soft labels) of all examples, kept in memory if they fit into 256 MB."""
        batches = evaluation_batches(self.records, _BATCH)
        return (
            batches.cache()
            if self.records.input_kind.example_bytes(self.records.shape) * self.records.examples <= _KEPT_BYTES
            else batches
        )

    @cached_property
    def truth(self) -> Array:
        """What predictions are measured against, as the task has it: of classes int[n], the true ones."""
        task = self.records.task
        with reading_errors(self.records):
            return np.concatenate([task.truth(labels) for _, labels in self.batches.as_numpy_iterator()])

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What cannot be measured on these examples. Raises SourceError if the main measure cannot."""
        try:
            return tuple(self.records.task.notes(self.truth))
        except ValueError as error:
            raise SourceError(f"the evaluation examples of {self.records.name}: {error}") from error

    def predict(self, learner: Learner) -> Floats:
        """float64(n, num_classes): what the model predicts now."""
        with reading_errors(self.records):
            return learner.predict(self.batches)
