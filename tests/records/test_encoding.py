"""Encoding: blocks are encoded to the framed bytes of protobuf's deterministic serialization."""

import hashlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensorflow_datasets.proto.tf_example_generated_pb2 import Example

from mixup_pipeline.config.registry import METHODS
from mixup_pipeline.records.encoding import encode
from mixup_pipeline.records.framing import FRAME_BYTES, frame
from mixup_pipeline.records.ids import Ids
from mixup_pipeline.records.images import encode_png
from mixup_pipeline.records.layout import Layout
from tests.choices import BOXED, registered

PROPERTY = settings(max_examples=150)

IMAGE_SHAPES = st.sampled_from([(1, 1, 1), (2, 3, 1), (5, 4, 3), (7, 7, 4), (28, 28, 1)])
VECTOR_SHAPES = st.sampled_from([(1,), (3,), (40,)])
CLASS_IDS = st.sampled_from([0, 1, 127, 128, 16_383, 16_384, 2**21, 2**28 - 1, 2**28, 2**31 - 1])
ID_TEXTS = st.integers(1, 300).map(lambda size: bytes((7 * size + i) % 256 for i in range(size)))
FLOATS = st.floats(width=32, allow_nan=False)


@dataclass(frozen=True, kw_only=True)
class Block:
    """Mixed examples to encode, and the layout of their records."""

    columns: dict[str, Any]
    layout: Layout

    def __len__(self) -> int:
        return len(self.columns["mixup/lam"])

    def encoded(self) -> bytes:
        return bytes(encode(self.columns, self.layout))


def block_of(
    inputs: npt.NDArray[Any],
    lam: npt.NDArray[np.float32],
    *,
    label: npt.NDArray[np.float32] | None,
    ids: tuple[list[bytes], list[bytes]],
    class_ids: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]] | None,
    image_format: str = "raw",
    extra: dict[str, npt.NDArray[Any]] | None = None,
    method: str = "mixup",
) -> Block:
    """A block of these columns, with a layout that fits them."""
    layout = Layout(
        shape=inputs.shape[1:],
        num_classes=2 if label is None else label.shape[1],
        label_kind="soft" if class_ids is None else "class",
        label_format="compact" if label is None else "dense",
        image_format=image_format,
        method=method,
        is_image=inputs.dtype == np.uint8,
    )
    columns: dict[str, Any] = {layout.input.key: inputs, "mixup/lam": lam, **(extra or {})}
    columns |= {"mixup/base_id": Ids.of(ids[0]), "mixup/partner_id": Ids.of(ids[1])}
    if label is not None:
        columns["label"] = label
    if class_ids is not None:
        columns |= {"mixup/base_label": class_ids[0], "mixup/partner_label": class_ids[1]}
    return Block(columns=columns, layout=layout)


@st.composite
def blocks(draw: st.DrawFn, shapes: st.SearchStrategy[tuple[int, ...]], image_format: str = "raw") -> Block:
    """Draw mixed examples of one shape, with dense, compact or soft labels."""
    count, shape = draw(st.integers(1, 6)), draw(shapes)
    dtype, elements = (np.float32, FLOATS) if len(shape) == 1 else (np.uint8, None)
    ids = [draw(st.lists(ID_TEXTS, min_size=count, max_size=count)) for _ in range(2)]
    form = draw(st.sampled_from(["dense", "compact", "soft"]))
    label = class_ids = None
    if form != "compact":
        num_classes = draw(st.sampled_from([2, 10, 50]))
        label = draw(hnp.arrays(np.float32, (count, num_classes), elements=FLOATS))
    if form != "soft":
        drawn = np.array(draw(st.lists(CLASS_IDS, min_size=2 * count, max_size=2 * count)), np.int32)
        class_ids = drawn[:count], drawn[count:]
    return block_of(
        draw(hnp.arrays(dtype, (count, *shape), elements=elements)),
        draw(hnp.arrays(np.float32, count, elements=st.floats(0, 1, width=32))),
        label=label,
        ids=(ids[0], ids[1]),
        class_ids=class_ids,
        image_format=image_format,
    )


def id_of(ids: Ids, row: int) -> bytes:
    return ids.text[row].tobytes()[: ids.lengths[row]]


def slow_payload(block: Block, row: int) -> bytes:
    """Serialize one record with protobuf."""
    message = Example()
    feature = message.features.feature
    for key, values in block.columns.items():
        if isinstance(values, Ids):
            feature[key].bytes_list.value.append(id_of(values, row))
        elif key == "image":
            image = values[row].astype(np.uint8)
            png = block.layout.image_format == "png"
            feature[key].bytes_list.value.append(encode_png(image) if png else image.tobytes())
        elif values.dtype == np.float32:
            feature[key].float_list.value.extend(values[row].ravel().tolist())
        else:
            feature[key].int64_list.value.extend(values[row].ravel().tolist())
    data: bytes = message.SerializeToString(deterministic=True)
    return data


def small_block(**changes: Any) -> Block:
    """A block of three grey images with all features that a record can have."""
    fields: dict[str, Any] = {
        "inputs": np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1),
        "lam": np.array([0, 0.25, 1], np.float32),
        "label": np.array([[0, 1], [0.25, 0.75], [1, 0]], np.float32),
        "ids": ([b"a__9", b"a__10", b"b__0"], [b"a__10", b"b__0", b"b__0"]),
        "class_ids": (np.array([0, 0, 300], np.int32), np.array([1, 128, 300], np.int32)),
    }
    return block_of(**{**fields, **changes})


