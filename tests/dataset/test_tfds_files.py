"""Which features TFDS gives for as_supervised=True."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mixup_pipeline import MixConfig, augment
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.dataset.tfds_files import dataset_info
from tests.mixed import Mixed


def pair(key: str) -> dict[str, Any]:
    return {"tuple": {"items": [{"featureKey": key}, {"featureKey": "label"}]}}


@pytest.mark.parametrize(("kind", "key"), [("pixels", "image"), ("vectors", "features"), ("soft labels", "image")])
def test_input_and_label_are_named(mixed: Callable[[str], Mixed], kind: str, key: str) -> None:
    manifest = mixed(kind).manifest
    assert dataset_info(manifest)["supervisedKeys"] == pair(key)
    older = msgspec.structs.replace(manifest, format_version=2)
    assert "supervisedKeys" not in dataset_info(older)  # so that directories of that version verify


def test_compact_labels_have_no_label_to_name(tmp_path: Path) -> None:
    augment("mnist_sample", tmp_path, MixConfig(limit=10, label_format="compact"))
    assert "supervisedKeys" not in dataset_info(read_manifest(tmp_path))
