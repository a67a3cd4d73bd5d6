"""Encoding: blocks become the framed bytes of protobuf's deterministic serialization."""

import hashlib

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensorflow_datasets.proto.tf_example_generated_pb2 import Example

from mixup_pipeline.records.encoding import Ids, MixedBlock, encode
from mixup_pipeline.records.framing import FRAME_BYTES, frame
from mixup_pipeline.records.images import encode_png

PROPERTY = settings(deadline=None, max_examples=150)

IMAGE_SHAPES = st.sampled_from([(1, 1, 1), (2, 3, 1), (5, 4, 3), (7, 7, 4), (28, 28, 1)])
VECTOR_SHAPES = st.sampled_from([(1,), (3,), (40,)])
CLASS_IDS = st.sampled_from([0, 1, 127, 128, 16_383, 16_384, 2**21, 2**28 - 1, 2**28, 2**31 - 1])
ID_TEXTS = st.integers(1, 300).map(lambda size: bytes((7 * size + i) % 256 for i in range(size)))
FLOATS = st.floats(width=32, allow_nan=False)


@st.composite
def blocks(draw: st.DrawFn, shapes: st.SearchStrategy[tuple[int, ...]]) -> MixedBlock:
    """Mixed examples of one shape, with or without dense labels and class ids."""
    count, shape = draw(st.integers(1, 6)), draw(shapes)
    dtype, elements = (np.float32, FLOATS) if len(shape) == 1 else (np.uint8, None)
    num_classes = draw(st.sampled_from([0, 2, 10, 50]))
    ids = [draw(st.lists(ID_TEXTS, min_size=count, max_size=count)) for _ in range(2)]
    classes = None
    if draw(st.booleans()):
        classes = np.array(draw(st.lists(CLASS_IDS, min_size=2 * count, max_size=2 * count)), np.int32)
    return MixedBlock(
        inputs=draw(hnp.arrays(dtype, (count, *shape), elements=elements)),
        lam=draw(hnp.arrays(np.float32, count, elements=st.floats(0, 1, width=32))),
        label=draw(hnp.arrays(np.float32, (count, num_classes), elements=FLOATS)) if num_classes else None,
        base_id=Ids.of(ids[0]),
        partner_id=Ids.of(ids[1]),
        base_class=None if classes is None else classes[:count],
        partner_class=None if classes is None else classes[count:],
    )


def id_of(ids: Ids, row: int) -> bytes:
    return ids.text[row].tobytes()[: ids.lengths[row]]


def slow_payload(block: MixedBlock, row: int, *, png: bool = False) -> bytes:
    """One record as protobuf serializes it."""
    message = Example()
    feature = message.features.feature
    if block.inputs.ndim == 2:
        feature["features"].float_list.value.extend(block.inputs[row].tolist())
    else:
        image = block.inputs[row].astype(np.uint8)
        feature["image"].bytes_list.value.append(encode_png(image) if png else image.tobytes())
    feature["mixup/lam"].float_list.value.append(float(block.lam[row]))
    feature["mixup/base_id"].bytes_list.value.append(id_of(block.base_id, row))
    feature["mixup/partner_id"].bytes_list.value.append(id_of(block.partner_id, row))
    if block.label is not None:
        feature["label"].float_list.value.extend(block.label[row].tolist())
    if block.base_class is not None and block.partner_class is not None:
        feature["mixup/base_label"].int64_list.value.append(int(block.base_class[row]))
        feature["mixup/partner_label"].int64_list.value.append(int(block.partner_class[row]))
    data: bytes = message.SerializeToString(deterministic=True)
    return data


def small_block(**changes: object) -> MixedBlock:
    """Three grey images with everything that a block can hold."""
    fields: dict[str, object] = {
        "inputs": np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1),
        "lam": np.array([0, 0.25, 1], np.float32),
        "label": np.array([[0, 1], [0.25, 0.75], [1, 0]], np.float32),
        "base_id": Ids.of([b"a__9", b"a__10", b"b__0"]),
        "partner_id": Ids.of([b"a__10", b"b__0", b"b__0"]),
        "base_class": np.array([0, 0, 300], np.int32),
        "partner_class": np.array([1, 128, 300], np.int32),
    }
    return MixedBlock(**{**fields, **changes})  # type: ignore[arg-type]


@given(st.one_of(blocks(IMAGE_SHAPES), blocks(VECTOR_SHAPES)))
@example(small_block())
@PROPERTY
def test_a_block_is_what_protobuf_serializes(block: MixedBlock) -> None:
    assert bytes(encode(block)) == b"".join(frame(slow_payload(block, row)) for row in range(len(block.lam)))