@given(st.one_of(blocks(IMAGE_SHAPES), blocks(VECTOR_SHAPES)))
@example(small_block())
@PROPERTY
def test_a_block_is_what_protobuf_serializes(block: Block) -> None:
    assert block.encoded() == b"".join(frame(slow_payload(block, row)) for row in range(len(block)))


@given(blocks(st.sampled_from([(1, 1, 1), (5, 4, 3), (6, 3, 4)]), image_format="png"))
@example(small_block(image_format="png"))
@settings(max_examples=50)
def test_a_block_of_png_images_is_what_protobuf_serializes(block: Block) -> None:
    assert block.encoded() == b"".join(frame(slow_payload(block, row)) for row in range(len(block)))


BOXES = st.lists(st.sampled_from([0, 1, 127, 128, 2**31 - 1]), min_size=12, max_size=12)


@given(BOXES, st.lists(FLOATS, min_size=6, max_size=6))
@settings(max_examples=50)
def test_fields_of_a_method_are_what_protobuf_serializes(boxes: list[int], shifts: list[float]) -> None:
    extra = {
        "mixup/box": np.array(boxes, np.int64).reshape(3, 4),
        "mixup/shift": np.array(shifts, np.float32).reshape(3, 2),
    }
    with registered(METHODS, "boxed", BOXED):
        block = small_block(extra=extra, method="boxed")
        assert block.encoded() == b"".join(frame(slow_payload(block, row)) for row in range(len(block)))


@pytest.mark.parametrize("change", [{"extra": {"mixup/box": np.zeros((3, 4), np.int64)}}, {"class_ids": None}])
def test_columns_that_are_not_those_of_the_layout_are_refused(change: dict[str, Any]) -> None:
    block = small_block(**change)
    columns = block.columns if "extra" in change else {k: v for k, v in block.columns.items() if k != "label"}
    with pytest.raises(ValueError, match="were given, a record holds image, label"):
        encode(columns, block.layout)


def payloads_in(data: bytes) -> list[bytes]:
    payloads, position = [], 0
    while position < len(data):
        size = int.from_bytes(data[position : position + 8], "little")
        payloads.append(data[position + 12 : position + 12 + size])
        position += size + FRAME_BYTES
    return payloads


def test_a_block_parses_back_in_its_order() -> None:
    block = small_block()
    for row, payload in enumerate(payloads_in(block.encoded())):
        feature = Example.FromString(payload).features.feature
        assert feature["image"].bytes_list.value == [bytes(range(4 * row, 4 * row + 4))]
        assert feature["mixup/lam"].float_list.value == [block.columns["mixup/lam"][row]]
        assert feature["mixup/base_id"].bytes_list.value == [[b"a__9", b"a__10", b"b__0"][row]]
        assert feature["mixup/partner_label"].int64_list.value == [[1, 128, 300][row]]


def test_a_png_block_holds_png_files_in_rgb_order() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 3), np.uint8)
    for image, payload in zip(
        images, payloads_in(small_block(inputs=images, image_format="png").encoded()), strict=True
    ):
        data = Example.FromString(payload).features.feature["image"].bytes_list.value[0]
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None
        np.testing.assert_array_equal(decoded[:, :, ::-1], image)


@pytest.mark.parametrize(
    ("block", "keys"),
    [
        (small_block(), {"image", "label", "mixup/base_label", "mixup/partner_label"}),
        (small_block(label=None), {"image", "mixup/base_label", "mixup/partner_label"}),
        (small_block(class_ids=None), {"image", "label"}),
        (
            small_block(inputs=np.ones((3, 2), np.float32)),
            {"features", "label", "mixup/base_label", "mixup/partner_label"},
        ),
    ],
    ids=["all", "compact", "soft labels", "vectors"],
)
def test_a_record_has_exactly_the_features_of_its_block(block: Block, keys: set[str]) -> None:
    for payload in payloads_in(block.encoded()):
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
        lam=np.repeat(plain.columns["mixup/lam"], 2)[::2],
        class_ids=(np.array([0, 9, 0, 9, 300, 9], np.int32)[::2], plain.columns["mixup/partner_label"]),
    )
    assert odd.encoded() == plain.encoded()


def test_many_records_of_many_lengths_keep_their_order() -> None:
    rows = np.random.default_rng(1).permutation(3000)
    block = block_of(
        (rows % 256).astype(np.uint8).reshape(-1, 1, 1, 1),
        (rows / 3000).astype(np.float32),
        label=None,
        ids=([b"f__%d" % row for row in rows], [b"file__%d" % (row * 7) for row in rows]),
        class_ids=(rows.astype(np.int32), (rows * 100).astype(np.int32)),
    )
    payloads = payloads_in(block.encoded())
    assert payloads == [slow_payload(block, row) for row in range(len(rows))]


@given(st.lists(ID_TEXTS, min_size=1, max_size=8), st.data())
@settings(max_examples=50)
def test_ids_keep_their_texts(texts: list[bytes], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1)))
    chosen = Ids.of(texts)[np.array(rows, np.int64)]
    assert [id_of(chosen, row) for row in range(len(rows))] == [texts[row] for row in rows]


def test_a_block_is_pinned() -> None:
    assert (
        hashlib.sha256(small_block().encoded()).hexdigest()
        == "a5b698c168ff8dbb3a2f4f718b33d3adf519510cd7fe5bb7b061beb28bb80efe"
    )
