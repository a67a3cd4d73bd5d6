"""Label kinds: what a label is, how two of them mix, and what a mixed record keeps of them.

Each is a file, registered in `config.registry.LABEL_KINDS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.fields import Field
from mixup_pipeline.spec import ExampleSpec

LABEL_KEY = "label"
"""The soft label of a mixed record."""
BASE_LABEL_KEY, PARTNER_LABEL_KEY = "mixup/base_label", "mixup/partner_label"

Labels = npt.NDArray[Any]
"""int32[n] class ids, or float32 (n, num_classes) soft labels."""
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Columns = dict[str, npt.NDArray[Any]]
"""Values of n records by the keys of their features."""


class LabelKind(ABC):
    """One kind of label. Errors are ValueError with a reason: the caller knows the record."""

    has_classes: ClassVar[bool]
    """Whether a label is a class id: then the index keeps it, and examples can be paired by class."""

    @abstractmethod
    def read(self, features: Mapping[str, Any], spec: ExampleSpec) -> Any:
        """The label of a source record: a class id in [0, num_classes), or float32[num_classes]."""

    @abstractmethod
    def stored_fields(self, num_classes: int, *, dense: bool) -> tuple[Field, ...]:
        """The features that a mixed record keeps. dense: with a soft label."""

    @abstractmethod
    def mix(self, labels: Labels, base: Rows, partner: Rows, lam: Floats, *, num_classes: int, dense: bool) -> Columns:
        """Mix rows of labels: λ·base + (1−λ)·partner, and what else `stored_fields` names."""

    @abstractmethod
    def check(self, values: Mapping[str, Any], lam: float, *, num_classes: int, dense: bool) -> None:
        """Raise ValueError where the labels of one mixed record contradict each other. values: by feature key."""

    @abstractmethod
    def soft_label(self, values: Mapping[str, Any], lam: float, *, num_classes: int) -> Floats:
        """float32[num_classes]: the soft label of one mixed record, computed where it is not stored."""

    @abstractmethod
    def parsed(self, tf: Any, spec: ExampleSpec) -> Any:
        """What `tf.io.parse_example` takes from a source record: tf.io.FixedLenFeature. tf: the tensorflow module."""

    @abstractmethod
    def tensor(self, tf: Any, values: Any, spec: ExampleSpec) -> Any:
        """float32 (n, num_classes) soft labels of a batch, from what `parsed` gives of n source records."""
