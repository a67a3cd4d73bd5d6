"""The printed command, read by the command's own parser and run, gives the same dataset again."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.cli.augment import main
from mixup_pipeline.cli.options import taken
from mixup_pipeline.config import MAX_SEED
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.report.command import augment_command
from tests.datasets import (
    example,
    image_feature,
    label_feature,
    png,
    random_images,
    tensor_feature,
    write_prepared,
    write_records,
    write_tfds,
)
from tests.mixed import NUM_CLASSES, packed, photos, pixels, prepared, vectors


def run_printed(manifest: Manifest, folder: Path, out: Path) -> Manifest:
    """Run the command of a manifest. folder: where the source files are."""
    words = shlex.split(augment_command(manifest))
    assert words[0] == "mixup-augment"
    options: dict[str, Any] = main.make_context("mixup-augment", words[1:]).params
    assert options["out"] == "shards/"
    source = taken(SourceConfig, options)
    source = replace(source, src=source.src.replace("FOLDER", str(folder)))
    config = taken(MixConfig, options)
    return augment(source, out, config).manifest


def hashes(manifest: Manifest) -> list[str]:
    return [shard.sha256 for shard in manifest.shards]


@pytest.mark.parametrize(
    "config",
    [
        MixConfig(),
        MixConfig(alpha=0.35, prob=0.9, copies=3, keep_originals=True, seed=MAX_SEED, num_shards=2),
        MixConfig(pairing="within-class", image_format="png", label_format="compact", limit=17),
        MixConfig(alpha=1000, pairing="cross-class", label_format="dense", on_bad_record="skip"),
        MixConfig(alpha=0.123456789),
        MixConfig(prob=1 / 3),
    ],
    ids=["usual", "numbers", "choices", "other choices", "alpha", "prob"],
)
def test_of_a_tfds_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: MixConfig) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    made = augment(prepared(tmp_path), tmp_path / "out", config).manifest
    assert run_printed(made, tmp_path, tmp_path / "again") == made


def test_of_an_evaluation_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    source = SourceConfig(
        src=str(write_tfds(tmp_path / "shapes/1.0.0", split="test").folder), split="test", allow_eval_split=True
    )
    made = augment(source, tmp_path / "out").manifest
    assert run_printed(made, tmp_path, tmp_path / "again") == made


def test_of_a_tfds_dataset_by_another_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    features = {"image": image_feature((6, 5, 1)), "label": label_feature(4), "coarse": tensor_feature("int64", ())}
    images = random_images(12, (6, 5, 1))
    payloads = [example({"image": png(image), "label": n % 4, "coarse": n % 2}) for n, image in enumerate(images)]
    write_prepared(tmp_path / "shapes/1.0.0", payloads, features)
    source = SourceConfig(src="shapes", label_key="coarse", num_classes=2)
    made = augment(source, tmp_path / "out").manifest
    assert run_printed(made, tmp_path, tmp_path / "again") == made


@pytest.mark.parametrize("build", [photos, packed, vectors])
def test_of_tfrecord_files(tmp_path: Path, build: Any) -> None:
    made = augment(build(tmp_path), tmp_path / "out", MixConfig(copies=2)).manifest
    assert run_printed(made, tmp_path, tmp_path / "again") == made


@pytest.mark.parametrize("form", ["raw bytes", "classes from 1"])
def test_of_tfrecord_files_that_keys_do_not_describe(tmp_path: Path, form: str) -> None:
    if form == "raw bytes":
        source = pixels(tmp_path)
    else:
        payloads = [
            example({"image/encoded": png(image), "image/class/label": 1 + n})
            for n, image in enumerate(random_images(12, (6, 5, 3)))
        ]
        path = write_records(tmp_path / "slim.tfrecord", payloads)
        source = SourceConfig(src=str(path), schema="tfslim_imagenet")
    command = augment_command(augment(source, tmp_path / "out").manifest)
    assert "--schema" in shlex.split(command)


def test_a_file_name_is_no_pattern(tmp_path: Path) -> None:
    payloads = [example({"image": png(image), "label": n % 2}) for n, image in enumerate(random_images(8, (6, 5, 1)))]
    for part in "ab":
        write_records(tmp_path / f"shapes[1]-{part}", payloads)
    made = augment(SourceConfig(src=str(tmp_path / "shapes*"), num_classes=2), tmp_path / "out").manifest
    assert run_printed(made, tmp_path, tmp_path / "again") == made


def test_a_command_is_pinned(tmp_path: Path) -> None:
    files = augment(photos(tmp_path), tmp_path / "out", MixConfig(alpha=1)).manifest
    assert augment_command(files) == (
        f"mixup-augment --src 'FOLDER/größe-水-*' --image-key image --label-key label --num-classes {NUM_CLASSES} "
        "--alpha 1 --num-shards 1 --out shards/"
    )
