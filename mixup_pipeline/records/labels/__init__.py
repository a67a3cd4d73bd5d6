"""Label kinds: what a label is, how two labels mix, and which features a mixed record keeps of them.

Each kind has its own file and is registered in `config.registry.LABEL_KINDS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.fields import Field
from mixup_pipeline.spec import NO_CLASS, ExampleSpec

LABEL_KEY = "label"
"""The key of the soft label in a mixed record."""
BASE_LABEL_KEY, PARTNER_LABEL_KEY = "mixup/base_label", "mixup/partner_label"

Labels = npt.NDArray[Any]
"""Labels of a source: int32[n] class ids or float32 (n, num_classes) soft labels, according to the label kind."""
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Columns = dict[str, npt.NDArray[Any]]
"""The values of n records, by feature key."""


class LabelKind(ABC):
    """One kind of label. Faults of a record raise ValueError with the reason; the caller knows which record it is."""

    has_classes: ClassVar[bool]
    """Whether a label is a class id. If so, the index stores it, and examples can be paired by class."""

    in_tensorflow: ClassVar[bool] = True
    """Whether TensorFlow reads it from a source. What it does not read is prepared before training."""

    task: ClassVar[str] = "classification"
    """The name in `config.registry.TASKS` of what a network learns from it."""

    @abstractmethod
    def read(self, features: Mapping[str, Any], spec: ExampleSpec) -> Any:
        """The label of a source record: a class id in [0, num_classes), or a soft label float32[num_classes]."""

    def indexed(self, label: Any) -> int:
        """What the index keeps of a label, an int32 by which examples can be paired."""
        return NO_CLASS

    @abstractmethod
    def stored_fields(self, num_classes: int, *, dense: bool) -> tuple[Field, ...]:
        """The features that a mixed record keeps. dense: whether it keeps a soft label."""

    @abstractmethod
    def mix(self, labels: Labels, base: Rows, partner: Rows, lam: Floats, *, num_classes: int, dense: bool) -> Columns:
        """Mix rows of labels: λ·base + (1−λ)·partner. Returns a column (n, …) for each of `stored_fields`.

        base, partner: int64[n] rows of labels. lam: float32[n].
        """

    @abstractmethod
    def check(self, values: Mapping[str, Any], lam: float, *, num_classes: int, dense: bool) -> None:
        """Raise ValueError if the label features of one mixed record contradict each other. values: by feature key."""

    @abstractmethod
    def soft_label(self, values: Mapping[str, Any], lam: float, *, num_classes: int) -> Floats:
        """The soft label of one mixed record, float32[num_classes]; it is computed if it is not stored."""

    def parsed(self, tf: Any, spec: ExampleSpec) -> Any:
        """The tf.io.FixedLenFeature of a source's label for `tf.io.parse_example`. tf: the tensorflow module."""
        raise TypeError(f"{type(self).__name__} is not read by TensorFlow")

    def tensor(self, tf: Any, values: Any, spec: ExampleSpec) -> Any:
        """The soft labels of a batch, float32 (n, num_classes), from the values that `parsed` describes."""
        raise TypeError(f"{type(self).__name__} is not read by TensorFlow")
