"""Label kind `class`: one class id. It mixes to a soft label; the two class ids are kept beside it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mixup_pipeline.mixing.arithmetic import mix_class_ids
from mixup_pipeline.records.fields import Field
from mixup_pipeline.records.labels import (
    BASE_LABEL_KEY,
    LABEL_KEY,
    PARTNER_LABEL_KEY,
    Columns,
    Floats,
    LabelKind,
    Labels,
    Rows,
)
from mixup_pipeline.records.tf_example import single_value
from mixup_pipeline.spec import ExampleSpec


class ClassLabel(LabelKind):
    """A class id."""

    has_classes = True

    def read(self, features: Mapping[str, Any], spec: ExampleSpec) -> int:
        """The class id in [0, num_classes)."""
        label: int = single_value(features, spec.label_key, "int64_list")
        class_id = label - spec.first_class
        if not 0 <= class_id < spec.num_classes:
            last = spec.first_class + spec.num_classes - 1
            raise ValueError(f"label {label} is out of range: allowed are {spec.first_class} to {last}")
        return class_id

    def stored_fields(self, num_classes: int, *, dense: bool) -> tuple[Field, ...]:
        """The soft label, where it is dense, and both class ids."""
        classes = (Field(BASE_LABEL_KEY, "int64"), Field(PARTNER_LABEL_KEY, "int64"))
        return (Field(LABEL_KEY, "float32", (num_classes,)), *classes) if dense else classes

    def mix(self, labels: Labels, base: Rows, partner: Rows, lam: Floats, *, num_classes: int, dense: bool) -> Columns:
        """λ at the base's class plus 1−λ at the partner's."""
        base_class, partner_class = labels[base], labels[partner]
        columns = {BASE_LABEL_KEY: base_class, PARTNER_LABEL_KEY: partner_class}
        if dense:
            columns[LABEL_KEY] = mix_class_ids(base_class, partner_class, lam, num_classes=num_classes)
        return columns

    def check(self, values: Mapping[str, Any], lam: float, *, num_classes: int, dense: bool) -> None:
        """Class ids in range, and a soft label that is exactly their mix."""
        classes = _classes(values)
        if not all(0 <= class_id < num_classes for class_id in classes):
            raise ValueError(f"class ids {classes} should lie in 0 to {num_classes - 1}")
        if dense:
            label = np.array(values[LABEL_KEY], np.float32)
            if (label != self.soft_label({**values, LABEL_KEY: ()}, lam, num_classes=num_classes)).any():
                raise ValueError(f"label is not lam {lam} of class {classes[0]} and the rest of class {classes[1]}")

    def soft_label(self, values: Mapping[str, Any], lam: float, *, num_classes: int) -> Floats:
        """The stored one, or the mix of both class ids."""
        if len(values.get(LABEL_KEY, ())):
            return np.array(values[LABEL_KEY], np.float32)
        base, partner = (np.array([class_id], np.int32) for class_id in _classes(values))
        return mix_class_ids(base, partner, np.array([lam], np.float32), num_classes=num_classes)[0]

    def parsed(self, tf: Any, spec: ExampleSpec) -> Any:
        """One int64."""
        return tf.io.FixedLenFeature([], tf.int64)

    def tensor(self, tf: Any, values: Any, spec: ExampleSpec) -> Any:
        """One-hot."""
        return tf.one_hot(values - spec.first_class, spec.num_classes)


def _classes(values: Mapping[str, Any]) -> tuple[int, int]:
    return values[BASE_LABEL_KEY][0], values[PARTNER_LABEL_KEY][0]


KIND = ClassLabel()
