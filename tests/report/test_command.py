"""The printed command, read by the command's own parser and run, gives the same dataset again."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

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


def check_again(made: Manifest, out: Path) -> None:
    """Run the command of a manifest: it gives the same bytes, and a manifest that differs in nothing but its words."""
    words = shlex.split(augment_command(made))
    assert words[0] == "mixup-augment"
    options: dict[str, Any] = main.make_context("mixup-augment", words[1:]).params
    assert options["out"] == "shards/"
    again = augment(taken(SourceConfig, options), out, taken(MixConfig, options)).manifest
    assert [shard.sha256 for shard in again.shards] == [shard.sha256 for shard in made.shards]
    assert without_origin(again) == without_origin(made)
    assert augment_command(again) == augment_command(made)


def without_origin(manifest: Manifest) -> Manifest:
    return replace(manifest, source=replace(manifest.source, origin=None))


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
    check_again(made, tmp_path / "again")


def test_of_an_evaluation_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    source = SourceConfig(
        src=str(write_tfds(tmp_path / "shapes/1.0.0", split="test").folder), split="test", allow_eval_split=True
    )
    made = augment(source, tmp_path / "out").manifest
    check_again(made, tmp_path / "again")


def test_of_a_tfds_dataset_by_another_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    features = {"image": image_feature((6, 5, 1)), "label": label_feature(4), "coarse": tensor_feature("int64", ())}
    images = random_images(12, (6, 5, 1))
    payloads = [example({"image": png(image), "label": n % 4, "coarse": n % 2}) for n, image in enumerate(images)]
    write_prepared(tmp_path / "shapes/1.0.0", payloads, features)
    source = SourceConfig(src="shapes", label_key="coarse", num_classes=2)
    made = augment(source, tmp_path / "out").manifest
    check_again(made, tmp_path / "again")


@pytest.mark.parametrize("build", [photos, packed, vectors])
def test_of_tfrecord_files(tmp_path: Path, build: Any) -> None:
    made = augment(build(tmp_path), tmp_path / "out", MixConfig(copies=2)).manifest
    check_again(made, tmp_path / "again")


@pytest.mark.parametrize("form", ["raw bytes", "classes from 1"])
def test_of_tfrecord_files_with_a_schema(tmp_path: Path, form: str) -> None:
    if form == "raw bytes":
        source = pixels(tmp_path)
    else:
        payloads = [
            example({"image/encoded": png(image), "image/class/label": 1 + n})
            for n, image in enumerate(random_images(12, (6, 5, 3)))
        ]
        path = write_records(tmp_path / "slim.tfrecord", payloads)
        source = SourceConfig(src=str(path), schema="tfslim_imagenet")
    check_again(augment(source, tmp_path / "out").manifest, tmp_path / "again")


def test_the_version_that_was_mixed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when a newer one has come, and whether the source was named or its folder was given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", "data")
    write_tfds(tmp_path / "data/shapes/1.0.0")
    made = {src: augment(src, tmp_path / f"out{n}").manifest for n, src in enumerate(("shapes", "data/shapes"))}
    write_tfds(tmp_path / "data/shapes/2.0.0", seed=1)
    for src, manifest in made.items():
        assert f"--src {src}{':' if src == 'shapes' else '/'}1.0.0 " in augment_command(manifest)
        check_again(manifest, tmp_path / src.replace("/", "-"))


def test_of_one_split_of_files_named_as_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_tfds(tmp_path / "shapes/1.0.0", split=split)
    (tmp_path / "shapes/1.0.0/features.json").unlink()
    source = SourceConfig(
        src=str(tmp_path / "shapes/1.0.0/shapes-*"), split="train", num_classes=4, data_dir=str(tmp_path)
    )
    made = augment(source, tmp_path / "out").manifest
    assert {"--split", "--num-classes", "--data-dir"} <= set(shlex.split(augment_command(made)))
    check_again(made, tmp_path / "again")


def test_of_format_version_2(tmp_path: Path) -> None:
    """It knows neither the folder nor the version."""
    made = without_origin(augment(prepared(tmp_path), tmp_path / "out").manifest)
    assert augment_command(made) == "mixup-augment --src shapes --alpha 0.2 --num-shards 1 --out shards/"
    files = without_origin(augment(photos(tmp_path), tmp_path / "out2", MixConfig(alpha=1)).manifest)
    assert augment_command(files) == (
        f"mixup-augment --src 'FOLDER/größe-水-*' --image-key image --label-key label --num-classes {NUM_CLASSES} "
        "--alpha 1 --num-shards 1 --out shards/"
    )
    bytes_ = without_origin(augment(pixels(tmp_path), tmp_path / "out3").manifest)
    assert "--schema SCHEMA" in augment_command(bytes_)


def test_a_file_name_is_no_pattern(tmp_path: Path) -> None:
    payloads = [example({"image": png(image), "label": n % 2}) for n, image in enumerate(random_images(8, (6, 5, 1)))]
    for part in "ab":
        write_records(tmp_path / f"shapes[1]-{part}", payloads)
    made = augment(SourceConfig(src=str(tmp_path / "shapes*"), num_classes=2), tmp_path / "out").manifest
    check_again(made, tmp_path / "again")


def test_a_command_is_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    photos(tmp_path)
    made = augment(SourceConfig(src="größe-*", num_classes=NUM_CLASSES), "out", MixConfig(alpha=1)).manifest
    assert augment_command(made) == (
        f"mixup-augment --src 'größe-*' --num-classes {NUM_CLASSES} --alpha 1 --num-shards 1 --out shards/"
    )
