"""What a model takes and gives: the shape and dtype of an input, and outputs for a task."""

from dataclasses import dataclass
from typing import Any

from mixup_pipeline.spec import Shape, shape_text
from mixup_pipeline.training.tasks import Task, task_named


@dataclass(frozen=True, kw_only=True)
class Interface:
    """Inputs are uint8 images or float32 numbers of any shape, outputs are (n, num_classes)."""

    shape: Shape
    num_classes: int
    is_image: bool = True
    task_name: str = "classification"

    @property
    def dtype(self) -> str:
        """The dtype of an input."""
        return "uint8" if self.is_image else "float32"

    @property
    def task(self) -> Task:
        """What is learned."""
        return task_named(self.task_name)

    def zeros(self, count: int) -> Any:
        """So many inputs of zeros."""
        import numpy as np

        return np.zeros((count, *self.shape), self.dtype)

    def __str__(self) -> str:
        return shape_text(self.shape) if self.is_image else f"numbers {shape_text(self.shape)}"
