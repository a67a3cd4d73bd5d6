"""Parents: examples read by id equal those that mixing reads; another or a changed source is refused."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.dataset.parents import Parents, find_parents
from mixup_pipeline.errors import MixupError, RecordError, SourceError, UsageError
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.examples import Examples, read_examples
from mixup_pipeline.sources.index import Entries, IndexedFile
from mixup_pipeline.sources.source import Source
from tests.damage import cut, flip, record_starts, replace_record
from tests.datasets import (
    damaged_png,
    example,
    image_feature,
    label_feature,
    png,
    random_images,
    write_prepared,
    write_tfds,
)
from tests.mixed import COUNT, KINDS, Mixed, photos
from tests.reference import read_output

SECOND = "shapes-train.tfrecord-00001-of-00002"


def indexed(made: Mixed, folder: Path) -> tuple[Source, list[IndexedFile], dict[str, Entries]]:
    """The source, its indexed files, and the entries of each by its name."""
    source, work = open_source(made.source), WorkFolder(folder)
    work.create()
    files = [index_file(file, source.spec, MixConfig(on_bad_record="skip"), work) for file in source.files]
    return source, files, {file.name: work.entries(position).copy() for position, file in enumerate(files)}


def gathered(made: Mixed, ids: Sequence[str], folder: Path) -> Examples:
    """Read the same examples the way mixing does."""
    source, files, index = indexed(made, folder)
    entries = np.concatenate([index[file.name] for file in files])
    rows = {f"{files[f].name}__{r}": n for n, (f, r) in enumerate(entries[["file", "record"]].tolist())}
    return read_examples(entries[[rows[parent] for parent in ids]], files, source.spec, tuple(made.manifest.shape))


def parents_of(made: Mixed) -> Parents:
    found = find_parents(made.manifest, against=made.source.src)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_parents_equal_what_is_gathered(mixed: Callable[[str], Mixed], tmp_path: Path, kind: str) -> None:
    made = mixed(kind)
    ids = [record.base_id for record in read_output(made.out)]  # repeated, in the order of slots
    assert ids != sorted(ids)
    found, expected = parents_of(made).load(ids), gathered(made, ids, tmp_path / "work")
    assert found.inputs.dtype == expected.inputs.dtype
    assert found.inputs.tobytes() == expected.inputs.tobytes()
    assert found.ids == expected.ids
    assert (found.labels.dtype, found.labels.tolist()) == (expected.labels.dtype, expected.labels.tolist())


@pytest.mark.parametrize("kind", ["raw", "skipped"])
def test_parents_are_found_in_an_index_too(mixed: Callable[[str], Mixed], tmp_path: Path, kind: str) -> None:
    """Where a record was skipped, the place in the index is not the number of the record."""
    made = mixed(kind)
    _, files, index = indexed(made, tmp_path / "work")
    ids = [record.base_id for record in read_output(made.out)]
    expected = parents_of(made).load(ids)
    parents = Parents(files, made.manifest, index)
    found = parents.load(ids)
    assert (found.ids, found.inputs.tobytes()) == (expected.ids, expected.inputs.tobytes())
    assert parents.missing(ids) is None
    first = files[0].name
    for absent in (f"{first}__999", "elsewhere__0", *([f"{first}__2"] if kind == "skipped" else [])):
        assert parents.missing([*ids, absent]) == absent


def test_no_parents_are_no_examples(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    assert parents_of(mixed("raw").copy(tmp_path)).load([]).inputs.shape == (0, 6, 5, 1)


# Finding the source


def test_a_prepared_dataset_of_the_same_name_and_files_is_found(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    made = mixed("raw").copy(tmp_path)
    found = find_parents(made.manifest, data_dir=str(tmp_path))
    assert found is not None
    assert found.load([f"{SECOND}__3"]).ids == [f"{SECOND}__3"]
    (tmp_path / "elsewhere").mkdir()
    assert find_parents(made.manifest, data_dir=str(tmp_path / "elsewhere")) is None
    assert find_parents(made.manifest) is not None  # where it was


def test_a_dataset_of_the_same_name_but_other_files_is_not_the_source(
    mixed: Callable[[str], Mixed], tmp_path: Path
) -> None:
    made = mixed("raw").copy(tmp_path / "made")
    other = write_tfds(tmp_path / "other/shapes/1.0.0", num_examples=COUNT, num_files=3)
    assert find_parents(made.manifest, data_dir=str(tmp_path / "other")) is None
    with pytest.raises(SourceError, match=r"is not the source that was mixed: it has 3 files in place of 2, its file"):
        find_parents(made.manifest, against=str(other.folder))


def test_tfrecord_files_are_found_where_they_were_or_are_named(tmp_path: Path) -> None:
    augment(photos(tmp_path / "data"), tmp_path / "out")
    made = Mixed(tmp_path / "out", photos(tmp_path / "data"))
    assert find_parents(made.manifest) is not None
    (tmp_path / "data").rename(tmp_path / "moved")
    assert find_parents(made.manifest) is None
    assert find_parents(made.manifest, against=photos(tmp_path / "copy").src) is not None
    with pytest.raises(UsageError, match="no file matches"):
        find_parents(made.manifest, against=str(tmp_path / "nothing-*"))


@pytest.mark.parametrize("unlike", ["split", "image key", "label key"])
def test_an_unlike_dataset_of_the_same_name_is_not_the_source(
    mixed: Callable[[str], Mixed], tmp_path: Path, unlike: str
) -> None:
    made = mixed("gzip").copy(
        tmp_path
    )  # TFRecord files; the dataset name made from theirs happens to be that of a TFDS dataset
    features = {"image": image_feature((6, 5, 3)), "label": label_feature(4)}
    if unlike != "split":
        features["other"] = features.pop(unlike.partition(" ")[0])
    write_prepared(tmp_path / "data/shapes/1.0.0", [], features, split="test" if unlike == "split" else "train")
    assert find_parents(made.manifest, data_dir=str(tmp_path / "data")) is None


def test_an_evaluation_split_is_read_as_well(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0", split="test")
    augment(SourceConfig(src=str(dataset.folder), split="test", allow_eval_split=True), tmp_path / "out")
    found = find_parents(read_manifest(tmp_path / "out"), data_dir=str(tmp_path))
    assert found is not None
    assert found.load([dataset.ids[7]]).inputs.tobytes() == dataset.images[7].tobytes()


# Sources that have changed


def damaged(path: Path) -> None:
    flip(path, record_starts(path)[4] + 30)


def shorter(path: Path) -> None:
    cut(path, record_starts(path)[4])


def removed(path: Path) -> None:
    path.unlink()


def no_example(path: Path) -> None:
    replace_record(path, 4, b"\xff\xff")


def of_other_size(path: Path) -> None:
    replace_record(path, 4, example({"image": png(random_images(1, (5, 6, 1))[0]), "label": 0}))


def of_other_class(path: Path) -> None:
    replace_record(path, 4, example({"image": png(random_images(1, (6, 5, 1))[0]), "label": 4}))


def without_image(path: Path) -> None:
    replace_record(path, 4, example({"label": 1}))


def cut_image(path: Path) -> None:
    replace_record(path, 4, example({"image": damaged_png(random_images(1, (6, 5, 1))[0]), "label": 0}))


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (damaged, RecordError, "its data do not match their CRC"),
        (shorter, RecordError, "there is no such record, the file holds 4: it was changed"),
        (removed, SourceError, "cannot be read (No such file or directory)"),
        (no_example, RecordError, "not a tf.Example"),
        (of_other_size, RecordError, "the example is 5x6x1, the schema says 6x5x1"),
        (of_other_class, RecordError, "label 4 is out of range: allowed are 0 to 3"),
        (without_image, RecordError, "feature 'image' is missing"),
        (cut_image, RecordError, "cannot be decoded"),
    ],
)
def test_a_parent_that_cannot_be_read_is_named(
    mixed: Callable[[str], Mixed], tmp_path: Path, change: Callable[[Path], None], error: type[MixupError], said: str
) -> None:
    parents = parents_of(mixed("raw").copy(tmp_path))
    change(tmp_path / "shapes/1.0.0" / SECOND)
    with pytest.raises(error) as raised:
        parents.load([f"{SECOND}__1", f"{SECOND}__4"])
    where = f"{SECOND}: record 4 at byte " if error is RecordError else f"{tmp_path / 'shapes/1.0.0' / SECOND}: "
    assert str(raised.value).startswith(where)
    assert said in str(raised.value)


def test_a_size_that_the_schema_allows_but_was_not_mixed_is_refused(
    mixed: Callable[[str], Mixed], tmp_path: Path
) -> None:
    made = mixed("photos").copy(tmp_path)
    name = min(file.name for file in made.manifest.source.files)
    replace_record(tmp_path / name, 0, example({"image": png(random_images(1, (9, 9, 3))[0]), "label": 0}))
    with pytest.raises(RecordError, match="record 0 at byte 12: the image is 9x9x3, others are 6x5x3"):
        parents_of(made).load([f"{name}__0"])


def test_a_damaged_gzip_file_is_named_and_nothing_is_left_behind(
    mixed: Callable[[str], Mixed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, spool = mixed("gzip").copy(tmp_path), tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spool))
    ids = [f"shapes-{number}.tfrecord.gz__0" for number in range(2)]
    assert parents_of(made).load(ids).ids == ids
    flip(tmp_path / "shapes-1.tfrecord.gz", -2, 0xFF)
    with pytest.raises(SourceError, match=r"^shapes-1\.tfrecord\.gz: the compressed file is damaged"):
        parents_of(made).load(ids)
    assert list(spool.iterdir()) == []


def test_a_source_that_moved_is_read_where_it_is_now(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    made = mixed("raw").copy(tmp_path)
    shutil.move(tmp_path / "shapes", tmp_path / "moved")
    ids = [f"{SECOND}__2"]
    moved = replace(made, source=SourceConfig(src=str(tmp_path / "moved/1.0.0")))
    assert parents_of(moved).load(ids).inputs.tobytes() == gathered(moved, ids, tmp_path / "work").inputs.tobytes()
