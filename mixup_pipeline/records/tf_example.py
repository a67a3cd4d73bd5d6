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

from mixup_pipeline.records.images import decode, image_shape
from mixup_pipeline.spec import NO_CLASS, ExampleSpec, Shape, example_bytes, shape_text

Features = Mapping[str, Any]

_FIELD = descriptor_pb2.FieldDescriptorProto
_SOFT_LABEL_TOLERANCE = 1e-3


def _build_example_type() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="mixup/example.proto", package="mixup", syntax="proto3")

    def message(name: str, *fields: tuple[str, int, int, int, str]) -> descriptor_pb2.DescriptorProto:
        built = file.message_type.add(name=name)
        for field, number, kind, label, type_name in fields:
            built.field.add(name=field, number=number, type=kind, label=label, type_name=type_name or None)
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
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("mixup.Example"))


Example = _build_example_type()
"""The protobuf class of tf.Example."""


def parse(payload: bytes) -> Features:
    """The features of one serialized tf.Example.

    Raises ValueError where the payload is no such message.
    """
    try:
        return Example.FromString(payload).features.feature
    except DecodeError as error:
        raise ValueError("the record is not a tf.Example message") from error


class ExampleReader:
    """Reads the input and the label of parsed examples as the spec says. All errors are ValueError with a reason."""

    def __init__(self, spec: ExampleSpec) -> None:
        self._spec = spec
        self._fitting: Shape | None = None  # the last shape found to fit

    def class_id(self, features: Features) -> int:
        """The class in [0, num_classes), or NO_CLASS where labels are soft."""
        spec = self._spec
        if spec.soft_labels:
            self._check_soft(_values(features, spec.label_key, "float_list"))
            return NO_CLASS
        label: int = _single(features, spec.label_key, "int64_list")
        class_id = label - spec.first_class
        if not 0 <= class_id < spec.num_classes:
            last = spec.first_class + spec.num_classes - 1
            raise ValueError(f"label {label} is out of range: allowed are {spec.first_class} to {last}")
        return class_id

    def soft_label(self, features: Features) -> npt.NDArray[np.float32]:
        """float32[num_classes]"""
        return np.array(_values(features, self._spec.label_key, "float_list"), np.float32)

    def input_bytes(self, features: Features) -> bytes:
        """The input as the record stores it: an image file, raw pixels, or float32 little-endian."""
        if self._spec.encoding == "vector":
            vector = np.array(_values(features, self._spec.input_key, "float_list"), "<f4")
            if not len(vector):
                raise ValueError(f"feature {self._spec.input_key!r} holds no values")
            return vector.tobytes()
        return _single(features, self._spec.input_key, "bytes_list")

    def shape(self, data: bytes) -> Shape:
        """The shape of an input, without decoding it."""
        spec = self._spec
        shape: Shape
        if spec.encoding == "vector":
            shape = (len(data) // 4,)
        elif spec.encoding == "encoded":
            shape = image_shape(data)
            if shape[2] == 1 and spec.shape[2] == 3:
                shape = (shape[0], shape[1], 3)
        else:
            shape = spec.shape  # type: ignore[assignment]  # whole, as the spec has checked
            if len(data) != example_bytes(shape):
                raise ValueError(
                    f"feature {spec.input_key!r} holds {len(data)} bytes, but {shape_text(shape)} needs "
                    f"{example_bytes(shape)}"
                )
        if shape != self._fitting:
            if not spec.fits(shape):
                raise ValueError(f"the example is {shape_text(shape)}, the schema says {shape_text(spec.shape)}")
            self._fitting = shape
        return shape

    def decode(self, data: bytes, shape: Shape) -> npt.NDArray[Any]:
        """An input as an array: uint8 (height, width, channels) or float32 (length,).

        Raises ValueError where it is damaged or has another shape.
        """
        encoding = self._spec.encoding
        if encoding == "encoded":
            image = decode(data, shape[-1])
            if image.shape != shape:
                raise ValueError(f"the image is {shape_text(image.shape)}, others are {shape_text(shape)}")
            return image
        decoded = np.frombuffer(data, "<f4" if encoding == "vector" else np.uint8).reshape(shape)
        if encoding == "vector" and not np.isfinite(decoded).all():
            raise ValueError(f"feature {self._spec.input_key!r} holds a value that is not finite")
        return decoded

    def _check_soft(self, values: Any) -> None:
        spec = self._spec
        label = np.array(values, np.float32)
        if len(label) != spec.num_classes:
            raise ValueError(f"soft label {spec.label_key!r} holds {len(label)} values, {spec.num_classes} are needed")
        if not (np.isfinite(label).all() and (label >= 0).all() and abs(label.sum() - 1) <= _SOFT_LABEL_TOLERANCE):
            raise ValueError(
                f"soft label {spec.label_key!r} must hold values from 0 to 1 that sum to 1, sum {label.sum():g}"
            )


def _values(features: Features, key: str, kind: str) -> Any:
    """The values of a feature that must be of this kind."""
    feature = features.get(key)
    if feature is None:
        raise ValueError(f"feature {key!r} is missing: the record has {', '.join(sorted(features)) or 'none'}")
    values = getattr(feature, kind).value
    if not values:
        found = feature.WhichOneof("kind")
        if found != kind:
            raise ValueError(f"feature {key!r} is {found or 'empty'}, {kind} is needed")
    return values


def _single(features: Features, key: str, kind: str) -> Any:
    """The only value of a feature."""
    values = _values(features, key, kind)
    if len(values) != 1:
        raise ValueError(f"feature {key!r} holds {len(values)} values, one is needed")
    return values[0]