@given(blocks(st.sampled_from([(1, 1, 1), (5, 4, 3), (6, 3, 4)])))
@example(small_block())
@settings(deadline=None, max_examples=50)
def test_a_block_of_png_images_is_what_protobuf_serializes(block: MixedBlock) -> None:
    expected = b"".join(frame(slow_payload(block, row, png=True)) for row in range(len(block.lam)))
    assert bytes(encode(block, png=True)) == expected


def payloads_in(data: bytes) -> list[bytes]:
    payloads, position = [], 0
    while position < len(data):
        size = int.from_bytes(data[position : position + 8], "little")
        payloads.append(data[position + 12 : position + 12 + size])
        position += size + FRAME_BYTES
    return payloads


def test_a_block_parses_back_in_its_order() -> None:
    block = small_block()
    for row, payload in enumerate(payloads_in(bytes(encode(block)))):
        feature = Example.FromString(payload).features.feature
        assert feature["image"].bytes_list.value == [bytes(range(4 * row, 4 * row + 4))]
        assert feature["mixup/lam"].float_list.value == [block.lam[row]]
        assert feature["mixup/base_id"].bytes_list.value == [[b"a__9", b"a__10", b"b__0"][row]]
        assert feature["mixup/partner_label"].int64_list.value == [[1, 128, 300][row]]


def test_a_png_block_holds_png_files_in_rgb_order() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 3), np.uint8)
    for image, payload in zip(images, payloads_in(bytes(encode(small_block(inputs=images), png=True))), strict=True):
        data = Example.FromString(payload).features.feature["image"].bytes_list.value[0]
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None
        np.testing.assert_array_equal(decoded[:, :, ::-1], image)


@pytest.mark.parametrize(
    ("block", "keys"),
    [
        (small_block(), {"image", "label", "mixup/base_label", "mixup/partner_label"}),
        (small_block(label=None), {"image", "mixup/base_label", "mixup/partner_label"}),
        (small_block(base_class=None, partner_class=None), {"image", "label"}),
        (
            small_block(inputs=np.ones((3, 2), np.float32)),
            {"features", "label", "mixup/base_label", "mixup/partner_label"},
        ),
    ],
    ids=["all", "compact", "soft labels", "vectors"],
)
def test_a_record_has_exactly_the_features_of_its_block(block: MixedBlock, keys: set[str]) -> None:
    for payload in payloads_in(bytes(encode(block))):
        assert set(Example.FromString(payload).features.feature) == keys | {
            "mixup/lam",
            "mixup/base_id",
            "mixup/partner_id",
        }


def test_the_layout_of_arrays_does_not_matter() -> None:
    images: npt.NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 3), np.uint8)
    label = np.array([[0, 1], [0.25, 0.75], [1, 0]], np.float32)
    plain = small_block(inputs=images, label=label)
    odd = small_block(
        inputs=np.asfortranarray(images),
        label=np.asfortranarray(label),
        lam=np.repeat(plain.lam, 2)[::2],
        base_class=np.array([0, 9, 0, 9, 300, 9], np.int32)[::2],
    )
    assert encode(odd) == encode(plain)


def test_many_records_of_many_lengths_keep_their_order() -> None:
    rows = np.random.default_rng(1).permutation(3000)
    block = MixedBlock(
        inputs=(rows % 256).astype(np.uint8).reshape(-1, 1, 1, 1),
        lam=(rows / 3000).astype(np.float32),
        label=None,
        base_id=Ids.of([b"f__%d" % row for row in rows]),
        partner_id=Ids.of([b"file__%d" % (row * 7) for row in rows]),
        base_class=rows.astype(np.int32),
        partner_class=(rows * 100).astype(np.int32),
    )
    payloads = payloads_in(bytes(encode(block)))
    assert payloads == [slow_payload(block, row) for row in range(len(rows))]


@given(st.lists(ID_TEXTS, min_size=1, max_size=8), st.data())
@settings(deadline=None, max_examples=50)
def test_ids_keep_their_texts(texts: list[bytes], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1)))
    chosen = Ids.of(texts)[np.array(rows, np.int64)]
    assert [id_of(chosen, row) for row in range(len(rows))] == [texts[row] for row in rows]


def test_a_block_is_pinned() -> None:
    assert (
        hashlib.sha256(encode(small_block())).hexdigest()
        == "a5b698c168ff8dbb3a2f4f718b33d3adf519510cd7fe5bb7b061beb28bb80efe"
    )
