"""Labels and inputs of all kinds, from files to the shards, against what the ids in the output and numpy say."""

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment, read_examples
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.records.tf_example import serialize
from tests.datasets import label_feature, png, random_images, tensor_feature, write_features, write_records
from tests.reference import MixedRecord, read_output, shard_hashes

COUNT, CLASSES = 12, 3
IMAGES = random_images(COUNT, (8, 8, 1))
COLOURS = random_images(COUNT, (8, 8, 3))
ROWS = np.arange(COUNT)
ONE_HOT = np.eye(CLASSES, dtype=np.float32)
HOT = np.array([[row % 2, row % 3 == 0, row % 4 == 1] for row in ROWS], np.float32)  # rows 2 and 10 are of no class
RNG = np.random.default_rng(0)
FLOATS = RNG.standard_normal((COUNT, 24)).astype(np.float32) * 100
SOUND = RNG.integers(-(2**15), 2**15, (COUNT, 50))
TARGETS = RNG.normal(40, 900, (COUNT, 2)).astype(np.float32)

Features = Callable[[int], dict[str, Any]]


@dataclass(frozen=True)
class Made:
    """A source, and what its examples are, by their ids: uint8 or float32 inputs, and float32 labels (n, k)."""

    config: SourceConfig
    ids: Sequence[str]
    inputs: npt.NDArray[Any]
    labels: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64] | None = None


def records(folder: Path, features: Features, inputs: npt.NDArray[Any], **more: Any) -> Made:
    """Records in two files. more: options, and what a label is if not the class i % 3."""
    labels, classes = more.pop("labels", None), None
    if labels is None:
        classes = more.pop("classes", ROWS % CLASSES)
        labels = ONE_HOT[classes]
    ids = []
    for number, rows in enumerate((ROWS[:5], ROWS[5:])):
        path = write_records(folder / f"part-{number}", [serialize(features(int(row))) for row in rows])
        ids += [f"{path.name}__{record}" for record in range(len(rows))]
    config = SourceConfig(src=str(folder / "part-*"), **more)
    return Made(config, ids, inputs, labels.astype(np.float32), classes)


def described(folder: Path, feature: dict[str, Any], features: Features, inputs: npt.NDArray[Any]) -> Made:
    """Records whose features a schema describes: a tensor x, and a label."""
    schema = write_features(folder / "s.json", {"x": feature, "label": label_feature(CLASSES)})
    return records(folder, lambda row: {"label": [row % CLASSES]} | features(row), inputs, schema=str(schema))


def pictured(folder: Path, label: Callable[[int], Any], **more: Any) -> Made:
    return records(folder, lambda row: {"image": png(IMAGES[row]), "label": label(row)}, IMAGES, **more)


# Inputs


