"""Augmented shards from end to end: recomputed by NumPy from ids and views, verified, and pinned."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner

from mixup_pipeline import MixConfig, SourceConfig, augment, read_examples
from mixup_pipeline.cli import augment as augment_command
from mixup_pipeline.cli import inspect as inspect_command
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.errors import UsageError
from mixup_pipeline.mixing.views import PAD
from mixup_pipeline.records.resize import scaled
from tests.datasets import example, write_records, write_tfds
from tests.reference import shard_hashes

# Made by: mixup-augment --src mnist_sample --limit 500 --copies 2 --num-shards 2 --seed 7 --augment flip,crop
GOLDEN = "7464024e461c9ef71cff7cde7ebd9e07596b6c6308c5f696f5cba410b55db794"


def view_of(image: npt.NDArray[np.uint8], view: Any) -> npt.NDArray[np.uint8]:
    flip, top, left, height, width = (int(value) for value in view)
    padded = np.pad(image, ((PAD, PAD), (PAD, PAD), (0, 0)))
    box = padded[top : top + height, left : left + width]
    made = box if box.shape == image.shape else scaled(np.ascontiguousarray(box), image.shape[:2])
    return made[:, ::-1] if flip else made


@pytest.mark.parametrize("shape", [(12, 10, 1), (80, 70, 3)])
@pytest.mark.parametrize("augmented", ["flip", "crop", "flip,crop"])
def test_records_are_what_numpy_makes_of_their_parents(
    tmp_path: Path, shape: tuple[int, int, int], augmented: str
) -> None:
    data = write_tfds(tmp_path / "shapes/1.0.0", num_examples=30, num_files=2, shape=shape)
    config = MixConfig(alpha=1, copies=2, prob=0.8, keep_originals=True, augment=augmented)
    manifest = augment(str(data.folder), tmp_path / "out", config).manifest
    assert verify(tmp_path / "out", against=SourceConfig(src=str(data.folder))).faults == []
    images = dict(zip(data.ids, data.images, strict=True))
    plain = np.array([0, PAD, PAD, *shape[:2]])
    seen: set[tuple[int, ...]] = set()
    for number, found in enumerate(read_examples(tmp_path / "out")):
        base, partner = (images[found[f"mixup/{side}_id"]] for side in ("base", "partner"))
        views = found["mixup/base_view"], found["mixup/partner_view"]
        lam = np.float32(found["mixup/lam"])
        first, second = (view_of(*pair).astype(np.float32) for pair in zip((base, partner), views, strict=True))
        assert (found["image"] == np.rint(lam * first + (1 - lam) * second).astype(np.uint8)).all()
        if number >= 60:  # the originals
            assert (views[0] == plain).all()
            assert (found["image"] == base).all()
        if lam == 1:
            assert (views[0] == views[1]).all()
        seen.add(tuple(views[0].tolist()))
    assert len(seen) > (1 if augmented == "flip" else 20)
    assert manifest.config.augment == augmented


def test_pairs_and_views_do_not_depend_on_the_shards(tmp_path: Path) -> None:
    data = write_tfds(tmp_path / "shapes/1.0.0", num_examples=30, shape=(12, 10, 1))
    found = []
    for shards in (1, 4):
        out = tmp_path / str(shards)
        augment(str(data.folder), out, MixConfig(augment="flip,crop", num_shards=shards))
        found.append(
            sorted((e["mixup/base_id"], e["mixup/partner_id"], e["image"].tobytes()) for e in read_examples(out))
        )
    assert found[0] == found[1]


def test_golden(tmp_path: Path) -> None:
    config = MixConfig(limit=500, copies=2, num_shards=2, seed=7, augment="flip,crop")
    augment("mnist_sample", tmp_path, config)
    assert shard_hashes(tmp_path)["mnist_sample_mixup-train.tfrecord-00002-of-00004"] == GOLDEN


@pytest.mark.parametrize(("given", "kept"), [("crop, flip", "flip,crop"), ("crop", "crop")])
def test_they_are_kept_in_one_order(given: str, kept: str) -> None:
    assert MixConfig(augment=given).augment == kept


def test_what_cannot_be_augmented_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--augment must be some of flip, crop with commas between, got 'flip;crop'"):
        MixConfig(augment="flip;crop")
    path = write_records(
        tmp_path / "numbers", [example({"x": np.ones(3, np.float32), "label": n % 2}) for n in range(9)]
    )
    source = SourceConfig(src=str(path), image_key="x", num_classes=2)
    with pytest.raises(UsageError, match="--augment flip: feature 'x' holds no images: leave it out"):
        augment(source, tmp_path / "out", MixConfig(augment="flip"))


def test_the_plan_and_the_summary_say_it(tmp_path: Path) -> None:
    given = ["--src", "mnist_sample", "--augment", "crop", "--dry-run", "--out", str(tmp_path)]
    assert "  augment  crop, drawn for each parent\n" in CliRunner().invoke(augment_command.main, given).output
    augment("mnist_sample", tmp_path / "out", MixConfig(limit=20, augment="flip"))
    assert "augmented by flip" in CliRunner().invoke(inspect_command.main, [str(tmp_path / "out")]).output
