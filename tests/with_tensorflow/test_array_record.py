"""TFDS itself reads the ArrayRecord directories of our tests, and finds in them what we find."""

from pathlib import Path

import pytest

from mixup_pipeline import SourceConfig
from mixup_pipeline.records.tf_example import parse
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.file_formats import readable
from mixup_pipeline.storage.places import place
from tests.datasets import write_tfds
from tests.sources.file_formats.test_array_record import as_array_record


def test_tfds_agrees(tmp_path: Path) -> None:
    tfds = pytest.importorskip("tensorflow_datasets")
    twin = write_tfds(tmp_path / "a/shapes/1.0.0", num_examples=30, num_files=2)
    folder = as_array_record(twin, tmp_path / "b/shapes/1.0.0")
    theirs = tfds.builder_from_directory(str(folder)).as_data_source(split="train")
    ours = [
        parse(payload)["label"].int64_list.value[0]
        for file in open_source(SourceConfig(src=str(folder))).files
        for _, payload, _, _ in readable(file).records(place(file.path), file.name)
    ]
    assert [int(example["label"]) for example in theirs] == ours == twin.labels.tolist()
    assert all((example["image"] == image).all() for example, image in zip(theirs, twin.images, strict=True))
