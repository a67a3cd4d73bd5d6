"""The main job on small datasets of every kind: what is written equals the slow reference, bit for bit."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.dataset.manifest import read_manifest
from tests.datasets import (
    Dataset,
    example,
    image_feature,
    png,
    random_images,
    tensor_feature,
    write_features,
    write_records,
    write_tfds,
)
from tests.reference import mix_label, mix_pixels, pairs_and_lam, read_output


def decoded(data: bytes) -> npt.NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert image is not None
    return image.astype(np.uint8)


def check_against_reference(out: Path, dataset: Dataset, num_classes: int) -> None:
    row = {name: position for position, name in enumerate(dataset.ids)}
    records = read_output(out)
    assert records
    for record in records:
        base, partner = row[record.base_id], row[record.partner_id]
        assert record.image == mix_pixels(dataset.images[base], dataset.images[partner], record.lam)
        assert record.base_label == dataset.labels[base]
        assert record.partner_label == dataset.labels[partner]
        expected = mix_label(record.base_label, record.partner_label, record.lam, num_classes)
        assert record.label.tobytes() == expected.tobytes()


@pytest.mark.parametrize("shape", [(6, 5, 1), (8, 8, 3), (5, 7, 4)])
@pytest.mark.parametrize("pairing", ["any", "within-class", "cross-class"])
def test_pixels_and_labels_equal_the_reference(tmp_path: Path, shape: tuple[int, int, int], pairing: str) -> None:
    dataset = write_tfds(tmp_path / "data/shapes/1.0.0", num_examples=30, shape=shape, num_files=3)
    augment(str(dataset.folder), tmp_path / "out", MixConfig(pairing=pairing, copies=2, num_shards=2, alpha=1))
    check_against_reference(tmp_path / "out", dataset, 4)


def test_every_example_is_base_once_and_partner_once_a_copy(tmp_path: Path, dataset: Dataset) -> None:
    augment(str(dataset.folder), tmp_path / "out", MixConfig(copies=3, num_shards=2))
    manifest = read_manifest(tmp_path / "out")
    copy_of = {shard.name: shard.copy for shard in manifest.shards}
    assert [shard.copy for shard in manifest.shards] == [0, 0, 1, 1, 2, 2]
    records = read_output(tmp_path / "out")
    for copy in range(3):
        of_copy = [record for record in records if copy_of[record.shard] == copy]
        assert Counter(record.base_id for record in of_copy) == Counter(dataset.ids)
        assert Counter(record.partner_id for record in of_copy) == Counter(dataset.ids)
    assert len({(record.base_id, record.partner_id) for record in records}) == 3 * len(dataset.ids)


def test_originals_come_last_and_are_the_source_itself(tmp_path: Path, dataset: Dataset) -> None:
    augment(str(dataset.folder), tmp_path / "out", MixConfig(keep_originals=True, num_shards=2))
    manifest = read_manifest(tmp_path / "out")
    assert [shard.copy for shard in manifest.shards] == [0, 0, None, None]
    originals = {shard.name for shard in manifest.shards if shard.copy is None}
    images = {r.base_id: r.image for r in read_output(tmp_path / "out") if r.shard in originals}
    assert images == {name: image.tobytes() for name, image in zip(dataset.ids, dataset.images, strict=True)}
    assert manifest.totals.originals == len(dataset.ids)


def test_unmixed_examples_have_lam_one_and_are_counted(tmp_path: Path, dataset: Dataset) -> None:
    augment(str(dataset.folder), tmp_path / "out", MixConfig(prob=0.5, copies=4))
    records = read_output(tmp_path / "out")
    alone = [record for record in records if record.base_id == record.partner_id]
    assert 40 < len(alone) < 120  # 80 expected of 160
    assert all(record.lam == 1 for record in alone)
    totals = read_manifest(tmp_path / "out").totals
    assert totals.unmixed == len(alone)
    assert totals.mixed == len(records) - len(alone)
    check_against_reference(tmp_path / "out", dataset, 4)


def test_a_class_of_one_passes_through_unmixed(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "data/shapes/1.0.0", num_examples=5, labels=[0, 0, 1, 2, 2])
    augment(str(dataset.folder), tmp_path / "out", MixConfig(pairing="within-class"))
    alone = [r.base_id for r in read_output(tmp_path / "out") if r.base_id == r.partner_id]
    assert alone == [dataset.ids[2]]
    assert read_manifest(tmp_path / "out").totals.unmixed == 1


def test_a_dataset_of_one_passes_through_unmixed(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "data/shapes/1.0.0", num_examples=1, num_classes=1)
    augment(str(dataset.folder), tmp_path / "out")
    (record,) = read_output(tmp_path / "out")
    assert (record.base_id, float(record.lam)) == (dataset.ids[0], 1)
    assert record.image == dataset.images[0].tobytes()


def test_limit_takes_the_first_examples(tmp_path: Path, dataset: Dataset) -> None:
    augment(str(dataset.folder), tmp_path / "out", MixConfig(limit=25))
    assert sorted(record.base_id for record in read_output(tmp_path / "out")) == sorted(dataset.ids[:25])


def test_png_output_holds_the_same_pixels_as_raw(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "data/shapes/1.0.0", num_examples=12, shape=(6, 5, 3))
    augment(str(dataset.folder), tmp_path / "raw")
    augment(str(dataset.folder), tmp_path / "png", MixConfig(image_format="png"))
    for raw, packed in zip(read_output(tmp_path / "raw"), read_output(tmp_path / "png"), strict=True):
        assert decoded(packed.image).tobytes() == raw.image
        assert (packed.base_id, packed.lam) == (raw.base_id, raw.lam)


def test_compact_labels_leave_the_vector_out(tmp_path: Path, dataset: Dataset) -> None:
    augment(str(dataset.folder), tmp_path / "out", MixConfig(label_format="compact"))
    assert all("label" not in record.features for record in read_output(tmp_path / "out"))


def test_labels_are_compact_by_default_above_a_thousand_classes(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "data/shapes/1.0.0", num_examples=4, num_classes=1001)
    augment(str(dataset.folder), tmp_path / "out")
    assert read_manifest(tmp_path / "out").config.label_format == "compact"


def test_soft_labels_are_mixed_and_have_no_class_ids(tmp_path: Path) -> None:
    images = random_images(20, (4, 4, 1))
    labels = np.random.default_rng(1).dirichlet(np.ones(3), 20).astype(np.float32)
    payloads = [example({"image": png(i), "label": soft}) for i, soft in zip(images, labels, strict=True)]
    path = write_records(tmp_path / "soft.tfrecord", payloads)
    augment(str(path), tmp_path / "out")
    for record in read_output(tmp_path / "out"):
        base, partner = (int(name.rpartition("__")[2]) for name in (record.base_id, record.partner_id))
        rest = np.float32(1) - record.lam
        assert record.label.tobytes() == (record.lam * labels[base] + rest * labels[partner]).tobytes()
        assert record.image == mix_pixels(images[base], images[partner], record.lam)
        assert "mixup/base_label" not in record.features


def test_raw_bytes_and_jpeg_sources_are_read(tmp_path: Path) -> None:
    images = random_images(10, (4, 3, 3))
    raw = [example({"pixels": image.tobytes(), "label": n % 2}) for n, image in enumerate(images)]
    write_records(tmp_path / "raw.tfrecord", raw)
    features = {"pixels": tensor_feature("uint8", (4, 3, 3), "bytes"), "label": tensor_feature("int64", ())}
    schema = write_features(tmp_path / "features.json", features)
    src = SourceConfig(src=str(tmp_path / "raw.tfrecord"), schema=str(schema), num_classes=2)
    augment(src, tmp_path / "out")
    dataset = Dataset(tmp_path, images, np.arange(10) % 2, [f"raw.tfrecord__{n}" for n in range(10)])
    check_against_reference(tmp_path / "out", dataset, 2)

    photos = [cv2.imencode(".jpg", image)[1].tobytes() for image in random_images(10, (16, 16, 3), seed=2)]
    pixels = np.stack([decoded(photo) for photo in photos])
    slim = [example({"image/encoded": photo, "image/class/label": n + 1}) for n, photo in enumerate(photos)]
    write_records(tmp_path / "slim-00000-of-00001", slim)
    src = SourceConfig(src=str(tmp_path / "slim-*"), schema="tfslim_imagenet")
    augment(src, tmp_path / "photos", MixConfig(label_format="dense"))
    names = [f"slim-00000-of-00001__{n}" for n in range(10)]
    check_against_reference(tmp_path / "photos", Dataset(tmp_path, pixels, np.arange(10), names), 1000)


def test_vectors_are_mixed_without_rounding(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(16, 5)).astype(np.float32)
    payloads = [example({"embedding": vector, "label": n % 3}) for n, vector in enumerate(vectors)]
    path = write_records(tmp_path / "vectors.tfrecord", payloads)
    augment(SourceConfig(src=str(path), image_key="embedding", num_classes=3), tmp_path / "out")
    for record in read_output(tmp_path / "out"):
        base, partner = (int(name.rpartition("__")[2]) for name in (record.base_id, record.partner_id))
        mixed = np.array(record.features["features"].float_list.value, np.float32)
        assert mixed.tobytes() == (record.lam * vectors[base] + (1 - record.lam) * vectors[partner]).tobytes()


def test_grey_images_among_rgb_become_rgb(tmp_path: Path) -> None:
    colour, grey = random_images(1, (4, 4, 3))[0], random_images(1, (4, 4, 1))[0]
    payloads = [example({"image": png(image), "label": n}) for n, image in enumerate((colour, grey))]
    path = write_records(tmp_path / "mixed.tfrecord", payloads)
    schema = {"image": image_feature((None, None, 3)), "label": tensor_feature("int64", ())}
    features = write_features(tmp_path / "features.json", schema)
    augment(SourceConfig(src=str(path), schema=str(features), num_classes=2), tmp_path / "out")
    images = np.stack([colour, np.repeat(grey, 3, axis=2)])
    names = ["mixed.tfrecord__0", "mixed.tfrecord__1"]
    check_against_reference(tmp_path / "out", Dataset(tmp_path, images, np.arange(2), names), 2)


def test_pairs_and_lam_do_not_depend_on_the_number_of_shards(tmp_path: Path, dataset: Dataset) -> None:
    results = []
    for num_shards in (1, 3, 16):
        out = tmp_path / f"out-{num_shards}"
        augment(str(dataset.folder), out, MixConfig(copies=2, num_shards=num_shards, prob=0.9, pairing="cross-class"))
        sizes = [shard.examples for shard in read_manifest(out).shards]
        assert len(sizes) == 2 * num_shards
        assert max(sizes) - min(sizes) <= 1
        results.append(pairs_and_lam(out))
    assert results[0] == results[1] == results[2]


def test_the_bundled_sample_and_the_real_dataset_mix(tmp_path: Path, mnist_dir: Path) -> None:
    report = augment(SourceConfig(src="mnist_sample"), tmp_path / "sample")
    assert report.examples == 6000
    real = augment(SourceConfig(src="mnist", data_dir=str(mnist_dir)), tmp_path / "real", MixConfig(limit=6000))
    assert [shard.examples for shard in real.manifest.shards] == [6000]
    images = [
        {r.base_id.rpartition("__")[2]: r.image for r in read_output(tmp_path / name)} for name in ("sample", "real")
    ]
    assert images[0] == images[1]  # the sample is the first 6,000 digits, and both runs draw the same
