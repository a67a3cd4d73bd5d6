"""The output can be read without TensorFlow, and follows the published schema."""

import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline import MixConfig, augment
from mixup_pipeline.dataset.manifest import read_manifest
from tests.datasets import write_tfds
from tests.reference import read_output


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers")
    data = write_tfds(folder / "data/shapes/1.0.0", num_examples=30, shape=(6, 5, 3))
    augment(str(data.folder), folder / "out", MixConfig(copies=2, num_shards=3))
    return folder / "out"


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
