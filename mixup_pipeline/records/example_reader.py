"""Reading examples: the input and the label of a parsed record, according to the spec of its source."""

from typing import Any

import numpy.typing as npt

from mixup_pipeline.config.registry import INPUT_KINDS, LABEL_KINDS
from mixup_pipeline.records.facts import Facts
from mixup_pipeline.records.inputs import InputKind
from mixup_pipeline.records.kept import group_hash, kept_values
from mixup_pipeline.records.labels import LabelKind
from mixup_pipeline.records.tf_example import Features
from mixup_pipeline.spec import ExampleSpec, Shape


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
        """What the index keeps of the label: the class id, or as `LabelKind.indexed` says. The label is checked."""
        return self._labels.indexed(self._labels.read(features, self._spec))

    def input_bytes(self, features: Features) -> bytes:
        """The bytes of the input: an image file, raw pixels, or little-endian float32 values."""
        return self._inputs.data(features, self._spec)

    def kept(self, features: Features) -> tuple[Any, ...]:
        """The values of the features that go along."""
        return kept_values(features, self._spec.keep)

    def group(self, features: Features) -> int:
        """What tells the group of the example from others, an int64."""
        return group_hash(features, self._spec.group_key)

    def facts(self, data: bytes) -> Facts:
        """What is known of an input before it is decoded. Raises ValueError if the spec does not allow it."""
        return self._inputs.facts(data, self._spec)

    @property
    def whole_record(self) -> bool:
        """Whether inputs are decoded from whole records, and not from their own bytes."""
        return self._inputs.whole_record

    def decode(self, data: bytes, shape: Shape) -> npt.NDArray[Any]:
        """Decode an input to uint8 (height, width, channels), or float32, of this shape.

        Raises ValueError if the input is damaged or cannot have this shape.
        """
        return self._inputs.decode(data, shape, self._spec)