def class_folders(folder: Path) -> Made:
    """Names as people have them: spaces, umlauts, folders within folders, other files, no ending."""
    names, ids = ["Käfer", "bee 2", "cat"], [""] * COUNT
    paths = [names[row % 3] + "/" + ["", "more/deep er/", "水/"][row // 3 % 3] + f"{row:02d}.png" for row in ROWS]
    paths[5] = paths[5].removesuffix(".png")
    for number, name in enumerate(paths):
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(COLOURS[number]))
    for other in (".DS_Store", "notes.txt", "cat/Thumbs.db", "Käfer/._03.png"):
        (folder / "photos" / other).write_bytes(b"no image")
    for name in names:
        for number, row in enumerate(sorted((row for row in ROWS if names[row % 3] == name), key=paths.__getitem__)):
            ids[row] = f"{paths[row]}__{number}"
    return Made(SourceConfig(src=str(folder / "photos")), ids, COLOURS, ONE_HOT[ROWS % 3], ROWS % 3)


def split_folders(folder: Path) -> Made:
    """The images of val never enter train, and a class that only val has keeps its number."""
    for row in ROWS:
        for split, names in (("train", "ac"), ("val", "abc")):
            path = folder / "photos" / split / names[row % len(names)] / f"{row:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(IMAGES[row] if split == "train" else 255 - IMAGES[row]))
    ids = [f"train/{'ac'[row % 2]}/{row:02d}.png__{row // 2}" for row in ROWS]
    classes = ROWS % 2 * 2
    return Made(SourceConfig(src=str(folder / "photos")), ids, IMAGES, ONE_HOT[classes], classes)


def columns(folder: Path) -> Made:
    """Floats and integers in several features, in another order than that of their names."""
    values = np.stack([FLOATS[:, 0], ROWS * 1000 - 5000, FLOATS[:, 1]], axis=1).astype(np.float32)

    def features(row: int) -> dict[str, Any]:
        width, count, height = values[row]
        floats = {"width": np.array([width]), "height": np.array([height]), "other": np.array([9.0], np.float32)}
        return floats | {"count": [int(count)], "label": [row % CLASSES]}

    return records(folder, features, values, columns="width,count,height", num_classes=CLASSES)


def packed(folder: Path, dtype: str, encoding: str) -> Made:
    """A plane of 4 x 6 numbers as bytes."""
    if dtype == "bfloat16":
        raw: npt.NDArray[Any] = (FLOATS.view(np.uint32) >> 16).astype("<u2")
        values = (raw.astype(np.uint32) << 16).view(np.float32)
    else:
        raw = FLOATS.astype(dtype)
        values = raw.astype(np.float32)
    squeezed = zlib.compress if encoding == "zlib" else bytes
    feature = tensor_feature(dtype, (4, 6), encoding)
    return described(folder, feature, lambda row: {"x": squeezed(raw[row].tobytes())}, values.reshape(-1, 4, 6))


INPUTS: dict[str, Callable[[Path], Made]] = {
    "class folders": class_folders,
    "folders of splits": split_folders,
    "columns": columns,
    "plane of floats": lambda folder: described(
        folder, tensor_feature("float32", (6, 4)), lambda row: {"x": FLOATS[row]}, FLOATS.reshape(-1, 6, 4)
    ),
    "four dimensions": lambda folder: described(
        folder, tensor_feature("float32", (2, 3, 1, 4)), lambda row: {"x": FLOATS[row]}, FLOATS.reshape(-1, 2, 3, 1, 4)
    ),
    "vector": lambda folder: records(
        folder, lambda row: {"x": FLOATS[row], "label": [row % 3]}, FLOATS, image_key="x", num_classes=3
    ),
    "sound": lambda folder: records(
        folder,
        lambda row: {"audio": SOUND[row].tolist(), "label": [row % 3]},
        SOUND.astype(np.float32),
        num_classes=3,
    ),
    "plane of integers": lambda folder: described(
        folder, tensor_feature("int32", (5, 10)), lambda row: {"x": SOUND[row].tolist()}, SOUND.reshape(-1, 5, 10)
    ),
    "pixels as integers": lambda folder: described(
        folder, tensor_feature("uint8", (8, 8, 3)), lambda row: {"x": COLOURS[row].ravel().tolist()}, COLOURS
    ),
    **{
        f"{dtype}, {encoding}": partial(packed, dtype=dtype, encoding=encoding)
        for dtype in ("float16", "bfloat16", "float64", "int16")
        for encoding in ("bytes", "zlib")
    },
}


# Labels


TEXTS = ["水", "Käfer", "ant"]
"""Their order as classes is another one."""

LABELS: dict[str, Callable[[Path], Made]] = {
    "texts": lambda folder: pictured(folder, lambda row: TEXTS[row % 3].encode(), classes=[2, 0, 1] * 4),
    "texts with names": lambda folder: pictured(
        folder, lambda row: TEXTS[row % 3].encode(), class_names="ant,水,Käfer", classes=[1, 2, 0] * 4
    ),
    "multi-hot": lambda folder: pictured(
        folder, lambda row: HOT[row].astype(int).tolist(), labels=HOT, label_kind="multi-label"
    ),
    "multi-hot floats": lambda folder: pictured(folder, lambda row: HOT[row], labels=HOT, label_kind="multi-label"),
    "class lists": lambda folder: pictured(
        folder,
        lambda row: np.flatnonzero(HOT[row]).tolist(),
        labels=HOT,
        label_kind="multi-label",
        num_classes=CLASSES,
    ),
    "one-hot": lambda folder: pictured(
        folder, lambda row: ONE_HOT[row % 3].astype(int).tolist(), labels=ONE_HOT[ROWS % 3]
    ),
    "a number": lambda folder: pictured(
        folder, lambda row: TARGETS[row, :1], labels=TARGETS[:, :1], label_kind="regression"
    ),
    "a whole number": lambda folder: pictured(
        folder, lambda row: [row * row - 50], labels=(ROWS * ROWS - 50)[:, None], label_kind="regression"
    ),
    "two numbers": lambda folder: pictured(folder, lambda row: TARGETS[row], labels=TARGETS, label_kind="regression"),
}


def stored_input(record: MixedRecord, like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The input of a mixed record, of the shape of these."""
    if like.dtype == np.uint8:
        return np.frombuffer(record.image, np.uint8).reshape(like.shape[1:])
    return np.array(record.features["features"].float_list.value, np.float32).reshape(like.shape[1:])


@pytest.mark.parametrize("kind", [*INPUTS, *LABELS])
def test_what_is_written_follows_from_the_ids(tmp_path: Path, kind: str) -> None:
    made = (INPUTS | LABELS)[kind](tmp_path)
    augment(made.config, tmp_path / "out", MixConfig(copies=2, num_shards=2, alpha=1.0))
    row = {name: number for number, name in enumerate(made.ids)}
    found = read_output(tmp_path / "out")
    assert Counter(record.base_id for record in found) == Counter([*made.ids, *made.ids])
    for record, read in zip(found, read_examples(tmp_path / "out"), strict=True):
        base, partner = row[record.base_id], row[record.partner_id]
        lam, rest = record.lam, np.float32(1) - record.lam
        assert base != partner
        assert 0 <= lam <= 1
        values = made.inputs.astype(np.float32)
        blend = lam * values[base] + rest * values[partner]
        blend = np.rint(blend) if made.inputs.dtype == np.uint8 else blend
        np.testing.assert_array_equal(stored_input(record, made.inputs), blend)
        np.testing.assert_array_equal(record.label, lam * made.labels[base] + rest * made.labels[partner])
        exact = float(lam) * made.labels[base].astype(float) + (1 - float(lam)) * made.labels[partner].astype(float)
        np.testing.assert_allclose(record.label, exact, rtol=1e-5, atol=1e-6 * np.abs(made.labels).max())
        if made.classes is not None:
            assert [record.base_label, record.partner_label] == [made.classes[base], made.classes[partner]]
        assert ("mixup/base_label" in record.features) is (made.classes is not None)
        np.testing.assert_array_equal(read["image" if made.inputs.dtype == np.uint8 else "features"], blend)
        np.testing.assert_array_equal(read["label"], record.label)
    verdict = verify(tmp_path / "out", against=made.config)
    assert (verdict.faults, verdict.wrong_source, verdict.recomputed) == ([], None, 2 * COUNT)


def test_all_forms_of_the_same_labels_give_the_same_shards(tmp_path: Path) -> None:
    """Vectors of integers, of floats, and lists of classes."""
    hashes = []
    for number, kind in enumerate(("multi-hot", "multi-hot floats", "class lists")):
        made = LABELS[kind](tmp_path / f"{number}")
        augment(made.config, tmp_path / f"out-{number}", MixConfig(copies=2, num_shards=2))
        hashes.append(shard_hashes(tmp_path / f"out-{number}"))
    assert hashes[0] == hashes[1] == hashes[2]


def test_another_label_is_another_source(tmp_path: Path) -> None:
    made = LABELS["two numbers"](tmp_path)
    augment(made.config, tmp_path / "out", MixConfig())
    pictured(tmp_path, lambda row: TARGETS[row] + np.float32(row == 7), labels=TARGETS)
    wrong = verify(tmp_path / "out", against=replace(made.config)).wrong_source
    assert wrong is not None
    assert "part-1" in str(wrong)
