"""Photographs of all kinds through a whole run: mixed again from their source, and shown with their parents."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.dataset import recompute as recomputing
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.dataset.mixed_examples import load_examples
from mixup_pipeline.dataset.parents import find_parents
from mixup_pipeline.dataset.reader import MixedReader
from mixup_pipeline.dataset.recompute import recomputed_faults
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.records.images import decode
from mixup_pipeline.spec import ImageOptions
from tests.datasets import example, write_records

GOOD = sorted((Path(__file__).parents[1] / "data/images/good").iterdir())


@pytest.fixture
def source(tmp_path: Path) -> SourceConfig:
    records = [example({"image": path.read_bytes(), "label": number % 3}) for number, path in enumerate(GOOD)]
    return SourceConfig(src=str(write_records(tmp_path / "photos.tfrecord", records)), num_classes=3)


@pytest.mark.parametrize(
    ("channels", "image_format"),
    [
        pair
        for pair in itertools.product(["auto", "1", "3", "4"], ["raw", "png", "jpeg", "webp"])
        if pair != ("4", "jpeg")  # which has no transparency
    ],
)
def test_every_output_verifies_against_its_source(
    tmp_path: Path, source: SourceConfig, channels: str, image_format: str
) -> None:
    asked = replace(source, image_size="20x24", resize="pad", channels=channels)
    augment(asked, tmp_path / "out", MixConfig(image_format=image_format))
    for against in (SourceConfig(src=source.src), asked):
        verdict = verify(tmp_path / "out", against=against)
        assert (verdict.faults, verdict.wrong_source, verdict.recomputed) == ([], None, len(GOOD))


@pytest.mark.parametrize("size", ["crop", "pad", "stretch"])
def test_parents_are_shown_as_they_were_mixed(tmp_path: Path, source: SourceConfig, size: str) -> None:
    out = tmp_path / "out"
    manifest = augment(replace(source, image_size="20x24", resize=size), out, MixConfig(alpha=1.0)).manifest
    parents = find_parents(manifest)
    (shard,) = manifest.shards
    for shown in load_examples(out, manifest, [(shard.name, record) for record in range(len(GOOD))], parents):
        base, partner = (int(parent.rpartition("__")[2]) for parent in (shown.found.base_id, shown.found.partner_id))
        options = ImageOptions(size=(20, 24), resize=size)
        right = [decode(GOOD[number].read_bytes(), (20, 24, 3), options) for number in (base, partner)]
        np.testing.assert_array_equal(shown.base, right[0])
        np.testing.assert_array_equal(shown.partner, right[1])
        lam = np.float32(shown.lam)
        expected = np.rint(lam * right[0].astype(np.float32) + (1 - lam) * right[1].astype(np.float32))
        assert (shown.found.input == expected).all()


def test_a_lossy_file_of_another_encoder_is_compared_by_its_pixels(
    tmp_path: Path, source: SourceConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    asked = replace(source, image_size="40")
    manifest = augment(asked, out, MixConfig(image_format="jpeg", quality=90)).manifest
    found = MixedReader(manifest).read(out / manifest.shards[0].name, keep=range(5)).kept
    parents = find_parents(manifest)
    assert parents is not None
    loaded = parents.load([r.base_id for r in found.values()] + [r.partner_id for r in found.values()])
    near = {n: replace(r, stored=r.stored + b"\0", input=r.input ^ 1) for n, r in found.items()}
    far = {n: replace(r, stored=r.stored + b"\0", input=r.input ^ 15) for n, r in found.items()}
    assert recomputed_faults(found, loaded, manifest) == []
    assert len(recomputed_faults(near, loaded, manifest)) == 5  # the same encoder makes the same bytes
    monkeypatch.setattr(recomputing, "version", lambda _: "0.0")
    assert recomputed_faults(near, loaded, manifest) == []
    assert len(recomputed_faults(far, loaded, manifest)) == 5


def test_options_are_taken_from_the_manifest(tmp_path: Path, source: SourceConfig) -> None:
    out = tmp_path / "out"
    augment(replace(source, image_size="16", resize="stretch", exif="ignore"), out)
    assert read_manifest(out).source.schema.images == ImageOptions(size=(16, 16), resize="stretch", exif="ignore")
    assert verify(out, against=SourceConfig(src=source.src)).faults == []
    other = verify(out, against=replace(source, image_size="17"))
    assert "--image-size 17x17: the directory was mixed with 16x16" in str(other.wrong_source)
