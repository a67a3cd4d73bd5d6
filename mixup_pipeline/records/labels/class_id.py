"""Label kind `class`: one class id. Two of them mix to a soft label; the mixed record keeps both class ids as well."""

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
from mixup_pipeline.records.tf_example import list_values, single_value
from mixup_pipeline.spec import ExampleSpec

_SHOWN = 8


class ClassLabel(LabelKind):
    """A label that is a class id."""

    has_classes = True

    def read(self, features: Mapping[str, Any], spec: ExampleSpec) -> int:
        """The class id in [0, num_classes)."""
        if spec.class_texts:
            return class_of_text(single_value(features, spec.label_key, "bytes_list"), spec)
        values = list_values(features, spec.label_key, "int64_list")
        if len(values) != 1:
            raise ValueError(
                f"label {spec.label_key!r} holds {len(values)} values, one is needed (--label-kind multi-label is for "
                f"several classes at once)"
            )
        stored: int = values[0]
        class_id = stored - spec.first_class
        if not 0 <= class_id < spec.num_classes:
            last = spec.first_class + spec.num_classes - 1
            unlabelled = " (-1 usually marks examples without a label)" if stored == -1 else ""
            raise ValueError(f"label {stored} is out of range: allowed are {spec.first_class} to {last}{unlabelled}")
        return class_id

    def indexed(self, label: int) -> int:
        """The class id."""
        return label

    def stored_fields(self, num_classes: int, *, dense: bool) -> tuple[Field, ...]:
        """Both class ids, and the soft label if dense."""
        class_ids = (Field(BASE_LABEL_KEY, "int64"), Field(PARTNER_LABEL_KEY, "int64"))
        return (Field(LABEL_KEY, "float32", (num_classes,)), *class_ids) if dense else class_ids

    def mix(self, labels: Labels, base: Rows, partner: Rows, lam: Floats, *, num_classes: int, dense: bool) -> Columns:
        """Mix to λ at the base's class plus 1−λ at the partner's."""
        base_class, partner_class = labels[base], labels[partner]
        columns = {BASE_LABEL_KEY: base_class, PARTNER_LABEL_KEY: partner_class}
        if dense:
            columns[LABEL_KEY] = mix_class_ids(base_class, partner_class, lam, num_classes=num_classes)
        return columns

    def check(self, values: Mapping[str, Any], lam: float, *, num_classes: int, dense: bool) -> None:
        """Require class ids in range, and a soft label that is exactly their mix."""
        class_ids = _class_ids(values)
        if not all(0 <= class_id < num_classes for class_id in class_ids):
            raise ValueError(f"class ids {class_ids} should lie in 0 to {num_classes - 1}")
        if dense:
            soft_label = np.array(values[LABEL_KEY], np.float32)
            if (soft_label != self.soft_label({**values, LABEL_KEY: ()}, lam, num_classes=num_classes)).any():
                raise ValueError(f"label is not lam {lam} of class {class_ids[0]} plus 1 - lam of class {class_ids[1]}")

    def soft_label(self, values: Mapping[str, Any], lam: float, *, num_classes: int) -> Floats:
        """The stored soft label, or the mix of both class ids."""
        if len(values.get(LABEL_KEY, ())):
            return np.array(values[LABEL_KEY], np.float32)
        base, partner = (np.array([class_id], np.int32) for class_id in _class_ids(values))
        return mix_class_ids(base, partner, np.array([lam], np.float32), num_classes=num_classes)[0]

    def parsed(self, tf: Any, spec: ExampleSpec) -> Any:
        """One int64, or one string."""
        return tf.io.FixedLenFeature([], tf.string if spec.class_texts else tf.int64)

    def tensor(self, tf: Any, values: Any, spec: ExampleSpec) -> Any:
        """One-hot vectors of the class ids."""
        if spec.class_texts:
            return tf.cast(values[:, None] == tf.constant(spec.class_texts), tf.float32)
        return tf.one_hot(values - spec.first_class, spec.num_classes)


def class_of_text(text: bytes, spec: ExampleSpec) -> int:
    """The class of a text. Raises ValueError if it is none."""
    class_id = spec.class_of_text.get(text)
    if class_id is None:
        shown = ", ".join(spec.class_texts[:_SHOWN]) + (", …" if len(spec.class_texts) > _SHOWN else "")
        raise ValueError(f"label {text.decode('utf-8', 'replace')!r} is none of the classes ({shown})")
    return class_id


def _class_ids(values: Mapping[str, Any]) -> tuple[int, int]:
    return values[BASE_LABEL_KEY][0], values[PARTNER_LABEL_KEY][0]


KIND = ClassLabel()
