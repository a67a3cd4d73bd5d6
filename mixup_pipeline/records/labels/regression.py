"""Label kind `regression`: one or several real values, which mix linearly."""

import numpy as np

from mixup_pipeline.records.labels import Floats
from mixup_pipeline.records.labels.vector_label import VectorLabel


class RegressionLabel(VectorLabel):
    """A label that is num_classes real values."""

    in_tensorflow = False
    task = "regression"

    def indexed(self, label: Floats) -> int:
        """The bits of the first value."""
        return int(label[:1].view(np.int32)[0])

    def checked(self, label: Floats, name: str) -> Floats:
        """Require finite values."""
        if not np.isfinite(label).all():
            raise ValueError(f"{name} holds a value that is not finite")
        return label


KIND = RegressionLabel()
