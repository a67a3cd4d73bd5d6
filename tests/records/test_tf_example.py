"""tf.Example messages equal those of TensorFlow; the reader returns inputs and labels or says what is wrong."""

import math
import re
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_datasets.proto import tf_example_generated_pb2 as theirs

from mixup_pipeline.records.example_reader import ExampleReader
from mixup_pipeline.records.tf_example import Example, Features, parse, position_of, serialize
from mixup_pipeline.spec import NO_CLASS, ExampleSpec
from tests.datasets import example, png, random_images
from tests.helpers import brief

IMAGE = random_images(1, (4, 6, 3))[0]
GREY = random_images(1, (4, 6, 1))[0]

VALUES = st.one_of(
    st.tuples(st.just("bytes_list"), st.lists(st.binary(max_size=20), max_size=4)),
    st.tuples(st.just("float_list"), st.lists(st.floats(width=32, allow_nan=False), max_size=4)),
    st.tuples(st.just("int64_list"), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4)),
)
FEATURES = st.dictionaries(st.text(max_size=10), VALUES, max_size=6)


def fill(message: Any, features: dict[str, tuple[str, list[Any]]]) -> Any:
    for key, (kind, values) in features.items():
        getattr(message.features.feature[key], kind).value.extend(values)
    return message


def content(message: Any) -> dict[str, tuple[str | None, list[Any]]]:
    found = {}
    for key, feature in message.features.feature.items():
        kind = feature.WhichOneof("kind")
        found[key] = (kind, list(getattr(feature, kind).value) if kind else [])
    return found


@given(FEATURES)
@settings(max_examples=80)
def test_our_messages_are_those_of_tensorflow(features: dict[str, tuple[str, list[Any]]]) -> None:
    ours, tfds = fill(Example(), features), fill(theirs.Example(), features)
    data = ours.SerializeToString(deterministic=True)
    assert data == tfds.SerializeToString(deterministic=True)
    assert content(theirs.Example.FromString(data)) == content(tfds)
    assert content(Example.FromString(tfds.SerializeToString())) == content(ours)


@given(FEATURES)
@settings(max_examples=30)
def test_parse_gives_the_features_by_key(features: dict[str, tuple[str, list[Any]]]) -> None:
    parsed = parse(fill(theirs.Example(), features).SerializeToString())
    assert set(parsed) == set(features)
    for key, (kind, values) in features.items():
        assert list(getattr(parsed[key], kind).value) == values


STORED = st.one_of(st.binary(max_size=40), st.integers(0, 300).map(bytes), st.lists(st.floats(width=32), max_size=9))


@given(st.dictionaries(st.text(max_size=5), STORED, min_size=1, max_size=5), st.data())
def test_the_position_of_a_value_is_that_of_its_bytes(
    features: dict[str, bytes | list[float]], data: st.DataObject
) -> None:
    payload = example({key: value for key, value in features.items() if value != []})
    wanted = data.draw(st.sampled_from(list(features.values())))
    stored = wanted if isinstance(wanted, bytes) else np.array(wanted, "<f4").tobytes()
    position = position_of(stored, payload)
    if wanted != []:
        assert payload[position : position + len(stored)] == stored
        assert position > 0
    absent = bytes(range(41))
    assert position_of(absent, payload) == -1
    assert position_of(absent, b"\x08\x05\x15abcd\x19abcdefgh" + payload + example({"a": absent})) > len(payload)


def test_a_value_is_found_in_linear_time() -> None:
    """The message holds other runs of zeros before the image, so that each start of a search fails late."""
    image = bytes(1 << 20) + b"end"
    payload = example({"a": bytes(1 << 20), "b": bytes(1 << 20), "image": image})
    started = time.process_time()
    position = position_of(image, payload)
    assert payload[position : position + len(image)] == image
    assert time.process_time() - started < 1  # a search takes hours


def test_unknown_fields_are_ignored() -> None:
    assert parse(example({"label": 3}) + b"\x7a\x02hi")["label"].int64_list.value == [3]


