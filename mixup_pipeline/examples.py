"""tf.Example messages, and from them the inputs and labels of a source.

The message types are built here from their published definition in a descriptor pool of our own: importing them from
TensorFlow or TFDS costs 0.4 s and more, and a private pool cannot clash with theirs.
Definition: tensorflow/core/example/{example,feature}.proto.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from mixup_pipeline.images import decode, image_shape
from mixup_pipeline.index import NO_CLASS
from mixup_pipeline.spec import ExampleSpec, Shape, example_bytes, shape_text

Features = Mapping[str, Any]

_FIELD = descriptor_pb2.FieldDescriptorProto
_SOFT_LABEL_TOLERANCE = 1e-3


def _build_example_type() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="mixup/example.proto", package="mixup", syntax="proto3")

    def message(name: str, *fields: tuple[str, int, int, int, str]) -> descriptor_pb2.DescriptorProto:
        built = file.message_type.add(name=name)
        for field, number, kind, label, type_name in fields:
            built.field.add(name=field, number=number, type=kind, label=label, type_name=type_name or None)  # type: ignore[arg-type]
        return built

    one, many, nested = _FIELD.LABEL_OPTIONAL, _FIELD.LABEL_REPEATED, _FIELD.TYPE_MESSAGE
    message("BytesList", ("value", 1, _FIELD.TYPE_BYTES, many, ""))
    message("FloatList", ("value", 1, _FIELD.TYPE_FLOAT, many, ""))
    message("Int64List", ("value", 1, _FIELD.TYPE_INT64, many, ""))
    feature = message(
        "Feature",
        ("bytes_list", 1, nested, one, ".mixup.BytesList"),
        ("float_list", 2, nested, one, ".mixup.FloatList"),
        ("int64_list", 3, nested, one, ".mixup.Int64List"),
    )
    feature.oneof_decl.add(name="kind")
    for field in feature.field:
        field.oneof_index = 0
    features = message("Features", ("feature", 1, nested, many, ".mixup.Features.FeatureEntry"))
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=_FIELD.TYPE_STRING, label=one)
    entry.field.add(name="value", number=2, type=nested, label=one, type_name=".mixup.Feature")
    message("Example", ("features", 1, nested, one, ".mixup.Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)  # type: ignore[no-untyped-call]
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("mixup.Example"))


Example = _build_example_type()
"""The protobuf class of tf.Example."""


def parse(payload: bytes) -> Features:
    """The features of one serialized tf.Example.

    Raises ValueError where the payload is no such message.
    """
    try:
        return Example.FromString(payload).features.feature  # type: ignore[no-any-return]
    except DecodeError as error:
        raise ValueError("the record is not a tf.Example message") from error


class ExampleReader:
    """Reads the input and the label of parsed examples as the spec says. All errors are ValueError with a reason."""

    def __init__(self, spec: ExampleSpec) -> None:
        self._spec = spec

    def class_id(self, features: Features) -> int:
        """The class in [0, num_classes), or NO_CLASS where labels are soft."""
        spec = self._spec
        values = _values(features, spec.label_key, "float_list" if spec.soft_labels else "int64_list")
        if spec.soft_labels:
            self._check_soft(values)
            return NO_CLASS
        if len(values) != 1:
            raise ValueError(f"feature {spec.label_key!r} holds {len(values)} integers, one is needed")
        class_id = int(values[0]) - spec.first_class
        if not 0 <= class_id < spec.num_classes:
            last = spec.first_class + spec.num_classes - 1
            raise ValueError(f"label {values[0]} is out of range: allowed are {spec.first_class} to {last}")
        return class_id

    def soft_label(self, features: Features) -> npt.NDArray[np.float32]:
        """float32[num_classes]"""
        return np.array(_values(features, self._spec.label_key, "float_list"), np.float32)

    def shape(self, features: Features) -> Shape:
        """The shape of the input, without decoding it."""
        spec = self._spec
        shape: Shape
        if spec.encoding == "vector":
            shape = (len(_values(features, spec.input_key, "float_list")),)
        elif spec.encoding == "encoded":
            height, width, channels = image_shape(_one_bytes(features, spec.input_key))
            shape = (height, width, 3 if (channels, spec.shape[2]) == (1, 3) else channels)
        else:
            shape = spec.shape  # type: ignore[assignment]
            found = len(_one_bytes(features, spec.input_key))
            if found != example_bytes(shape):
                raise ValueError(
                    f"feature {spec.input_key!r} holds {found} bytes, {shape_text(shape)} needs {example_bytes(shape)}"
                )
        if not spec.fits(shape):
            raise ValueError(f"the example is {shape_text(shape)}, the schema says {shape_text(spec.shape)}")
        return shape

    def input(self, features: Features, shape: Shape) -> npt.NDArray[Any]:
        """The decoded input: uint8 (height, width, channels) or float32 (length,).

        Raises ValueError where it is damaged or has another shape.
        """
        spec = self._spec
        if spec.encoding == "vector":
            vector = np.array(_values(features, spec.input_key, "float_list"), np.float32)
            if not np.isfinite(vector).all():
                raise ValueError(f"feature {spec.input_key!r} holds a value that is not finite")
            return vector
        data = _one_bytes(features, spec.input_key)
        image = decode(data, shape[-1]) if spec.encoding == "encoded" else np.frombuffer(data, np.uint8).reshape(shape)
        if image.shape != shape:
            raise ValueError(f"the image is {shape_text(image.shape)}, others are {shape_text(shape)}")
        return image

    def _check_soft(self, values: Any) -> None:
        spec = self._spec
        label = np.array(values, np.float32)
        if len(label) != spec.num_classes:
            raise ValueError(f"soft label {spec.label_key!r} holds {len(label)} values, {spec.num_classes} are needed")
        if not (np.isfinite(label).all() and (label >= 0).all() and abs(label.sum() - 1) <= _SOFT_LABEL_TOLERANCE):
            raise ValueError(f"soft label {spec.label_key!r} must hold values from 0 to 1 that sum to 1, sum {label.sum():g}")


def _values(features: Features, key: str, kind: str) -> Any:
    if key not in features:
        raise ValueError(f"feature {key!r} is missing: the record has {', '.join(sorted(features)) or 'none'}")
    feature = features[key]
    found = feature.WhichOneof("kind")
    if found != kind:
        raise ValueError(f"feature {key!r} is {found or 'empty'}, {kind} is needed")
    return getattr(feature, kind).value


def _one_bytes(features: Features, key: str) -> bytes:
    values = _values(features, key, "bytes_list")
    if len(values) != 1:
        raise ValueError(f"feature {key!r} holds {len(values)} byte strings, one is needed")
    return values[0]  # type: ignore[no-any-return]
