"""Label kinds of examples that are of several classes at once, or of none.

`multi-hot` is a vector of num_classes zeros and ones, `class-list` the ids of the classes, or their texts. Both become
float32 of num_classes values, 1 where the class is present. Two of them mix linearly: each value is the share in which
its class is present.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mixup_pipeline.records.labels import Floats
from mixup_pipeline.records.labels.class_id import class_of_text
from mixup_pipeline.records.labels.vector_label import VectorLabel, numbers_of
from mixup_pipeline.records.tf_example import list_values
from mixup_pipeline.spec import ExampleSpec


class MultiHot(VectorLabel):
    """A label that says of each class whether it is present."""

    in_tensorflow = False
    task = "multi-label"

    def read(self, features: Mapping[str, Any], spec: ExampleSpec) -> Floats:
        """The label, float32[num_classes] of zeros and ones."""
        label = numbers_of(features, spec.label_key)
        other = next((value for value in label.tolist() if value not in (0, 1)), None)
        if other is not None:
            raise ValueError(
                f"label {spec.label_key!r} holds {other:g}, a multi-label vector holds 0 and 1 (of a list of classes, "
                f"--num-classes says how many there are)"
            )
        return super().read(features, spec)

    def checked(self, label: Floats, name: str) -> Floats:
        """Require values from 0 to 1."""
        if not ((label >= 0) & (label <= 1)).all():
            raise ValueError(
                f"multi-label {name} must hold values from 0 to 1, holds {label.min():g} to {label.max():g}"
            )
        return label


class ClassList(VectorLabel):
    """A label that lists the classes that are present; none is a label too."""

    in_tensorflow = False
    task = "multi-label"

    def read(self, features: Mapping[str, Any], spec: ExampleSpec) -> Floats:
        """The label as float32[num_classes] of zeros and ones. A class that occurs twice counts once."""
        label = np.zeros(spec.num_classes, np.float32)
        feature = features.get(spec.label_key)
        kind = None if feature is None else feature.WhichOneof("kind")
        if feature is not None and (kind is None or not getattr(feature, kind).value):
            return label
        if spec.class_texts:
            label[[class_of_text(text, spec) for text in list_values(features, spec.label_key, "bytes_list")]] = 1
            return label
        for stored in list_values(features, spec.label_key, "int64_list"):
            class_id = stored - spec.first_class
            if not 0 <= class_id < spec.num_classes:
                last = spec.first_class + spec.num_classes - 1
                raise ValueError(f"label {stored} is out of range: allowed are {spec.first_class} to {last}")
            label[class_id] = 1
        return label

    checked = MultiHot.checked


MULTI_HOT, CLASS_LIST = MultiHot(), ClassList()
