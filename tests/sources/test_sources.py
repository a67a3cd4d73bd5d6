"""Sources of any kind: the kind of a `src`, and the splits that may be augmented."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.sources import evaluation_config, open_source
from mixup_pipeline.sources.describing import name_of
from mixup_pipeline.sources.source import Source, SourceFile, check_split
from mixup_pipeline.spec import ExampleSpec
from tests.datasets import Dataset, write_tfds

SPEC = ExampleSpec(input_key="image", label_key="label", encoding="encoded", shape=(6, 5, 1), num_classes=4)

EVALUATION_SPLITS = [
    *("test", "validation", "val", "valid", "eval", "evaluation", "dev", "TEST", "Validation"),
    *("test2", "test_matched", "validation-small", "val.1"),
]
OTHER_SPLITS = ["train", "training", "extra", "train_small", "valley", "testimony", "device", "unlabeled", "0"]


@pytest.mark.parametrize("split", EVALUATION_SPLITS)
def test_evaluation_splits_are_refused_unless_allowed(split: str) -> None:
    with pytest.raises(UsageError, match=f"split '{split}' is for evaluation.*--split train.*--allow-eval-split"):
        check_split(SourceConfig(src="x", split=split))
    check_split(SourceConfig(src="x", split=split, allow_eval_split=True))


@pytest.mark.parametrize("split", OTHER_SPLITS)
def test_other_splits_are_allowed(split: str) -> None:
    check_split(SourceConfig(src="x", split=split))


@pytest.mark.parametrize("split", ["train[:10%", "train/part", "", " ", "../train", "all\n", "train+", "train[:x]"])
@pytest.mark.parametrize("allowed", [True, False])
def test_what_is_no_split_is_refused(split: str, allowed: bool) -> None:
    with pytest.raises(UsageError, match=r"must be the name of a split"):
        check_split(SourceConfig(src="x", split=split, allow_eval_split=allowed))


@pytest.mark.parametrize("split", ["train+test", "test[:10%]", "train[:5]+validation[5:]"])
def test_parts_of_evaluation_splits_are_refused_too(split: str) -> None:
    with pytest.raises(UsageError, match="is for evaluation"):
        check_split(SourceConfig(src="x", split=split))
    check_split(SourceConfig(src="x", split=split, allow_eval_split=True))


def test_an_evaluation_split_opens_where_it_is_allowed(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0", split="test")
    src = str(dataset.folder)
    with pytest.raises(UsageError, match="is for evaluation"):
        open_source(SourceConfig(src=src, split="test"))
    assert open_source(SourceConfig(src=src, split="test", allow_eval_split=True)).split == "test"


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked, listed = tmp_path / "locked", Path.iterdir
    locked.mkdir()

    def refused(path: Path) -> Iterator[Path]:
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(UsageError, match=r"^--src .*/locked: cannot be accessed \(Permission denied\)$"):
        open_source(SourceConfig(src=str(locked)))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("flowers.csv", "flowers"),
        ("hub/cats/train-00000-of-00002.parquet", "cats"),
        ("hub/cats/data/train-00000-of-00002.parquet", "cats"),
        ("data/validation.csv", "validation"),
        ("wds/shards/part-0001.tar", "wds"),
        ("training_set.csv", "training_set"),
    ],
)
def test_the_name_of_a_dataset_tells_more_than_a_split(path: str, name: str) -> None:
    assert name_of(Path("/") / path) == name


@pytest.mark.parametrize("src", ["hdfs://host/data/*.tfrecord", "http://host/data"])
def test_other_stores_are_refused(src: str) -> None:
    with pytest.raises(UsageError, match=rf"{src[:5]}.*use a local folder, gs:// or s3://"):
        open_source(SourceConfig(src=src))


def test_a_schema_is_only_for_tfrecord_files(dataset: Dataset) -> None:
    for src in ("mnist_sample", str(dataset.folder)):
        with pytest.raises(UsageError, match=f"--schema is for TFRecord files, but --src '{src}' is not a file"):
            open_source(SourceConfig(src=src, schema="tfds_image"))


def test_one_file_is_a_tfrecord_source_even_inside_a_tfds_directory(dataset: Dataset) -> None:
    source = open_source(SourceConfig(src=str(dataset.files[1]), num_classes=4))
    assert [file.name for file in source.files] == [dataset.files[1].name]
    assert source.files[0].declared_records is None


def test_a_directory_whose_name_holds_pattern_characters_is_a_directory(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "data [1]/shapes/1.0.0")
    assert open_source(SourceConfig(src=str(dataset.folder))).name == "shapes"


def test_a_file_whose_name_holds_pattern_characters_is_a_file(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0")
    path = dataset.files[0].rename(tmp_path / "train [1].tfrecord")
    assert [file.path for file in open_source(SourceConfig(src=str(path), num_classes=4)).files] == [str(path)]


def files(*names: str) -> tuple[SourceFile, ...]:
    return tuple(SourceFile(position=n, name=name, path=f"/{n}/{name}") for n, name in enumerate(names))


def test_a_source_has_files_each_with_a_name_of_its_own_in_order() -> None:
    assert Source(name="x", split="train", files=files("a", "b"), spec=SPEC).class_names is None
    with pytest.raises(SourceError, match="x: split 'train' has no files"):
        Source(name="x", split="train", files=(), spec=SPEC)
    with pytest.raises(SourceError, match="two source files are called b"):
        Source(name="x", split="train", files=files("a", "b", "b"), spec=SPEC)
    with pytest.raises(SourceError, match="in the order of their names"):
        Source(name="x", split="train", files=files("b", "a"), spec=SPEC)


def test_what_describes_files_is_said_of_files_only(dataset: Dataset) -> None:
    described = SourceConfig(src=f"{dataset.folder}/*.tfrecord*", schema="tfds_image", num_classes=4, data_dir="there")
    other = evaluation_config(described, str(dataset.files[0]), split="test")
    assert (other.schema, other.num_classes, other.data_dir) == ("tfds_image", 4, "there")
    plain = evaluation_config(described, "mnist_sample", split="test")
    assert plain == SourceConfig(src="mnist_sample", split="test", data_dir="there", allow_eval_split=True)
    keyed = SourceConfig(src="mnist_sample", image_key="image")
    assert evaluation_config(keyed, "mnist_sample", split="test").image_key == "image"