@pytest.mark.parametrize(
    "payload",
    [b"\xff", b"not a message", example({"label": 3})[:-1], b"\x0a\x05\x0a\x03\x0a\x01\xff"],
    ids=brief,
)
def test_parse_refuses_what_is_no_example(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the record is not a tf\.Example message$"):
        parse(payload)


def spec_of(**changes: Any) -> ExampleSpec:
    fields: dict[str, Any] = {"encoding": "encoded", "shape": (None, None, 3), "num_classes": 10}
    return ExampleSpec(**{"input_key": "image", "label_key": "label", **fields, **changes})


def reader_of(**changes: Any) -> ExampleReader:
    return ExampleReader(spec_of(**changes))


def features_of(**values: Any) -> Features:
    return parse(example(values))


def refused(message: str) -> Any:
    """Expect a ValueError with exactly this message in the context."""
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


# Inputs


@pytest.mark.parametrize(
    ("spec", "value", "decoded"),
    [
        ({"shape": (None, None, 3)}, png(IMAGE), IMAGE),
        ({"shape": (4, 6, 3)}, png(IMAGE), IMAGE),
        ({"shape": (None, None, None)}, png(IMAGE), IMAGE),
        ({"shape": (4, None, 1)}, png(GREY), GREY),
        ({"shape": (None, None, None)}, png(GREY), GREY),
        ({"shape": (None, None, 3)}, png(GREY), np.repeat(GREY, 3, axis=2)),
        ({"shape": (None, None, 4)}, png(np.dstack([IMAGE, GREY])), np.dstack([IMAGE, GREY])),
        ({"encoding": "raw", "shape": (4, 6, 3)}, IMAGE.tobytes(), IMAGE),
        ({"encoding": "raw", "shape": (2, 3, 4)}, GREY.tobytes(), GREY.reshape(2, 3, 4)),
        ({"encoding": "vector", "shape": (3,)}, [0.1, -2.5, 1e30], np.array([0.1, -2.5, 1e30], np.float32)),
        ({"encoding": "vector", "shape": (None,)}, [7.0], np.array([7], np.float32)),
    ],
    ids=brief,
)
def test_inputs_are_decoded(spec: dict[str, Any], value: Any, decoded: Any) -> None:
    reader = reader_of(**spec)
    data = reader.input_bytes(features_of(image=value))
    reader.facts(data)
    array = reader.decode(data, decoded.shape)
    assert array.dtype == decoded.dtype
    np.testing.assert_array_equal(array, decoded)


@pytest.mark.parametrize(
    ("spec", "value", "message"),
    [
        ({}, 3, "feature 'image' is int64_list, bytes_list is needed"),
        ({}, 0.5, "feature 'image' is float_list, bytes_list is needed"),
        ({"encoding": "raw", "shape": (1, 1, 1)}, 3, "feature 'image' is int64_list, bytes_list is needed"),
        ({"encoding": "vector", "shape": (1,)}, b"x", "feature 'image' is bytes_list, float_list is needed"),
        ({"encoding": "vector", "shape": (1,)}, 3, "feature 'image' is int64_list, float_list is needed"),
    ],
    ids=brief,
)
def test_an_input_of_another_kind_is_refused(spec: dict[str, Any], value: Any, message: str) -> None:
    with refused(message):
        reader_of(**spec).input_bytes(features_of(image=value))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"other": 1, "label": 2}, "feature 'image' is missing: the record has label, other"),
        ({}, "feature 'image' is missing: the record has none"),
    ],
)
def test_a_missing_input_is_refused(values: dict[str, Any], message: str) -> None:
    with refused(message):
        reader_of().input_bytes(features_of(**values))


def test_a_feature_without_a_kind_is_refused() -> None:
    message = theirs.Example()
    message.features.feature["image"].SetInParent()
    with refused("feature 'image' is empty, bytes_list is needed"):
        reader_of().input_bytes(parse(message.SerializeToString()))


