"""The output can be read by TFDS, by tf.data, and by a reader without TensorFlow."""

import hashlib
import json
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline import MixConfig, augment
from mixup_pipeline.dataset.manifest import read_manifest
from tests.commands import BIN
from tests.datasets import write_tfds
from tests.reference import read_output

WITH_TFDS = """
import sys, json, hashlib, tensorflow_datasets as tfds, numpy as np
builder = tfds.builder_from_directory(sys.argv[1])
whole, first = builder.as_dataset(split="train"), builder.as_dataset(split="train[0%:50%]")
def digest(example):
    return [example["mixup/base_id"].decode(), example["mixup/partner_id"].decode(), float(example["mixup/lam"]),
            hashlib.sha256(example["image"].tobytes()).hexdigest(), example["label"].tolist(),
            int(example["mixup/base_label"])]
print(json.dumps({"whole": [digest(e) for e in tfds.as_numpy(whole)], "first": len(list(first)),
                  "image": list(builder.info.features["image"].shape),
                  "examples": builder.info.splits["train"].num_examples}))
"""

WITH_TF_DATA = """
import sys, json, glob, hashlib, tensorflow as tf
features = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([4], tf.float32),
            "mixup/lam": tf.io.FixedLenFeature([], tf.float32), "mixup/base_id": tf.io.FixedLenFeature([], tf.string),
            "mixup/partner_id": tf.io.FixedLenFeature([], tf.string),
            "mixup/base_label": tf.io.FixedLenFeature([], tf.int64)}
files = sorted(glob.glob(sys.argv[1] + "/*.tfrecord-*"))
rows = []
for batch in tf.data.TFRecordDataset(files).batch(7).map(lambda payloads: tf.io.parse_example(payloads, features)):
    images = tf.io.decode_raw(batch["image"], tf.uint8)
    for n in range(len(images)):
        rows.append([batch["mixup/base_id"][n].numpy().decode(), batch["mixup/partner_id"][n].numpy().decode(),
                     float(batch["mixup/lam"][n]), hashlib.sha256(images[n].numpy().tobytes()).hexdigest(),
                     batch["label"][n].numpy().tolist(), int(batch["mixup/base_label"][n])])
print(json.dumps({"whole": rows}))
"""


def expected(out: Path) -> list[list[Any]]:
    return [
        [r.base_id, r.partner_id, float(r.lam), hashlib.sha256(r.image).hexdigest(), r.label.tolist(), r.base_label]
        for r in read_output(out)
    ]


def run_script(script: str, out: Path) -> dict[str, Any]:
    """Run a script in its own process, so that no test process imports TensorFlow."""
    done = subprocess.run([str(BIN / "python"), "-c", script, str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers")
    data = write_tfds(folder / "data/shapes/1.0.0", num_examples=30, shape=(6, 5, 3))
    augment(str(data.folder), folder / "out", MixConfig(copies=2, num_shards=3))
    return folder / "out"


@pytest.mark.slow
def test_tfds_reads_every_record_and_its_first_half_is_the_first_copy(out: Path) -> None:
    read = run_script(WITH_TFDS, out)
    assert sorted(read["whole"]) == sorted(expected(out))
    assert read["first"] == 30
    assert read["image"] == [6, 5, 3]
    assert read["examples"] == 60
    assert sum(shard.examples for shard in read_manifest(out).shards if shard.copy == 0) == 30


@pytest.mark.slow
def test_tfds_reads_png_images(tmp_path: Path, out: Path) -> None:
    data = out.parent / "data/shapes/1.0.0"
    augment(str(data), tmp_path / "png", MixConfig(copies=2, num_shards=3, image_format="png"))
    assert sorted(run_script(WITH_TFDS, tmp_path / "png")["whole"]) == sorted(expected(out))


@pytest.mark.slow
def test_tf_data_reads_every_record_in_order(out: Path) -> None:
    assert run_script(WITH_TF_DATA, out)["whole"] == expected(out)


def test_a_reader_without_tensorflow_reads_every_record(out: Path) -> None:
    from tfrecord.reader import tfrecord_loader

    kinds = {
        "image": "byte",
        "label": "float",
        "mixup/lam": "float",
        "mixup/base_id": "byte",
        "mixup/base_label": "int",
    }
    rows = []
    for shard in read_manifest(out).shards:
        rows += list(tfrecord_loader(str(out / shard.name), None, kinds))
    records = read_output(out)
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        assert bytes(row["image"]) == record.image
        assert row["label"].astype(np.float32).tobytes() == record.label.tobytes()
        assert np.float32(row["mixup/lam"][0]) == record.lam
        assert bytes(row["mixup/base_id"]).decode() == record.base_id
        assert row["mixup/base_label"][0] == record.base_label


def test_records_follow_the_published_schema(out: Path) -> None:
    from jsonschema import Draft202012Validator

    schemas = resources.files("mixup_pipeline.schemas")
    schema = json.loads((schemas / "mixed_example.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    for record in read_output(out):
        described: dict[str, list[float]] = {}
        for key, feature in record.features.items():
            values = getattr(feature, feature.WhichOneof("kind")).value
            described[key] = [len(value) if isinstance(value, bytes) else value for value in values]
        Draft202012Validator(schema).validate(described)
