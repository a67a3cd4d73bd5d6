"""The output can be read by TFDS and by tf.data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline import MixConfig, augment, read_examples
from mixup_pipeline.config.registry import METHODS, PAIRINGS
from mixup_pipeline.dataset.manifest import read_manifest
from tests.choices import BOXED, REVERSED, registered
from tests.datasets import Dataset, write_tfds
from tests.mixed import make
from tests.reference import read_output


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("readers") / "data/shapes/1.0.0"
    return write_tfds(folder, num_examples=30, shape=(6, 5, 3))


@pytest.fixture(scope="module")
def out(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers") / "out"
    augment(str(data.folder), folder, MixConfig(copies=2, num_shards=3))
    return folder


def expected(out: Path) -> list[list[Any]]:
    return [[r.base_id, r.partner_id, float(r.lam), r.image, r.label.tolist(), r.base_label] for r in read_output(out)]


def read_with_tfds(out: Path, split: str) -> list[dict[str, Any]]:
    import tensorflow_datasets as tfds

    in_order = tfds.ReadConfig(interleave_cycle_length=1)
    return list(tfds.as_numpy(tfds.builder_from_directory(out).as_dataset(split=split, read_config=in_order)))


def rows_of_tfds(out: Path, split: str = "train") -> list[list[Any]]:
    return [
        [
            example["mixup/base_id"].decode(),
            example["mixup/partner_id"].decode(),
            float(example["mixup/lam"]),
            example["image"].tobytes(),
            example["label"].tolist(),
            int(example["mixup/base_label"]),
        ]
        for example in read_with_tfds(out, split)
    ]


def test_tfds_reads_every_record_and_its_first_half_is_the_first_copy(out: Path) -> None:
    import tensorflow_datasets as tfds

    info = tfds.builder_from_directory(out).info
    assert rows_of_tfds(out) == expected(out)
    assert rows_of_tfds(out, "train[0%:50%]") == expected(out)[:30]
    assert info.features["image"].shape == (6, 5, 3)
    assert info.splits["train"].num_examples == 60
    assert sum(shard.examples for shard in read_manifest(out).shards if shard.copy == 0) == 30


def test_tfds_reads_png_images(tmp_path: Path, data: Dataset, out: Path) -> None:
    augment(str(data.folder), tmp_path / "png", MixConfig(copies=2, num_shards=3, image_format="png"))
    assert rows_of_tfds(tmp_path / "png") == expected(out)


def test_tfds_gives_pairs_of_input_and_soft_label(tmp_path: Path, out: Path) -> None:
    import tensorflow_datasets as tfds

    def pairs(folder: Path) -> list[tuple[Any, Any]]:
        in_order = tfds.ReadConfig(interleave_cycle_length=1)
        builder = tfds.builder_from_directory(folder)
        return list(tfds.as_numpy(builder.as_dataset(split="train", as_supervised=True, read_config=in_order)))

    found = [(image.tobytes(), label.tolist()) for image, label in pairs(out)]
    assert found == [(record.image, record.label.tolist()) for record in read_output(out)]
    vectors = make("vectors", tmp_path / "vectors")
    values = [(vector.tolist(), label.tolist()) for vector, label in pairs(vectors.out)]
    expected = [(e["features"].tolist(), e["label"].tolist()) for e in read_examples(vectors.out)]
    assert values == expected
    augment("mnist_sample", tmp_path / "compact", MixConfig(limit=20, label_format="compact"))
    with pytest.raises(ValueError, match="as_supervised"):
        pairs(tmp_path / "compact")


def test_tfds_reads_what_a_method_adds(tmp_path: Path, data: Dataset) -> None:
    with registered(PAIRINGS, "reversed", REVERSED), registered(METHODS, "boxed", BOXED):
        augment(str(data.folder), tmp_path, MixConfig(pairing="reversed", method="boxed", copies=2))
        boxes = [list(record.features["mixup/box"].int64_list.value) for record in read_output(tmp_path)]
    assert [example["mixup/box"].tolist() for example in read_with_tfds(tmp_path, "train")] == boxes
    assert len({tuple(box) for box in boxes}) > 5


def test_tf_data_reads_every_record_in_order(out: Path) -> None:
    import tensorflow as tf

    features = {
        "image": tf.io.FixedLenFeature([], tf.string),
        "label": tf.io.FixedLenFeature([4], tf.float32),
        "mixup/lam": tf.io.FixedLenFeature([], tf.float32),
        "mixup/base_id": tf.io.FixedLenFeature([], tf.string),
        "mixup/partner_id": tf.io.FixedLenFeature([], tf.string),
        "mixup/base_label": tf.io.FixedLenFeature([], tf.int64),
    }
    rows: list[list[Any]] = []
    for batch in tf.data.TFRecordDataset(sorted(map(str, out.glob("*.tfrecord-*")))).batch(7):
        read = {key: values.numpy() for key, values in tf.io.parse_example(batch, features).items()}
        rows += [
            [
                base.decode(),
                partner.decode(),
                float(lam),
                np.frombuffer(image, np.uint8).tobytes(),
                row.tolist(),
                int(label),
            ]
            for base, partner, lam, image, row, label in zip(
                *(read[f"mixup/{key}"] for key in ("base_id", "partner_id", "lam")),
                read["image"],
                read["label"],
                read["mixup/base_label"],
                strict=True,
            )
        ]
    assert rows == expected(out)
