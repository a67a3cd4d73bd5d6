"""Layout: the features of a mixed record, and the one rule by which inputs and labels are mixed."""

import numpy as np
import pytest

from mixup_pipeline.mixing.draw import Draw
from mixup_pipeline.records.layout import Layout
from mixup_pipeline.records.names import id_bytes
from tests.datasets import example

IMAGE_KEYS = [
    "image",
    "label",
    "mixup/base_id",
    "mixup/base_label",
    "mixup/lam",
    "mixup/partner_id",
    "mixup/partner_label",
]
SOFT_KEYS = ["image", "label", "mixup/base_id", "mixup/lam", "mixup/partner_id"]


def layout_of(
    shape: tuple[int, ...] = (2, 2, 1),
    label_kind: str = "class",
    label_format: str = "dense",
    image_format: str = "raw",
) -> Layout:
    return Layout(
        shape=shape,
        num_classes=3,
        label_kind=label_kind,
        label_format=label_format,
        image_format=image_format,
        is_image=len(shape) == 3,
    )


@pytest.mark.parametrize(
    ("layout", "keys"),
    [
        (layout_of(), IMAGE_KEYS),
        (layout_of(image_format="png"), IMAGE_KEYS),
        (layout_of(label_format="compact"), [key for key in IMAGE_KEYS if key != "label"]),
        (layout_of(label_kind="soft"), SOFT_KEYS),
        (layout_of(label_kind="soft", label_format="compact"), SOFT_KEYS),  # nothing to compute the soft label from
        (layout_of((5,)), ["features", *IMAGE_KEYS[1:]]),
    ],
)
def test_features_of_a_record(layout: Layout, keys: list[str]) -> None:
    assert [field.key for field in layout.fields] == keys
    assert layout.input.key == keys[0]


BASE, PARTNER, LAM = np.array([2, 0, 1, 1]), np.array([0, 2, 1, 0]), np.array([0.25, 0.75, 1, 0.875], np.float32)
DRAW = Draw(base=BASE + 100, partner=PARTNER + 100, lam=LAM)  # its slots are not the rows of the examples


def reference(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> list[list[float]]:
    """λ·base + (1−λ)·partner of each row, in Python."""
    rows = values.reshape(len(values), -1).tolist()
    return [
        [lam * x + (1 - lam) * y for x, y in zip(rows[b], rows[p], strict=True)]
        for b, p, lam in zip(BASE, PARTNER, LAM.tolist(), strict=True)
    ]


@pytest.mark.parametrize("dense", [True, False])
def test_images_and_class_ids_are_mixed_by_the_weight_of_the_base(dense: bool) -> None:
    inputs = np.array([[10, 20, 30, 40], [0, 8, 16, 24], [200, 100, 255, 0]], np.uint8).reshape(3, 2, 2, 1)
    labels = np.array([2, 0, 1], np.int32)
    layout = layout_of(label_format="dense" if dense else "compact")
    columns = layout.mix(inputs, labels, BASE, PARTNER, DRAW)
    assert sorted([*columns, "mixup/base_id", "mixup/partner_id"]) == [field.key for field in layout.fields]
    assert columns["image"].shape == (4, 2, 2, 1)
    assert columns["image"].reshape(4, 4).tolist() == [[round(value) for value in row] for row in reference(inputs)]
    assert columns["mixup/lam"].tolist() == LAM.tolist()
    assert columns["mixup/base_label"].tolist() == [1, 2, 0, 0]
    assert columns["mixup/partner_label"].tolist() == [2, 1, 0, 2]
    if dense:
        assert columns["label"].tolist() == reference(np.eye(3)[labels])


def test_vectors_and_soft_labels_are_mixed_by_the_weight_of_the_base() -> None:
    inputs = np.array([[1, -2, 0.5], [4, 0, 0.25], [-8, 16, 1]], np.float32)
    labels = np.array([[0.5, 0.5, 0], [0, 0, 1], [0.25, 0.25, 0.5]], np.float32)
    columns = layout_of((3,), label_kind="soft").mix(inputs, labels, BASE, PARTNER, DRAW)
    assert columns["features"].tolist() == reference(inputs)
    assert columns["label"].tolist() == reference(labels)


@pytest.mark.parametrize("label_format", ["dense", "compact"])
def test_provenance_takes_no_more_than_its_bound(label_format: str) -> None:
    name, id_ = "größe-水" * 20, f"{'größe-水' * 20}__2147483647".encode()
    longest = {
        "mixup/lam": np.array([0.123], np.float32),
        "mixup/base_id": id_,
        "mixup/partner_id": id_,
        "mixup/base_label": 2**31 - 1,
        "mixup/partner_label": 2**31 - 1,
    }
    assert len(example(longest)) <= layout_of(label_format=label_format).provenance_bytes(id_bytes(name))
