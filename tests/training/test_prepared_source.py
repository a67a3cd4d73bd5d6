"""Clean examples of other sizes: prepared once, by the decode of mixing, and kept in the run's folder."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.records.images import decode
from mixup_pipeline.spec import ImageOptions
from mixup_pipeline.training.batches import evaluation_batches
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.prepare import prepare
from mixup_pipeline.training.prepared_source import brought_to, form_of, open_examples
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.train_request import TrainRequest
from tests.datasets import example, jpeg, png, write_records

CONFIG = TrainConfig(epochs=1, batch_size=4)
PAD = ImageOptions(size=(12, 10), resize="pad")


def files(count: int, seed: int, *, grey: bool = False) -> list[bytes]:
    """Images of many sizes, some of them grey, as PNG and JPEG."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        image = rng.integers(0, 256, (*rng.integers(5, 60, 2), 3), np.uint8)
        image = image[..., :1].copy() if grey or number % 5 == 0 else image
        made.append((jpeg if number % 2 else png)(image))
    return made


def source(folder: Path, split: str, images: list[bytes], **options: Any) -> SourceConfig:
    records = [example({"image": image, "label": number % 3}) for number, image in enumerate(images)]
    path = write_records(folder / f"{split}-00000-of-00001", records)
    return SourceConfig(src=str(path), split=split, num_classes=3, allow_eval_split=True, **options)


def inputs(records: ExampleFiles) -> list[bytes]:
    """The inputs of all examples, whatever their order."""
    return sorted(image.tobytes() for batch, _ in evaluation_batches(records, 7).as_numpy_iterator() for image in batch)


@pytest.mark.slow
def test_they_are_decoded_as_mixing_decodes_them(tmp_path: Path) -> None:
    images = files(20, 0)
    asked = source(tmp_path, "test", images, image_size="12x10", resize="pad")
    records = open_examples(asked, "fail", tmp_path / "kept")
    assert inputs(records) == sorted(decode(image, (12, 10, 3), PAD).tobytes() for image in images)
    assert (records.examples, records.shape) == (20, (12, 10, 3))
    assert records.files == (asked.src,)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "kept").glob("*.tfrecord*")}
    open_examples(asked, "fail", tmp_path / "kept")  # found, not made again
    assert before == {path.name: path.stat().st_mtime_ns for path in (tmp_path / "kept").glob("*.tfrecord*")}


@pytest.mark.slow
def test_nothing_is_paired_so_that_groups_do_not_matter(tmp_path: Path) -> None:
    asked = source(tmp_path, "test", files(5, 0), image_size="12x10", group_key="label")
    assert open_examples(asked, "fail", tmp_path / "kept").examples == 5


@pytest.mark.slow
def test_evaluation_gets_the_form_of_the_shards(tmp_path: Path) -> None:
    """Also where all of its images are grey, and those that were mixed were not."""
    shards, out = tmp_path / "shards", tmp_path / "run"
    augment(source(tmp_path, "train", files(20, 1), image_size="12x10", resize="pad"), shards, MixConfig())
    clean = files(9, 2, grey=True)
    asked = TrainRequest(shards=shards, evaluation=source(tmp_path, "test", clean), config=CONFIG)
    prepared = prepare(asked, out)
    evaluation = prepared.job.evaluation.records
    assert inputs(evaluation) == sorted(decode(image, (12, 10, 3), PAD).tobytes() for image in clean)
    assert prepared.identity["evaluation"]["images"] == {
        "size": (12, 10),
        "resize": "pad",
        "channels": None,
        "exif": "apply",
    }
    manifest = json.loads((out / "prepared/evaluation/manifest.json").read_text())
    assert manifest["totals"]["mixed"] == 0


@pytest.mark.slow
def test_the_baseline_and_its_evaluation_get_the_form_that_is_asked_for(tmp_path: Path) -> None:
    train = source(tmp_path, "train", files(20, 3), image_size="12x10")
    test = source(tmp_path, "test", files(9, 4), image_size="12x10")
    prepared = prepare(TrainRequest(src=train, evaluation=test, config=CONFIG), tmp_path / "run")
    assert prepared.job.train.shape == prepared.job.evaluation.records.shape == (12, 10, 3)
    assert sorted(path.name for path in (tmp_path / "run/prepared").iterdir()) == ["evaluation", "unmixed"]


@pytest.mark.slow
def test_an_evaluation_set_that_was_mixed_is_refused_though_it_was_prepared(tmp_path: Path) -> None:
    train = source(tmp_path, "train", files(20, 5), image_size="12x10")
    shards = tmp_path / "shards"
    augment(train, shards, MixConfig())
    with pytest.raises(UsageError, match="which is trained on"):
        prepare(TrainRequest(shards=shards, evaluation=train, config=CONFIG), tmp_path / "run")
    with pytest.raises(UsageError, match="which is trained on"):
        prepare(TrainRequest(src=train, evaluation=train, config=CONFIG), tmp_path / "other")


