"""Clean examples to evaluate on. They are decoded once and kept in memory if they are small."""

from functools import cached_property

import numpy as np

from mixup_pipeline.spec import example_bytes
from mixup_pipeline.training.batches import Dataset, evaluation_batches, reading_errors
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.learner import Learner
from mixup_pipeline.training.metrics import ClassIds, Probabilities

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
        return batches.cache() if example_bytes(self.records.shape) * self.records.examples <= _KEPT_BYTES else batches

    @cached_property
    def class_ids(self) -> ClassIds:
        """int[n]: the true classes; for a soft label the heaviest."""
        with reading_errors(self.records):
            return np.concatenate([labels.argmax(1) for _, labels in self.batches.as_numpy_iterator()])

    def predict(self, learner: Learner) -> Probabilities:
        """float64(n, num_classes): the probabilities that the model gives now."""
        with reading_errors(self.records):
            return learner.predict(self.batches)
