"""What a trained network predicts for each evaluation example, in 16 bytes, whatever the number of classes.

With it the sampling error of the evaluation examples can be told: two networks are compared example by example.
"""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.training.metrics import ClassIds, Probabilities


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """Of n examples: their true classes, the predicted ones, int32[n]; and the probability of each, float32[n]."""

    truth: npt.NDArray[np.int32]
    classes: npt.NDArray[np.int32]
    of_truth: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]

    @classmethod
    def of(cls, probabilities: Probabilities, class_ids: ClassIds) -> "Predicted":
        """probabilities: (n, classes). class_ids: int[n], the true classes."""
        return cls(
            truth=class_ids.astype(np.int32),
            classes=probabilities.argmax(1).astype(np.int32),
            of_truth=probabilities[np.arange(len(class_ids)), class_ids].astype(np.float32),
            confidence=probabilities.max(1).astype(np.float32),
        )

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """bool[n]: whether the true class is the predicted one."""
        return self.classes == self.truth

    def to_bytes(self) -> bytes:
        """The content of the file, whose parts have checksums."""
        buffer = io.BytesIO()
        arrays: dict[str, npt.NDArray[Any]] = vars(self)
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Predicted":
        """Raises an error of any kind if the content is damaged."""
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return cls(**{name: stored[name] for name in stored.files})