@pytest.mark.slow
def test_bad_images_are_named_and_another_source_is_refused(tmp_path: Path) -> None:
    images = files(6, 6)
    images[4] = jpeg(np.zeros((40, 40, 3), np.uint8))[:200]
    asked = source(tmp_path, "test", images, image_size="8x8")
    with pytest.raises(SourceError, match=r"^preparing .*: test-00000-of-00001: record 4 at byte \d+: the JPEG image"):
        open_examples(asked, "fail", tmp_path / "kept")
    assert open_examples(asked, "skip", tmp_path / "kept").skipped == 1
    source(tmp_path, "test", files(6, 7))
    with pytest.raises(SourceError, match=r"run of another configuration or source: remove that folder, or"):
        open_examples(asked, "fail", tmp_path / "kept")


@pytest.mark.slow
def test_a_refused_command_does_not_block_a_corrected_one(tmp_path: Path) -> None:
    """What it prepared may be replaced; what belongs to a request that was accepted may not."""
    train, test = source(tmp_path, "train", files(20, 8)), source(tmp_path, "test", files(9, 9))

    def ask(size: str, evaluation: SourceConfig) -> TrainRequest:
        return TrainRequest(src=replace(train, image_size=size), evaluation=evaluation, config=CONFIG)

    with pytest.raises(UsageError, match="which is trained on"):
        prepare(ask("8", train), tmp_path / "run")
    assert prepare(ask("12", test), tmp_path / "run").job.train.shape == (12, 12, 3)
    (tmp_path / "run/config.json").write_text("{}")
    with pytest.raises(SourceError, match="remove that folder, or choose another --out"):
        prepare(ask("8", test), tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("link", ["prepared", "prepared/evaluation"])
def test_links_are_not_followed(tmp_path: Path, link: str) -> None:
    asked, elsewhere = source(tmp_path, "test", files(6, 10), image_size="8"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    at = tmp_path / "run" / link
    at.parent.mkdir(parents=True)
    at.symlink_to(elsewhere)
    with pytest.raises(UsageError, match=f"^{at}: is a link, which is not followed"):
        open_examples(asked, "fail", tmp_path / "run/prepared/evaluation")
    assert list(elsewhere.iterdir()) == []


@pytest.mark.slow
def test_other_sizes_beside_shards_of_one_size_are_refused_with_a_way_out(tmp_path: Path) -> None:
    images = [png(image) for image in np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), np.uint8)]
    shards = tmp_path / "shards"
    augment(source(tmp_path, "train", images), shards, MixConfig())
    asked = TrainRequest(shards=shards, evaluation=source(tmp_path, "test", files(9, 11)), config=CONFIG)
    with pytest.raises(
        SourceError, match=r"images differ in size.* were mixed without --image-size: mix them with it"
    ) as said:
        prepare(asked, tmp_path / "run")
    assert "add --image-size" not in str(said.value)


@pytest.mark.slow
def test_another_table_is_read_as_the_mixed_one(tmp_path: Path) -> None:
    """Its label, and the numbers of its classes, of which it lacks one."""
    for name, classes in (("train", "abc"), ("test", "ac")):
        rows = [f"{number},{number / 2},{classes[number % len(classes)]}" for number in range(12)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["x,y,kind", *rows]) + "\n")
    shards = tmp_path / "shards"
    augment(SourceConfig(src=str(tmp_path / "train.csv"), label_key="kind"), shards, MixConfig())
    test = SourceConfig(src=str(tmp_path / "test.csv"), allow_eval_split=True)
    config = TrainConfig(epochs=1, batch_size=4, model="mlp")
    evaluation = prepare(TrainRequest(shards=shards, evaluation=test, config=config), tmp_path / "run").job.evaluation
    labels = np.concatenate([labels for _, labels in evaluation_batches(evaluation.records, 7).as_numpy_iterator()])
    assert sorted(labels.argmax(1).tolist()) == [0] * 6 + [2] * 6


def test_a_source_that_needs_no_size_is_read_as_it_is(tmp_path: Path) -> None:
    images = [png(np.full((8, 9, 1), value, np.uint8)) for value in range(6)]
    asked = source(tmp_path, "test", images)
    records = open_examples(brought_to(asked, ImageOptions(channels=3)), "fail", tmp_path / "kept")
    assert records.shape == (8, 9, 3)
    assert not (tmp_path / "kept").exists()
    assert form_of(records) == ImageOptions(channels=3)


def test_vectors_have_no_form(tmp_path: Path) -> None:
    vectors = [example({"x": np.full(4, value, np.float32), "label": 0}) for value in range(6)]
    path = write_records(tmp_path / "part-0", vectors)
    asked = SourceConfig(src=str(path), num_classes=2, image_key="x")
    assert brought_to(asked, ImageOptions(size=(8, 8))).images == ImageOptions()
