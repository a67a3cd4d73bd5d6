"""TFRecord files by path or pattern: the files that match, and what the first record shows without a schema."""

import gzip
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import RecordError, SourceError, UsageError
from mixup_pipeline.records.tf_example import serialize
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.source import Source
from mixup_pipeline.spec import ExampleSpec
from tests.damage import cut, flip
from tests.datasets import (
    example,
    image_feature,
    label_feature,
    png,
    random_images,
    write_features,
    write_records,
    write_tfds,
)

PICTURE = png(random_images(1, (6, 5, 1))[0])
RECORD = example({"image": PICTURE, "label": 3})


def opened(pattern: Path, **options: Any) -> Source:
    return open_source(SourceConfig(src=str(pattern), **options))


def seen(folder: Path, features: Mapping[str, Any], **options: Any) -> ExampleSpec:
    """Open a file whose only record has these features, and return its spec."""
    return opened(write_records(folder / "one.tfrecord", [example(features)]), **options).spec


# The files that match


def test_files_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b/part-2", "a/part-10", "c/part-1"):
        write_records(tmp_path / name, [RECORD])
    (tmp_path / "part-folder").mkdir()
    source = opened(tmp_path / "**/part-*", num_classes=4)
    assert [file.name for file in source.files] == ["part-1", "part-10", "part-2"]
    assert [file.position for file in source.files] == [0, 1, 2]
    assert source.files[0].path == str(tmp_path / "c/part-1")
    assert all(file.declared_records is None for file in source.files)


@pytest.mark.parametrize(
    ("file_name", "name"),
    [("train-00000-of-00002", "train"), ("Birds_2024.tfrecord", "birds_2024"), ("0001.tfrecord", "dataset")],
)
def test_the_source_is_named_after_its_first_file(tmp_path: Path, file_name: str, name: str) -> None:
    assert opened(write_records(tmp_path / file_name, [RECORD]), num_classes=4).name == name


def test_the_split_is_only_a_name(tmp_path: Path) -> None:
    path = write_records(tmp_path / "some.tfrecord", [RECORD])
    assert opened(path, split="extra", num_classes=4).split == "extra"
    with pytest.raises(UsageError, match="is for evaluation"):
        opened(path, split="test", num_classes=4)


@pytest.mark.parametrize("pattern", ["*.tfrecord", "train-?", "nothing/[ab]*", "**/x"])
def test_a_pattern_that_matches_nothing_is_a_usage_error(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(UsageError, match="no file matches this pattern") as caught:
        opened(tmp_path / pattern)
    assert pattern in str(caught.value)


def test_equal_names_in_different_folders_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_records(tmp_path / folder / "part-0.tfrecord", [RECORD])
    with pytest.raises(SourceError, match=r"two source files are called part-0\.tfrecord.*rename one"):
        opened(tmp_path / "*/part-*", num_classes=4)


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_records(tmp_path / "part-0", [RECORD])
    assert opened(Path("~/part-*"), num_classes=4).files[0].path == str(tmp_path / "part-0")


# What the first record shows


def test_an_image_with_an_integer_label(tmp_path: Path) -> None:
    spec = seen(tmp_path, {"image": PICTURE, "label": 3, "name": b"a", "box": [0.5, 1]}, num_classes=4)
    assert (spec.input_key, spec.label_key, spec.encoding) == ("image", "label", "encoded")
    assert (spec.shape, spec.num_classes, spec.label_kind) == ((None, None, None), 4, "class")


def test_an_image_with_a_soft_label(tmp_path: Path) -> None:
    spec = seen(tmp_path, {"image": PICTURE, "label": [0.25, 0.75, 0]})
    assert (spec.num_classes, spec.label_kind) == (3, "soft")


def test_a_vector(tmp_path: Path) -> None:
    spec = seen(tmp_path, {"embedding": [0.1] * 7, "label": 1}, num_classes=4)
    assert (spec.input_key, spec.encoding, spec.shape) == ("embedding", "vector", (7,))


def test_keys_that_the_user_gives(tmp_path: Path) -> None:
    features = {"photo": PICTURE, "species": 2, "genus": 1, "image": PICTURE}
    spec = seen(tmp_path, features, image_key="photo", label_key="species", num_classes=4)
    assert (spec.input_key, spec.label_key) == ("photo", "species")


@pytest.mark.parametrize(
    ("features", "options", "said"),
    [
        ({"image": PICTURE, "label": 3}, {}, r"--num-classes is needed: one\.tfrecord does not say how many"),
        ({"image": PICTURE, "label": 3}, {"image_key": "photo"}, r"one\.tfrecord has no feature 'photo'; .* image \(i"),
        ({"image": PICTURE, "label": b"cat"}, {"num_classes": 4}, r"--num-classes 4: one.tfrecord has 1 class "),
        ({"image": PICTURE, "name": b"cat"}, {}, r"can be the label: .*, name \(text 'cat'\): allowed"),
        ({"image": PICTURE, "label": [0.5, 0.5]}, {"num_classes": 4}, "--num-classes 4: label .* 2 values"),
        ({"tokens": b"words", "label": 3}, {"num_classes": 4}, r"can be mixed: .* tokens \(text 'words'\): allowed"),
        ({"pixels": bytes(30), "label": 3}, {"num_classes": 4}, r"pixels \(30 bytes, no image file\): allowed"),
        ({"image": PICTURE, "label": 0.5}, {}, r"can be the label: .* label \(float\): allowed"),
    ],
)
def test_what_the_first_record_does_not_tell(
    tmp_path: Path, features: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        seen(tmp_path, features, **options)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress], ids=["gzip", "zlib"])
