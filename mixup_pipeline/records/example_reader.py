"""Reading examples: the input and the label of a parsed record, according to the spec of its source."""

from typing import Any

import numpy.typing as npt

from mixup_pipeline.config.registry import INPUT_KINDS, LABEL_KINDS
from mixup_pipeline.records.facts import Facts
from mixup_pipeline.records.inputs import InputKind
from mixup_pipeline.records.labels import LabelKind
from mixup_pipeline.records.tf_example import Features
from mixup_pipeline.spec import NO_CLASS, ExampleSpec, Shape


class ExampleReader:
    """Reads the input and the label of parsed examples. Every fault raises ValueError with the reason."""

    def __init__(self, spec: ExampleSpec) -> None:
        self._spec = spec
        self._inputs: InputKind = INPUT_KINDS[spec.encoding]
        self._labels: LabelKind = LABEL_KINDS[spec.label_kind]

    def label(self, features: Features) -> Any:
        """The label: a class id in [0, num_classes), or a soft label float32[num_classes]."""
        return self._labels.read(features, self._spec)

    def class_id(self, features: Features) -> int:
        """The class id in [0, num_classes), or NO_CLASS if labels are soft. The label is checked in both cases."""
        label = self._labels.read(features, self._spec)
        return label if self._labels.has_classes else NO_CLASS

    def input_bytes(self, features: Features) -> bytes:
        """The bytes of the input: an image file, raw pixels, or little-endian float32 values."""
        return self._inputs.data(features, self._spec.input_key)

    def facts(self, data: bytes) -> Facts:
        """What is known of an input before it is decoded. Raises ValueError if the spec does not allow it."""
        return self._inputs.facts(data, self._spec)

    def decode(self, data: bytes, shape: Shape) -> npt.NDArray[Any]:
        """Decode an input to uint8 (height, width, channels) or float32 (length,) of this shape.

        Raises ValueError if the input is damaged or cannot have this shape.
        """
        return self._inputs.decode(data, shape, self._spec)
