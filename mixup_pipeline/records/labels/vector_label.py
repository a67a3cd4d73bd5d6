"""Labels that are vectors of numbers, float32[num_classes]. Two of them mix linearly, whatever the numbers mean."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from mixup_pipeline.mixing.arithmetic import mix_vectors
from mixup_pipeline.records.fields import Field
from mixup_pipeline.records.labels import LABEL_KEY, Columns, Floats, LabelKind, Labels, Rows
from mixup_pipeline.records.tf_example import list_values
from mixup_pipeline.spec import ExampleSpec, counted


class VectorLabel(LabelKind):
    """A label that is a vector. `checked` says which vectors are labels."""

    has_classes = False

    @abstractmethod
    def checked(self, label: Floats, name: str) -> Floats:
        """The label. Raises ValueError if it is none, or if no two labels mix to it. name: what it is called."""

    def read(self, features: Mapping[str, Any], spec: ExampleSpec) -> Floats:
        """The label, float32[num_classes], of floats or integers."""
        label = numbers_of(features, spec.label_key)
        if len(label) != spec.num_classes:
            needed = "one is" if spec.num_classes == 1 else f"{spec.num_classes} are"
            raise ValueError(f"label {spec.label_key!r} holds {counted(len(label), 'value')}, {needed} needed")
        return self.checked(label, f"label {spec.label_key!r}")

    def stored_fields(self, num_classes: int, *, dense: bool) -> tuple[Field, ...]:
        """The mixed label."""
        return (Field(LABEL_KEY, "float32", (num_classes,)),)

    def mix(self, labels: Labels, base: Rows, partner: Rows, lam: Floats, *, num_classes: int, dense: bool) -> Columns:
        """Mix to λ·base + (1−λ)·partner."""
        return {LABEL_KEY: mix_vectors(labels, base, partner, lam)}

    def check(self, values: Mapping[str, Any], lam: float, *, num_classes: int, dense: bool) -> None:
        """Require what two labels mix to."""
        self.checked(self.soft_label(values, lam, num_classes=num_classes), "label")

    def soft_label(self, values: Mapping[str, Any], lam: float, *, num_classes: int) -> Floats:
        """The stored label."""
        return np.array(values[LABEL_KEY], np.float32)


def numbers_of(features: Mapping[str, Any], key: str) -> Floats:
    """The floats or integers of a feature, as float32."""
    feature = features.get(key)
    integers = feature is not None and feature.WhichOneof("kind") == "int64_list"
    return np.array(list_values(features, key, "int64_list" if integers else "float_list"), np.float32)
