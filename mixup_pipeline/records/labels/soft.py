"""Label kind `soft`: float32[num_classes] with values from 0 to 1 that sum to 1. A one-hot vector is one of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mixup_pipeline.records.labels import Floats
from mixup_pipeline.records.labels.vector_label import VectorLabel, numbers_of
from mixup_pipeline.spec import ExampleSpec

_SUM_TOLERANCE = 1e-3


class SoftLabel(VectorLabel):
    """A label that is a vector of weights, one for each class."""

    def checked(self, label: Floats, name: str) -> Floats:
        """Require values from 0 to 1 that sum to 1."""
        if not (np.isfinite(label).all() and (label >= 0).all() and abs(label.sum() - 1) <= _SUM_TOLERANCE):
            raise ValueError(f"soft {name} must hold values from 0 to 1 that sum to 1, sum {label.sum():g}")
        return label

    def read(self, features: Mapping[str, Any], spec: ExampleSpec) -> Floats:
        """The label. Of a vector of several ones the error says what it may be."""
        label = numbers_of(features, spec.label_key)
        if label.sum() > 1 and set(label.tolist()) <= {0, 1}:
            raise ValueError(
                f"label {spec.label_key!r} holds {label.sum():g} ones, a soft label sums to 1 (--label-kind "
                f"multi-label is for several classes at once)"
            )
        return super().read(features, spec)

    def parsed(self, tf: Any, spec: ExampleSpec) -> Any:
        """A float32 list (num_classes,)."""
        return tf.io.FixedLenFeature([spec.num_classes], tf.float32)

    def tensor(self, tf: Any, values: Any, spec: ExampleSpec) -> Any:
        """The labels as they are."""
        return values


class OneHot(SoftLabel):
    """The same, stored as integers."""

    in_tensorflow = False


KIND, ONE_HOT = SoftLabel(), OneHot()