def test_the_first_record_of_a_compressed_file(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = write_records(tmp_path / "part.tfrecord.gz", [RECORD] * 5)
    path.write_bytes(compress(path.read_bytes()))
    assert opened(path, num_classes=4).spec.input_key == "image"


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zlib.compress], ids=["plain", "gzip", "zlib"])
def test_empty_files_are_passed_over(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    for name, content in (("part-0", b""), ("part-1", b""), ("part-2", None)):
        path = write_records(tmp_path / name, [RECORD])
        path.write_bytes(compress(path.read_bytes() if content is None else content))
    assert opened(tmp_path / "part-*", num_classes=4).spec.input_key == "image"


def test_only_empty_files_are_an_empty_source(tmp_path: Path) -> None:
    for name in ("part-0", "part-1"):
        write_records(tmp_path / name, [])
    with pytest.raises(SourceError, match=r"part-\*: no file holds a record, the source is empty"):
        opened(tmp_path / "part-*", num_classes=4)


def test_a_schema_needs_no_record_at_all(tmp_path: Path) -> None:
    path = write_records(tmp_path / "one.tfrecord", [])
    assert opened(path, schema="tfds_image", num_classes=4).spec.input_key == "image"


def test_a_schema_of_ones_own(tmp_path: Path) -> None:
    features = {"photo": image_feature((6, 5, 1)), "species": label_feature(9)}
    schema = write_features(tmp_path / "my_features.json", features)
    spec = opened(write_records(tmp_path / "one.tfrecord", [RECORD]), schema=str(schema)).spec
    assert (spec.input_key, spec.label_key, spec.num_classes, spec.shape) == ("photo", "species", 9, (6, 5, 1))


def test_class_ids_from_one(tmp_path: Path) -> None:
    path = write_records(tmp_path / "train-00000-of-01024", [example({"image/encoded": PICTURE})])
    spec = opened(path, schema="tfslim_imagenet").spec
    assert (spec.num_classes, spec.first_class) == (1000, 1)


def kind_seen(folder: Path, label: Any, **options: Any) -> tuple[str, int]:
    """The kind of a label, and how many classes it has, where the only record has this one."""
    label = np.array(label, np.float32) if isinstance(label, list) and label and isinstance(label[0], float) else label
    path = write_records(folder / "one.tfrecord", [serialize({"image": PICTURE, "label": label})])
    spec = opened(path, **options).spec
    return spec.label_kind, spec.num_classes


@pytest.mark.parametrize(
    ("label", "options", "kind", "classes"),
    [
        ([0, 1, 0], {}, "one-hot", 3),
        ([0, 1, 1], {"label_kind": "multi-label"}, "multi-hot", 3),
        ([0.0, 1.0], {"label_kind": "multi-label"}, "multi-hot", 2),
        ([0, 1, 1], {"label_kind": "multi-label", "num_classes": 3}, "multi-hot", 3),
        ([0, 1], {"label_kind": "multi-label", "num_classes": 3}, "class-list", 3),
        ([2, 1, 0], {"label_kind": "multi-label", "num_classes": 3}, "class-list", 3),
        ([1], {"label_kind": "multi-label", "num_classes": 3}, "class-list", 3),
        ([], {"label_kind": "multi-label", "num_classes": 3}, "class-list", 3),
        ([4], {"label_kind": "regression"}, "regression", 1),
        ([0.5], {"label_kind": "regression"}, "regression", 1),
        ([0.5, -2.0, 7.0], {"label_kind": "regression"}, "regression", 3),
        ([5, -2], {"label_kind": "regression"}, "regression", 2),
        ([0.5, 0.5], {"label_kind": "soft"}, "soft", 2),
        ([4], {"label_kind": "class", "num_classes": 5}, "class", 5),
        (b"cat", {"label_kind": "class"}, "class", 1),
    ],
)
def test_kinds_of_labels(tmp_path: Path, label: Any, options: dict[str, Any], kind: str, classes: int) -> None:
    assert kind_seen(tmp_path, label, **options) == (kind, classes)


@pytest.mark.parametrize(
    ("label", "options", "said"),
    [
        ([4], {"label_kind": "soft"}, r"label \(integer\): allowed are"),
        (b"cat", {"label_kind": "regression"}, r"label \(text 'cat'\): allowed are"),
        ([0.5], {"label_kind": "multi-label"}, r"label \(float\): allowed are"),
        ([], {}, r"label \(0 integers\): allowed are"),
        ([4, 2], {"label_kind": "multi-label"}, "--num-classes is needed: .* how many classes 'label' has"),
        ([], {"label_kind": "multi-label"}, "--num-classes is needed: .* how many classes 'label' has"),
        ([0.5, 2.0], {"label_kind": "regression", "num_classes": 3}, "--num-classes 3: label 'label' .* holds 2"),
    ],
)
def test_labels_of_other_kinds_are_refused(tmp_path: Path, label: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        kind_seen(tmp_path, label, **options)


@pytest.mark.parametrize("text", ["cat", "Käfer", "水" * 10, "a" * 19 + "ä", "two words", "x" * 500])
def test_a_first_label_may_be_any_text(tmp_path: Path, text: str) -> None:
    """Also where the part that is shown ends within a character."""
    path = write_records(tmp_path / "one.tfrecord", [serialize({"image": PICTURE, "label": text.encode()})])
    source = opened(path)
    assert (source.spec.class_texts, source.class_names) == ((text,), (text,))


@pytest.mark.parametrize("data", [b"", b"\xff", b"a\nb", b"K\xe4fer", "Käfer".encode()[:2], bytes(30)])
def test_a_first_label_that_is_no_text_is_refused(tmp_path: Path, data: bytes) -> None:
    path = write_records(tmp_path / "one.tfrecord", [serialize({"image": PICTURE, "label": data})])
    with pytest.raises(
        UsageError, match=rf"label \({len(data)} bytes, no image file\): allowed are one integer or text"
    ):
        opened(path)


# A first record that cannot be read


def test_a_first_record_that_is_no_example(tmp_path: Path) -> None:
    path = write_records(tmp_path / "one.tfrecord", [b"\xff\xff\xff no message"])
    with pytest.raises(RecordError, match=r"one\.tfrecord: record 0 at byte 0: the record is not a tf\.Example"):
        opened(path, num_classes=4)


def test_a_file_that_is_no_tfrecord(tmp_path: Path) -> None:
    path = tmp_path / "one.bin"
    path.write_text("image,label\n1,2\n3,4\n")
    with pytest.raises(RecordError, match=r"one\.bin: record 0 at byte 0: .* TFRecord file.*; what is read is .*\.csv"):
        opened(path, num_classes=4)


@pytest.mark.parametrize("size", [1, 11, 12, 20, len(RECORD) + 15])
def test_a_first_record_that_is_cut(tmp_path: Path, size: int) -> None:
    path = write_records(tmp_path / "one.tfrecord", [RECORD])
    cut(path, size)
    with pytest.raises(RecordError, match=r"one\.tfrecord: record 0 at byte 0: "):
        opened(path, num_classes=4)


def test_a_damaged_first_record_is_called_damaged(tmp_path: Path) -> None:
    path = write_records(tmp_path / "one.tfrecord", [example({"image": b"", "label": 3})])
    flip(path, 12, 0xFF)  # the tag of the only field of the message
    with pytest.raises(RecordError, match=r"record 0 at byte .*do not match their CRC"):
        opened(path, num_classes=4)


@pytest.mark.parametrize(
    "content", [b"\x1f\x8b" + bytes(60), gzip.compress(RECORD)[:10] + b"\xff" * 40], ids=["header", "content"]
)
def test_a_damaged_compressed_file_is_a_source_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "one.gz"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"one\.gz"):
        opened(path, num_classes=4)


# Descriptions beside the files


def test_a_features_json_beside_the_files_describes_them(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0")
    (dataset.folder / "label.labels.txt").write_text("ant\nbee\ncat\ndog\n")
    source = opened(dataset.folder / "*.tfrecord-*")
    assert (source.spec.shape, source.spec.num_classes) == ((6, 5, 1), 4)
    assert source.class_names == ("ant", "bee", "cat", "dog")


def test_the_bits_of_float_pixels_are_not_taken_for_pixels(tmp_path: Path) -> None:
    write_records(tmp_path / "part-0", [example({"image": png(random_images(1, (6, 5, 4))[0]), "label": 1})])
    image = {"pythonClassName": "x.Image", "image": {"dtype": "float32", "shape": {"dimensions": ["6", "5", "1"]}}}
    write_features(tmp_path / "features.json", {"image": image, "label": label_feature(3)})
    with pytest.raises(UsageError, match=r"can be mixed: it has image \(Image float32 6x5x1\)"):
        opened(tmp_path / "part-*")
    with pytest.raises(UsageError, match=r"says Image float32 6x5x1, which cannot be mixed"):
        opened(tmp_path / "part-*", image_key="image")


def test_folders_whose_descriptions_differ_are_refused(tmp_path: Path) -> None:
    for folder, classes in (("a", 3), ("b", 4)):
        write_records(tmp_path / folder / f"{folder}-0", [RECORD])
        write_features(
            tmp_path / folder / "features.json", {"image": image_feature((6, 5, 1)), "label": label_feature(classes)}
        )
    with pytest.raises(UsageError, match=r"its files are in 2 folders, whose features\.json differ: .*--schema"):
        opened(tmp_path / "*/*-0")
    assert opened(tmp_path / "b/*-0").spec.num_classes == 4
    assert opened(tmp_path / "*/*-0", schema="tfds_image", num_classes=4).spec.num_classes == 4


def test_class_names_beside_a_schema_are_read(tmp_path: Path) -> None:
    schema = write_features(
        tmp_path / "s/features.json", {"image": image_feature((6, 5, 1)), "label": label_feature(4)}
    )
    (tmp_path / "s/label.labels.txt").write_text("ant\nbee\ncat\ndog\n")
    path = write_records(tmp_path / "one.tfrecord", [RECORD])
    assert opened(path, schema=str(schema)).class_names == ("ant", "bee", "cat", "dog")


def test_an_image_is_found_under_any_key_by_its_header(tmp_path: Path) -> None:
    spec = seen(tmp_path, {"photo": PICTURE, "name": b"x", "label": 3}, num_classes=4)
    assert (spec.input_key, spec.encoding) == ("photo", "encoded")


def test_what_was_asked_for_is_kept(tmp_path: Path) -> None:
    path = write_records(tmp_path / "one.tfrecord", [example({"image": PICTURE, "label": 3, "id": b"a", "n": 1})])
    origin = opened(path, num_classes=4).origin
    assert origin is not None
    assert (origin.asked, origin.src, origin.version) == (SourceConfig(src=str(path), num_classes=4), str(path), None)
    assert (origin.input_rule, origin.label_rule) == ("image file, called image", "integer, called label, before n")
    assert (origin.classes_from, origin.dropped) == ("--num-classes", ("id", "n"))