@pytest.mark.parametrize(("values", "count"), [([], 0), ([b"a", b"b"], 2)])
def test_an_image_must_be_one_value(values: list[bytes], count: int) -> None:
    message = theirs.Example()
    message.features.feature["image"].bytes_list.value.extend(values)
    message.features.feature["image"].bytes_list.SetInParent()
    with refused(f"feature 'image' holds {count} values, one is needed"):
        reader_of().input_bytes(parse(message.SerializeToString()))


@pytest.mark.parametrize(
    ("spec", "data", "message"),
    [
        ({"shape": (4, 5, 3)}, png(IMAGE), "the example is 4x6x3, the schema says 4x5x3"),
        ({"shape": (4, 7, 3)}, png(np.dstack([IMAGE, GREY])), "the example is 4x6x4, the schema says 4x7x3"),
        ({"encoding": "raw", "shape": (4, 6, 3)}, bytes(71), "feature 'image' holds 71 bytes, but 4x6x3 needs 72"),
        ({"encoding": "raw", "shape": (4, 6, 3)}, b"", "feature 'image' holds 0 bytes, but 4x6x3 needs 72"),
        ({"encoding": "vector", "shape": (3,)}, bytes(8), "the example is 2, the schema says 3"),
        ({}, b"", "the image is none of JPEG, PNG, WebP, GIF, BMP and TIFF (it starts with nothing)"),
    ],
    ids=brief,
)
def test_an_input_of_another_shape_is_refused(spec: dict[str, Any], data: bytes, message: str) -> None:
    with refused(message):
        reader_of(**spec).facts(data)


def test_another_shape_is_refused_also_after_fitting_ones() -> None:
    reader = reader_of(encoding="vector", shape=(3,))
    assert reader.facts(bytes(12)) == reader.facts(bytes(12)) == (3,)
    for _ in range(2):
        with refused("the example is 4, the schema says 3"):
            reader.facts(bytes(16))
    assert reader.facts(bytes(12)) == (3,)


def test_an_empty_vector_is_refused() -> None:
    message = theirs.Example()
    message.features.feature["image"].float_list.SetInParent()
    with refused("feature 'image' holds no values"):
        reader_of(encoding="vector", shape=(None,)).input_bytes(parse(message.SerializeToString()))


@pytest.mark.parametrize(
    ("spec", "data", "shape", "message"),
    [
        ({}, png(IMAGE), (4, 5, 3), "the image is 4x6x3, others are 4x5x3"),
        ({}, png(IMAGE)[:-20], (4, 6, 3), "the PNG image is damaged: no sound chunk begins at byte 33 of 124"),
        (
            {},
            b"garbage",
            (4, 6, 3),
            "the image is none of JPEG, PNG, WebP, GIF, BMP and TIFF (it starts with 67 61 72 62 61 67 65)",
        ),
        (
            {"encoding": "vector", "shape": (2,)},
            np.array([1, math.nan], np.float32).tobytes(),
            (2,),
            "feature 'image' holds a value that is not finite",
        ),
        (
            {"encoding": "vector", "shape": (2,)},
            np.array([-math.inf, 1], np.float32).tobytes(),
            (2,),
            "feature 'image' holds a value that is not finite",
        ),
    ],
    ids=brief,
)
def test_a_damaged_input_is_refused(spec: dict[str, Any], data: bytes, shape: tuple[int, ...], message: str) -> None:
    with refused(message):
        reader_of(**spec).decode(data, shape)


@pytest.mark.parametrize("encoding", ["raw", "vector"])
def test_an_input_of_the_wrong_size_is_not_decoded(encoding: str) -> None:
    shape = (2,) if encoding == "vector" else (1, 2, 1)
    with pytest.raises(ValueError, match="reshape"):
        reader_of(encoding=encoding, shape=shape).decode(bytes(12), shape)


# Labels


@pytest.mark.parametrize(
    ("label", "first_class", "class_id"), [(0, 0, 0), (9, 0, 9), (1, 1, 0), (10, 1, 9), (-1, -1, 0), (8, -1, 9)]
)
def test_class_ids_count_from_the_first_class(label: int, first_class: int, class_id: int) -> None:
    assert reader_of(first_class=first_class).class_id(features_of(label=label)) == class_id


