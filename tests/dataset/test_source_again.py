"""The source of a mixed dataset: found again by what the manifest knows, and told from others."""

from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.dataset.parents import find_parents
from mixup_pipeline.dataset.source_again import source_config
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.errors import SourceError, UsageError
from tests.datasets import (
    example,
    image_feature,
    label_feature,
    png,
    random_images,
    tensor_feature,
    write_prepared,
    write_tfds,
)


@pytest.fixture
def coarse(tmp_path: Path) -> SourceConfig:
    """Mixed by a label that is not the usual one, of a split that is not the usual one, without a class count."""
    features = {
        "image": image_feature((6, 5, 1)),
        "other": image_feature((6, 5, 1)),
        "label": label_feature(4),
        "coarse": tensor_feature("int64", ()),
    }
    images = random_images(24, (6, 5, 1))
    payloads = [
        example({"image": png(images[n]), "other": png(images[n + 12]), "label": n % 4, "coarse": n % 2})
        for n in range(12)
    ]
    write_prepared(tmp_path / "shapes/1.0.0", payloads, features, split="train2")
    return SourceConfig(
        src="shapes", data_dir=str(tmp_path), split="train2", image_key="other", label_key="coarse", num_classes=2
    )


def made(source: SourceConfig, out: Path) -> Manifest:
    return augment(source, out, MixConfig()).manifest


def test_verify_and_parents_need_nothing_but_the_place(tmp_path: Path, coarse: SourceConfig) -> None:
    manifest, out = made(coarse, tmp_path / "out"), tmp_path / "out"
    for against in (str(tmp_path / "shapes"), str(tmp_path / "shapes/1.0.0"), "shapes"):
        verdict = verify(out, against=SourceConfig(src=against, data_dir=str(tmp_path)))
        assert (verdict.faults, verdict.wrong_source, verdict.recomputed) == ([], None, 12)
        assert find_parents(manifest, against=against, data_dir=str(tmp_path)) is not None
    assert find_parents(manifest) is not None
    assert source_config(manifest) == SourceConfig(
        src="shapes:1.0.0",
        data_dir=str(tmp_path),
        split="train2",
        image_key="other",
        label_key="coarse",
        num_classes=2,
        channels="auto",
        exif="apply",
        allow_eval_split=True,
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"label_key": "label"}, "--label-key label: the directory was mixed with coarse: leave --label-key out"),
        ({"split": "train"}, "--split train: the directory was mixed with train2: leave --split out"),
        ({"num_classes": 4}, "--num-classes 4: the directory was mixed with 2: leave --num-classes out"),
    ],
)
def test_what_is_given_otherwise_is_no_fault_of_the_directory(
    tmp_path: Path, coarse: SourceConfig, given: dict[str, object], said: str
) -> None:
    made(coarse, tmp_path / "out")
    against = SourceConfig(src="shapes", data_dir=str(tmp_path), **given)  # type: ignore[arg-type]
    verdict = verify(tmp_path / "out", against=against)
    assert (verdict.faults, str(verdict.wrong_source)) == ([], said)
    assert isinstance(verdict.wrong_source, UsageError)


def test_another_version_is_named_with_the_one_that_was_mixed(tmp_path: Path) -> None:
    data = str(tmp_path)
    write_tfds(tmp_path / "shapes/1.0.0", num_examples=12)
    manifest = made(SourceConfig(src="shapes", data_dir=data), tmp_path / "out")
    write_tfds(tmp_path / "shapes/2.0.0", num_examples=14, seed=1)
    (tmp_path / "shapes/2.0.0/dataset_info.json").write_text(
        (tmp_path / "shapes/2.0.0/dataset_info.json").read_text().replace("1.0.0", "2.0.0")
    )
    verdict = verify(tmp_path / "out", against=SourceConfig(src="shapes", data_dir=data))
    assert verdict.faults == []
    told = str(verdict.wrong_source)
    assert told.startswith(
        "--against shapes: is not the source that was mixed: it has version 2.0.0, 1.0.0 was mixed; "
    )
    assert "has 14 records, 12 were mixed" in told
    assert told.endswith(": it was --src shapes:1.0.0")
    with pytest.raises(SourceError, match=r"it has version 2\.0\.0, 1\.0\.0 was mixed.*it was --src shapes:1\.0\.0$"):
        find_parents(manifest, against="shapes", data_dir=data)
    assert find_parents(manifest) is not None  # it looks for the version that was mixed


def test_records_that_are_others_are_told_by_their_fingerprint(tmp_path: Path) -> None:
    write_tfds(tmp_path / "a/shapes/1.0.0", num_examples=12)
    made(SourceConfig(src="shapes", data_dir=str(tmp_path / "a")), tmp_path / "out")
    write_tfds(tmp_path / "b/shapes/1.0.0", num_examples=12, seed=1)
    verdict = verify(tmp_path / "out", against=SourceConfig(src="shapes", data_dir=str(tmp_path / "b")))
    assert verdict.faults == []
    assert "the records of shapes-train.tfrecord-00000-of-00001 are others (fingerprint " in str(verdict.wrong_source)


def test_a_fault_of_the_directory_is_told_beside_a_wrong_source(tmp_path: Path, coarse: SourceConfig) -> None:
    manifest = made(coarse, tmp_path / "out")
    (tmp_path / "out" / manifest.shards[0].name).unlink()
    verdict = verify(tmp_path / "out", against=SourceConfig(src="mnist_sample"))
    assert len(verdict.faults) == 1
    assert "train2" in str(verdict.wrong_source)


@pytest.mark.parametrize("against", ["cut", "file"])
def test_another_source_is_told_as_such_where_it_lacks_what_was_chosen(
    tmp_path: Path, coarse: SourceConfig, against: str
) -> None:
    manifest = made(coarse, tmp_path / "out")
    cut = write_tfds(tmp_path / "cut/1.0.0", num_examples=12, split="train2")
    src = str({"cut": tmp_path / "cut", "file": cut.files[0]}[against])
    verdict = verify(tmp_path / "out", against=SourceConfig(src=src))
    said = f"--against {src}: is not the source that was mixed: its file {cut.files[0].name} was not mixed, "
    assert verdict.faults == []
    assert isinstance(verdict.wrong_source, SourceError)
    assert str(verdict.wrong_source).startswith(said)
    with pytest.raises(SourceError, match="is not the source that was mixed: its file cut-train2"):
        find_parents(manifest, against=src)


def test_a_source_without_the_split_is_another_one(tmp_path: Path, coarse: SourceConfig) -> None:
    manifest = made(coarse, tmp_path / "out")
    verdict = verify(tmp_path / "out", against=SourceConfig(src="mnist_sample"))
    said = "--against mnist_sample: is not the source that was mixed: --split 'train2': mnist_sample has test, train"
    assert str(verdict.wrong_source).startswith(said)
    with pytest.raises(SourceError, match="mnist_sample has test, train: it was --src shapes:1"):
        find_parents(manifest, against="mnist_sample")


def test_what_is_not_there_is_not_called_another_source(tmp_path: Path, coarse: SourceConfig) -> None:
    made(coarse, tmp_path / "out")
    verdict = verify(tmp_path / "out", against=SourceConfig(src=str(tmp_path / "nowhere")))
    assert "no such file or folder" in str(verdict.wrong_source)
    assert "is not the source" not in str(verdict.wrong_source)
