"""Label kind `soft`: float32[num_classes] with values from 0 to 1 that sum to 1. Two of them mix linearly."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mixup_pipeline.mixing.arithmetic import mix_vectors
from mixup_pipeline.records.fields import Field
from mixup_pipeline.records.labels import LABEL_KEY, Columns, Floats, LabelKind, Labels, Rows
from mixup_pipeline.records.tf_example import list_values
from mixup_pipeline.spec import ExampleSpec

_SUM_TOLERANCE = 1e-3


class SoftLabel(LabelKind):
    """A label that is a vector of weights, one per class."""

    has_classes = False

    def read(self, features: Mapping[str, Any], spec: ExampleSpec) -> Floats:
        """The soft label, float32[num_classes]."""
        label = np.array(list_values(features, spec.label_key, "float_list"), np.float32)
        if len(label) != spec.num_classes:
            raise ValueError(f"soft label {spec.label_key!r} holds {len(label)} values, {spec.num_classes} are needed")
        if not _is_soft(label):
            raise ValueError(
                f"soft label {spec.label_key!r} must hold values from 0 to 1 that sum to 1, sum {label.sum():g}"
            )
        return label

    def stored_fields(self, num_classes: int, *, dense: bool) -> tuple[Field, ...]:
        """The mixed soft label."""
        return (Field(LABEL_KEY, "float32", (num_classes,)),)

    def mix(self, labels: Labels, base: Rows, partner: Rows, lam: Floats, *, num_classes: int, dense: bool) -> Columns:
        """Mix to λ·base + (1−λ)·partner."""
        return {LABEL_KEY: mix_vectors(labels, base, partner, lam)}

    def check(self, values: Mapping[str, Any], lam: float, *, num_classes: int, dense: bool) -> None:
        """Require values from 0 to 1 that sum to 1."""
        label = self.soft_label(values, lam, num_classes=num_classes)
        if not _is_soft(label):
            raise ValueError(f"label sums to {label.sum():g}, should hold values from 0 to 1 that sum to 1")

    def soft_label(self, values: Mapping[str, Any], lam: float, *, num_classes: int) -> Floats:
        """The stored soft label."""
        return np.array(values[LABEL_KEY], np.float32)

    def parsed(self, tf: Any, spec: ExampleSpec) -> Any:
        """A float32 list (num_classes,)."""
        return tf.io.FixedLenFeature([spec.num_classes], tf.float32)

    def tensor(self, tf: Any, values: Any, spec: ExampleSpec) -> Any:
        """The labels as they are."""
        return values


def _is_soft(label: Floats) -> bool:
    return bool(np.isfinite(label).all() and (label >= 0).all() and abs(label.sum() - 1) <= _SUM_TOLERANCE)


KIND = SoftLabel()
