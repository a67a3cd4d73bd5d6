"""What was chosen of a source and what is dropped: said by the plan, the summary, the manifest and mixup-inspect."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline import SourceConfig, augment
from mixup_pipeline.dataset.verify import verify
from tests.cli.inprocess import run_augment, run_inspect, run_verify, succeed
from tests.datasets import (
    example,
    image_feature,
    label_feature,
    png,
    random_images,
    tensor_feature,
    write_prepared,
    write_records,
)

IMAGES = random_images(12, (6, 5, 1))


def test_plan_summary_inspect_and_manifest_say_the_same(tmp_path: Path) -> None:
    features = {
        "image": image_feature((6, 5, 1)),
        "mask": image_feature((6, 5, 1)),
        "label": label_feature(4),
        "id": {"pythonClassName": "x.Text", "text": {}},
    }
    payloads = [
        example({"image": png(image), "mask": png(image), "label": n % 4, "id": b"x"}) for n, image in enumerate(IMAGES)
    ]
    write_prepared(tmp_path / "shapes/1.0.0", payloads, features)
    lines = [
        "  input    image, Image uint8 6x5x1, named by the dataset",
        "  label    label, ClassLabel of 4 classes, named by the dataset; 4 classes by features.json",
        "  version  1.0.0",
        "  dropped  id, mask",
    ]
    asked: list[str | Path] = ["--src", tmp_path / "shapes", "--out", tmp_path / "out"]
    plan, summary = succeed(run_augment(*asked, "--dry-run")), succeed(run_augment(*asked))
    for line in lines:
        assert line in plan.splitlines()
        assert line in summary.splitlines()
    looked = succeed(run_inspect(tmp_path / "out"))
    for line in lines:
        assert line.split(maxsplit=1)[1] in looked
    origin = json.loads((tmp_path / "out/manifest.json").read_text())["source"]["origin"]
    assert (origin["input_rule"], origin["dropped"]) == ("Image uint8 6x5x1, named by the dataset", ["id", "mask"])


def test_labels_that_count_from_1_are_given_both_ways(tmp_path: Path) -> None:
    payloads = [example({"image/encoded": png(image), "image/class/label": 7}) for image in random_images(4, (6, 5, 3))]
    path = write_records(tmp_path / "slim.tfrecord", payloads)
    said = succeed(run_augment("--src", path, "--schema", "tfslim_imagenet", "--out", tmp_path / "out"))
    assert "labels count from 1: they are stored from 0" in said
    shown = succeed(run_inspect(tmp_path / "out", "--example", "0"))
    assert "(6, label 7 in the source)" in shown


@pytest.mark.parametrize(
    ("prob", "said"), [("1", "Mixed 12 examples x 1"), ("0", "Copied, without mixing any, 12 examples")]
)
def test_nothing_is_called_mixed_that_is_not(tmp_path: Path, prob: str, said: str) -> None:
    payloads = [example({"image": png(image), "label": 1}) for image in IMAGES]
    path = write_records(tmp_path / "one.tfrecord", payloads)
    asked: list[str | Path] = ["--src", path, "--num-classes", "2", "--prob", prob, "--out", tmp_path / "out"]
    assert succeed(run_augment(*asked)).startswith(said)


@pytest.mark.parametrize("encoding", ["bytes", "zlib"])
@pytest.mark.parametrize("kind", ["pixels", "vector"])
def test_packed_tensors_with_small_labels(tmp_path: Path, kind: str, encoding: str) -> None:
    values = IMAGES if kind == "pixels" else np.random.default_rng(0).normal(size=(12, 7)).astype(np.float32)
    pack = zlib.compress if encoding == "zlib" else bytes
    features = {"x": tensor_feature(str(values.dtype), values.shape[1:], encoding), "flag": tensor_feature("bool", ())}
    payloads = [example({"x": pack(value.tobytes()), "flag": n % 2}) for n, value in enumerate(values)]
    write_prepared(tmp_path / "shapes/1.0.0", payloads, features)
    source = SourceConfig(src=str(tmp_path / "shapes"))
    manifest = augment(source, tmp_path / "out").manifest
    assert (manifest.num_classes, manifest.source.origin.classes_from) == (2, "dtype bool")  # type: ignore[union-attr]
    verdict = verify(tmp_path / "out", against=source)
    assert (verdict.faults, verdict.wrong_source, verdict.recomputed) == ([], None, 12)


def test_a_directory_mixed_with_keys_is_verified_without_naming_them(tmp_path: Path) -> None:
    payloads = [example({"photo": png(image), "kind": n % 3, "n": n}) for n, image in enumerate(IMAGES)]
    path = write_records(tmp_path / "one.tfrecord", payloads)
    keys = ["--image-key", "photo", "--label-key", "kind", "--num-classes", "3"]
    succeed(run_augment("--src", path, *keys, "--limit", "9", "--out", tmp_path / "out"))
    assert "9 examples were mixed again" in succeed(run_verify(tmp_path / "out", "--against", path))
    assert "partner" in succeed(run_inspect(tmp_path / "out", "--example", "1")).splitlines()[7]