@pytest.mark.parametrize(
    ("label", "first_class", "message"),
    [
        (10, 0, "label 10 is out of range: allowed are 0 to 9"),
        (-1, 0, "label -1 is out of range: allowed are 0 to 9 (-1 usually marks examples without a label)"),
        (0, 1, "label 0 is out of range: allowed are 1 to 10"),
        (11, 1, "label 11 is out of range: allowed are 1 to 10"),
        (2**63 - 1, 0, "label 9223372036854775807 is out of range: allowed are 0 to 9"),
    ],
)
def test_a_label_out_of_range_is_refused(label: int, first_class: int, message: str) -> None:
    with refused(message):
        reader_of(first_class=first_class).class_id(features_of(label=label))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image": b""}, "feature 'label' is missing: the record has image"),
        ({"label": 1.0}, "feature 'label' is float_list, int64_list is needed"),
        ({"label": b"cat"}, "feature 'label' is bytes_list, int64_list is needed"),
    ],
)
def test_a_label_of_another_kind_is_refused(values: dict[str, Any], message: str) -> None:
    with refused(message):
        reader_of().class_id(features_of(**values))


def test_several_labels_are_refused() -> None:
    message = theirs.Example()
    message.features.feature["label"].int64_list.value.extend([1, 2])
    with refused(
        "label 'label' holds 2 values, one is needed (--label-kind multi-label is for several classes at once)"
    ):
        reader_of().class_id(parse(message.SerializeToString()))


@pytest.mark.parametrize("label", [[0.0, 1.0, 0.0], [0.3, 0.3, 0.4], [0.3333, 0.3333, 0.3333]])
def test_soft_labels_are_read(label: list[float]) -> None:
    reader, features = reader_of(num_classes=3, label_kind="soft"), features_of(label=label)
    assert reader.class_id(features) == NO_CLASS
    assert reader.label(features).dtype == np.float32
    assert reader.label(features).tolist() == np.array(label, np.float32).tolist()


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ([0.5, 0.5], "label 'label' holds 2 values, 3 are needed"),
        ([0.5, 0.5, 0.1], "soft label 'label' must hold values from 0 to 1 that sum to 1, sum 1.1"),
        ([0.0, 0.0, 0.0], "soft label 'label' must hold values from 0 to 1 that sum to 1, sum 0"),
        ([-0.5, 1.0, 0.5], "soft label 'label' must hold values from 0 to 1 that sum to 1, sum 1"),
        ([math.nan, 0.5, 0.5], "soft label 'label' must hold values from 0 to 1 that sum to 1, sum nan"),
        ([math.inf, 0.0, 0.0], "soft label 'label' must hold values from 0 to 1 that sum to 1, sum inf"),
        (1, "label 'label' holds 1 value, 3 are needed"),
        (b"cat", "feature 'label' is bytes_list, float_list is needed"),
        (
            [1.0, 0.0, 1.0],
            "label 'label' holds 2 ones, a soft label sums to 1 (--label-kind multi-label is for several classes at "
            "once)",
        ),
    ],
)
def test_bad_soft_labels_are_refused(label: Any, message: str) -> None:
    with refused(message):
        reader_of(num_classes=3, label_kind="soft").class_id(features_of(label=label))


MADE = st.one_of(
    st.binary(max_size=300),
    st.lists(st.binary(max_size=20), min_size=1, max_size=5),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20),
    st.lists(st.floats(width=32, allow_nan=False), max_size=20).map(lambda values: np.array(values, np.float32)),
)


@given(st.dictionaries(st.text(max_size=5), MADE, max_size=5))
def test_what_is_serialized_by_hand_is_what_protobuf_reads(features: dict[str, Any]) -> None:
    found = parse(serialize(features))
    assert set(found) == set(features)
    for key, value in features.items():
        kind = found[key].WhichOneof("kind")
        values = list(getattr(found[key], kind).value)
        expected = {"bytes_list": [value] if isinstance(value, bytes) else value}.get(kind, value)
        assert values == list(expected)
    assert serialize(dict(reversed(features.items()))) == serialize(features)
