"""tf.Example messages.

The message types are built here from their published definition, in a private descriptor pool. Importing them from
TensorFlow or TFDS takes 0.4 s or more, and a private pool cannot clash with theirs.
Definition: tensorflow/core/example/{example,feature}.proto.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

Features = Mapping[str, Any]

FAULT_KEY = "mixup/fault"
"""A record that a conversion could not make has this feature alone: a text that says why."""
_FIELD = descriptor_pb2.FieldDescriptorProto
_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED_BYTES = {1: 8, 5: 4}
"""Wire types of fields, and the bytes of those of fixed size."""
_MASK, _INT64 = (1 << 64) - 1, 1 << 63
_BYTES = [bytes([value]) for value in range(0x80)]


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
    """Parse one serialized tf.Example into its features.

    Raises ValueError if the payload is not a tf.Example.
    """
    try:
        return Example.FromString(payload).features.feature
    except DecodeError as error:
        raise ValueError("the record is not a tf.Example message") from error


def serialize(features: Mapping[str, "bytes | list[bytes] | list[int] | npt.NDArray[np.float32]"]) -> bytes:
    """Serialize a tf.Example whose features are in the order of their keys.

    Values: bytes or a list of bytes, a list of integers, or float32[n]. Equal features always give equal bytes, which
    protobuf does not promise.

    Raises ValueError for an integer of more than 64 bits.
    """
    entries = [piece for key in sorted(features) for piece in _field(1, *_entry(key, features[key]))]
    return b"".join(_field(1, *entries))


def _entry(key: str, value: Any) -> list[bytes]:
    if isinstance(value, np.ndarray):
        number, content = 2, _field(1, value.astype("<f4").tobytes())
    elif isinstance(value, bytes):
        number, content = 1, _field(1, value)
    elif value and isinstance(value[0], bytes):
        number, content = 1, [piece for item in value for piece in _field(1, item)]
    else:
        out = next((item for item in value if not -_INT64 <= item < _INT64), None)
        if out is not None:
            raise ValueError(f"feature {key!r} holds {out}, an integer of more than 64 bits")
        number, content = 3, _field(1, *(_packed(item & _MASK) for item in value))
    return [*_field(1, key.encode()), *_field(2, *_field(number, *content))]


def _field(number: int, *content: bytes) -> list[bytes]:
    """A length-delimited field in pieces, so that a large value is copied once."""
    return [_packed(number << 3 | _LENGTH_DELIMITED) + _packed(sum(map(len, content))), *content]


def _packed(value: int) -> bytes:
    """A varint. value: from 0 to 2⁶⁴ − 1."""
    if value < 0x80:
        return _BYTES[value]
    packed = bytearray()
    while value > 0x7F:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    packed.append(value)
    return bytes(packed)


def position_of(value: bytes, payload: bytes) -> int:
    """The position in a serialized tf.Example of a bytes value or a packed float list with these bytes; −1 if none has.

    The message is walked field by field, so the cost grows with its length alone. (A search for the bytes takes the
    square of it where both hold long runs of one byte, as black images do.)
    """
    spans = [(0, len(payload))]
    for number in (1, 1, 2):  # Example.features, Features.feature, its value: a Feature
        spans = [span for outer in spans for span in _spans(payload, *outer, number, number)]
    lists = [span for outer in spans for span in _spans(payload, *outer, 1, 2)]  # bytes_list, float_list
    for start, stop in (span for outer in lists for span in _spans(payload, *outer, 1, 1)):
        if stop - start == len(value) and payload.startswith(value, start):
            return start
    return -1


def _spans(payload: bytes, position: int, end: int, first: int, last: int) -> Iterator[tuple[int, int]]:
    """The contents [start, stop) of the length-delimited fields with these numbers, in a message at [position, end)."""
    while position < end:
        tag, position = _varint(payload, position)
        kind, start = tag & 7, position
        if kind == _LENGTH_DELIMITED:
            length, start = _varint(payload, position)
            position = start + length
            if first <= tag >> 3 <= last:
                yield start, position
        elif kind in _FIXED_BYTES:
            position += _FIXED_BYTES[kind]
        elif kind == _VARINT:
            position = _varint(payload, position)[1]
        else:  # a group, which tf.Example has none of
            return


def _varint(payload: bytes, position: int) -> tuple[int, int]:
    """The integer at this position and the position behind it. The payload must have been parsed before."""
    value = shift = 0
    while True:
        byte = payload[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position


def list_values(features: Features, key: str, kind: str) -> Any:
    """The values of a feature that must have this kind: "bytes_list", "float_list" or "int64_list".

    Raises ValueError if the feature is missing, empty, or of another kind.
    """
    feature = features.get(key)
    if feature is None:
        raise ValueError(f"feature {key!r} is missing: the record has {', '.join(sorted(features)) or 'none'}")
    values = getattr(feature, kind).value
    if not values:
        found = feature.WhichOneof("kind")
        if found != kind:
            raise ValueError(f"feature {key!r} is {found or 'empty'}, {kind} is needed")
    return values


def single_value(features: Features, key: str, kind: str) -> Any:
    """The only value of a feature. Raises ValueError as `list_values` does, and if there is more than one."""
    values = list_values(features, key, kind)
    if len(values) != 1:
        raise ValueError(f"feature {key!r} holds {len(values)} values, one is needed")
    return values[0]
