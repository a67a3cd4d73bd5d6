"""WebDataset: which parts of a sample are input and label, and which files are taken."""

from pathlib import Path
from typing import Any

import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.errors import SourceError, UsageError
from tests.datasets import jpeg, png
from tests.reference import read_output
from tests.sources.records_of import records_of
from tests.sources.tars import COUNT, IMAGES, members, opened, with_json, write_tar


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tgz", "w:gz")])
def test_samples_are_members_of_one_key(tmp_path: Path, name: str, mode: str) -> None:
    source = opened(write_tar(tmp_path / name, members(), mode), num_classes=3)
    assert (source.spec.input_key, source.spec.label_key, source.spec.encoding) == ("image", "cls", "encoded")
    assert records_of(source) == [{"image": [png(IMAGES[n])], "cls": [n % 3]} for n in range(COUNT)]


def test_any_image_format_is_the_image(tmp_path: Path) -> None:
    mixed = [("0.png", png(IMAGES[0])), ("0.cls", b"0"), ("1.cls", b"1"), ("1.jpeg", jpeg(IMAGES[1]))]
    records = records_of(opened(write_tar(tmp_path / "a.tar", mixed), num_classes=2))
    assert [record["image"] for record in records] == [[png(IMAGES[0])], [jpeg(IMAGES[1])]]


def test_several_images_of_a_sample(tmp_path: Path) -> None:
    two = [("0.png", png(IMAGES[0])), ("0.jpg", jpeg(IMAGES[1])), ("0.mask.png", png(IMAGES[2])), ("0.cls", b"0")]
    path = write_tar(tmp_path / "a.tar", two)
    with pytest.raises(UsageError, match=r"image-key is needed: .* 3 that it could be: jpg, mask\.png, png \("):
        opened(path, num_classes=2)
    for key, image in (("jpg", jpeg(IMAGES[1])), ("mask.png", png(IMAGES[2]))):
        assert records_of(opened(path, num_classes=2, image_key=key)) == [{key: [image], "cls": [0]}]
    path = write_tar(tmp_path / "b.tar", two[:1] + two[2:])
    assert opened(path, num_classes=2).spec.input_key == "image"


@pytest.mark.parametrize(
    ("value", "options", "label", "found"),
    [
        (lambda n: n % 3, {"num_classes": 3}, "label", [[n % 3] for n in range(COUNT)]),
        (lambda n: "cab"[n % 3], {}, "label", [[b"cab"[n % 3 :][:1]] for n in range(COUNT)]),
        (lambda n: n % 2 == 1, {}, "label", [[n % 2] for n in range(COUNT)]),
        (lambda n: [0.25, 0.75], {}, "label", [[0.25, 0.75]] * COUNT),
        (lambda n: n / 4, {"label_kind": "regression"}, "label", [[n / 4] for n in range(COUNT)]),
        (lambda n: n % 3, {"num_classes": 3, "label_key": "kind"}, "kind", [[n % 3] for n in range(COUNT)]),
        (lambda n: "cab"[n % 3], {"label_key": "kind"}, "kind", [[b"cab"[n % 3 :][:1]] for n in range(COUNT)]),
    ],
)
def test_labels_in_json(tmp_path: Path, value: Any, options: dict[str, Any], label: str, found: list[Any]) -> None:
    path = write_tar(tmp_path / "a.tar", with_json(lambda n: {label: value(n), "width": n, "name": f"é{n}"}))
    source = opened(path, keep="width,name", **options)
    assert source.spec.label_key == label
    records = records_of(source)
    assert [record[label] for record in records] == found
    assert [(record["width"], record["name"]) for record in records] == [
        ([n], [f"é{n}".encode()]) for n in range(COUNT)
    ]
    if source.spec.class_texts:
        assert source.class_names == ("a", "b", "c")


def test_labels_as_text(tmp_path: Path) -> None:
    parts = [
        (name.replace("cls", "txt"), b"ab"[n // 2 % 2 :][:1] if "cls" in name else content)
        for n, (name, content) in enumerate(members())
    ]
    path = write_tar(tmp_path / "a.tar", parts)
    with pytest.raises(UsageError, match=r"label-key is needed: a\.tar \(sample 'd/000'\) has no cls; --label-key txt"):
        opened(path)
    source = opened(path, label_key="txt")
    assert (source.class_names, source.spec.num_classes) == (("a", "b"), 2)
    assert [record["txt"][0] for record in records_of(source)] == [b"ab"[n % 2 :][:1] for n in range(COUNT)]


def test_a_class_goes_before_a_field_of_json(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [("0.png", png(IMAGES[0])), ("0.cls", b"1"), ("0.json", b'{"label": 0}')])
    assert opened(path, num_classes=2).spec.label_key == "cls"
    assert opened(path, num_classes=2, label_key="label").spec.label_key == "label"


def test_the_number_of_classes_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"num-classes is needed: a\.tar \(sample 'd/000'\) does not say .* 'cls'"):
        opened(write_tar(tmp_path / "a.tar", members()))


def test_a_tar_without_samples(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no file holds a sample, such as 000\.jpg and 000\.cls"):
        opened(write_tar(tmp_path / "a.tar", [("README", b"hello")]))


def test_several_files_and_their_splits(tmp_path: Path) -> None:
    write_tar(tmp_path / "s-train-1.tar", members(range(5, COUNT)))
    write_tar(tmp_path / "s-train-0.tar", members(range(5)))
    source = opened(tmp_path / "s-*.tar", num_classes=3)
    assert [file.name for file in source.files] == ["s-train-0.tar", "s-train-1.tar"]
    assert [record["cls"] for record in records_of(source)] == [[n % 3] for n in range(COUNT)]
    write_tar(tmp_path / "s-val-0.tar", members())
    with pytest.raises(UsageError, match="matches files of several splits"):
        opened(tmp_path / "s-*.tar", num_classes=3)
    with pytest.raises(UsageError, match="split 'val', which is for evaluation"):
        opened(tmp_path / "s-val-0.tar", num_classes=3)
    with pytest.raises(UsageError, match=r"braces are no pattern here: write \* in their place"):
        opened(tmp_path / "s-train-{0..1}.tar")


def test_a_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--schema is for TFRecord files"):
        opened(write_tar(tmp_path / "a.tar", members()), schema="tfds_image")


def test_from_tar_to_shards_and_back(tmp_path: Path) -> None:
    asked = SourceConfig(src=str(write_tar(tmp_path / "a.tar.gz", members(), "w:gz")), num_classes=3)
    augment(asked, tmp_path / "out", MixConfig(num_shards=2))
    ids = {record.base_id for record in read_output(tmp_path / "out")}
    assert ids == {f"a.tar.gz__{n}" for n in range(COUNT)}
    verdict = verify(tmp_path / "out", against=asked)
    assert (verdict.faults, verdict.recomputed) == ([], COUNT)
