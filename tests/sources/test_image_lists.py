"""Folders of images with a metadata.csv or metadata.jsonl."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment, read_examples
from mixup_pipeline.dataset.find import find
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.errors import RecordError, SourceError, SplitError, UsageError
from mixup_pipeline.sources import open_source
from tests.datasets import png, random_images

COUNT = 9
IMAGES = random_images(COUNT, (6, 7, 3))
NAMES = ["ant", "bee", "cat"]


def folder(root: Path, kind: str, rows: list[dict[str, Any]]) -> Path:
    (root / "images").mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(IMAGES):
        (root / "images" / f"{number}.png").write_bytes(png(image))
    if kind == "csv":
        lines = [",".join(rows[0])] + [",".join(str(value) for value in row.values()) for row in rows]
    else:
        lines = [json.dumps(row) for row in rows]
    (root / f"metadata.{kind}").write_text("\n".join(lines) + "\n")
    return root


def rows_with(**columns: Any) -> list[dict[str, Any]]:
    return [
        {"file_name": f"images/{number}.png"} | {key: values[number] for key, values in columns.items()}
        for number in range(COUNT)
    ]


TEXTS = rows_with(
    label=[NAMES[i % 3] for i in range(COUNT)], age=[i / 2 for i in range(COUNT)], who=["x", "y", "z"] * 3
)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_labels_and_what_goes_along_come_from_the_list(tmp_path: Path, kind: str) -> None:
    """Against numpy, by the paths in the ids."""
    root = folder(tmp_path / "photos", kind, TEXTS)
    config = SourceConfig(src=str(root), keep="age,who", group_key="who")
    augment(config, tmp_path / "out", MixConfig(copies=2, pairing="cross-group"))
    for mixed in read_examples(tmp_path / "out"):
        parents = [int(Path(mixed[f"mixup/{side}_id"].rpartition("__")[0]).stem) for side in ("base", "partner")]
        assert mixed["mixup/base_id"] == f"photos/images/{parents[0]}.png__{parents[0]}"
        lam = np.float32(mixed["mixup/lam"])
        blend = IMAGES[parents[0]] * lam + IMAGES[parents[1]] * (np.float32(1) - lam)
        assert (mixed["image"] == np.rint(blend).astype(np.uint8)).all()
        assert mixed["mixup/partner_label"] == parents[1] % 3
        assert [mixed["base/age"], mixed["partner/age"]] == [number / 2 for number in parents]
        assert mixed["base/who"] != mixed["partner/who"]
    assert verify(tmp_path / "out", against=config).faults == []


@pytest.mark.parametrize(
    ("values", "options", "expected"),
    [
        ([i % 3 for i in range(COUNT)], {"num_classes": 3}, "class"),
        ([i / 4 for i in range(COUNT)], {"label_kind": "regression"}, "regression"),
        ([[i % 3, 2] for i in range(COUNT)], {"label_kind": "multi-label", "num_classes": 3}, "class-list"),
        ([[0.5, 0.25, 0.25]] * COUNT, {}, "soft"),
        ([i % 2 == 0 for i in range(COUNT)], {}, "class"),
    ],
)
def test_labels_of_any_kind(tmp_path: Path, values: list[Any], options: dict[str, Any], expected: str) -> None:
    config = SourceConfig(src=str(folder(tmp_path / "photos", "jsonl", rows_with(label=values))), **options)
    assert open_source(config).spec.label_kind == expected
    augment(config, tmp_path / "out", MixConfig())
    assert verify(tmp_path / "out", against=config).faults == []


def test_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        folder(tmp_path / "photos" / split, "csv", TEXTS)
    source = open_source(SourceConfig(src=str(tmp_path / "photos")))
    assert (source.split, source.files[0].name) == ("train", "train")
    with pytest.raises(UsageError, match="is for evaluation"):
        open_source(SourceConfig(src=str(tmp_path / "photos"), split="test"))
    with pytest.raises(UsageError, match="is for evaluation"):
        open_source(SourceConfig(src=str(tmp_path / "photos/test")))
    with pytest.raises(SplitError, match="has test, train"):
        open_source(SourceConfig(src=str(tmp_path / "photos"), split="more"))


def test_splits_may_have_any_names(tmp_path: Path) -> None:
    for split in ("fold0", "fold1"):
        folder(tmp_path / "photos" / split, "csv", TEXTS)
    source = open_source(SourceConfig(src=str(tmp_path / "photos"), split="fold1"))
    assert (source.class_names, source.origin and source.origin.notes) == (
        tuple(NAMES),
        ("left out, as they are of other splits: fold0",),
    )
    with pytest.raises(SplitError, match=r"--split 'train': .* has fold0, fold1"):
        open_source(SourceConfig(src=str(tmp_path / "photos")))
    (tmp_path / "photos/more").mkdir()
    assert open_source(SourceConfig(src=str(tmp_path / "photos"), split="fold1")).class_names == tuple(NAMES)


def test_a_list_is_given_by_its_folder(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos", "jsonl", TEXTS)
    with pytest.raises(UsageError, match=r"metadata\.jsonl: lists the images of its folder: give --src .*photos$"):
        open_source(SourceConfig(src=str(root / "metadata.jsonl")))


def test_images_that_the_list_does_not_name_are_told(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos", "csv", TEXTS[:-2])
    origin = open_source(SourceConfig(src=str(root))).origin
    assert origin is not None
    assert origin.notes == ("2 images left out, as metadata.csv does not name them: images/7.png, images/8.png",)


def test_two_lists_in_one_folder_are_refused(tmp_path: Path) -> None:
    for kind in ("csv", "jsonl"):
        root = folder(tmp_path / "photos", kind, TEXTS)
    with pytest.raises(UsageError, match=r"photos: holds metadata\.csv and metadata\.jsonl, which may differ: remove"):
        open_source(SourceConfig(src=str(root)))


def test_a_column_called_image_hides_no_images(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos", "jsonl", rows_with(label=NAMES * 3, image=[*range(COUNT)]))
    source = open_source(SourceConfig(src=str(root)))
    assert (source.spec.encoding, source.spec.num_classes) == ("encoded", 3)
    assert source.origin is not None
    assert source.origin.notes == ("its column 'image' is left out: the images are called so",)


def test_images_are_found_by_their_names_in_the_list(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos", "jsonl", TEXTS)
    augment(SourceConfig(src=str(root)), tmp_path / "out", MixConfig(copies=2))
    manifest = read_manifest(tmp_path / "out")
    found = [
        list(find(tmp_path / "out", manifest, f"{before}images/3.png{after}"))
        for before in ("", "photos/")
        for after in ("", "__3")
    ]
    assert all(appearances == found[0] for appearances in found)
    assert sum(one.role == "base" for one in found[0]) == 2
    with pytest.raises(UsageError, match=r"the paths begin with photos$"):
        list(find(tmp_path / "out", manifest, "images/99.png__99"))


def test_a_missing_image_or_label_is_a_bad_record(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos", "jsonl", [*TEXTS[:4], {"file_name": "images/9.png", "label": "ant"}, *TEXTS[4:]])
    config = SourceConfig(src=str(root))
    with pytest.raises(RecordError, match=r"^photos/images/9\.png: cannot be read \(no such file or directory\)"):
        augment(config, tmp_path / "out", MixConfig())
    folder(tmp_path / "photos", "jsonl", [*TEXTS[:4], {"file_name": "images/8.png"}, *TEXTS[4:]])
    with pytest.raises(RecordError, match=r"^photos/images/8\.png: metadata\.jsonl, row 4: column label: is empty: "):
        augment(config, tmp_path / "out", MixConfig())
    augment(config, tmp_path / "out", MixConfig(on_bad_record="skip"))
    assert len(list(read_examples(tmp_path / "out"))) == COUNT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty: a first line"),
        ("file_name,label\n", "lists no image"),
        (
            "name,label\na.png,1\n",
            "row 0 has no file_name, it has label, name: each row names an image beside this file",
        ),
        ("file_name,label\n../a.png,1\n", r"row 0: '\.\./a\.png' lies outside of this folder"),
        ("file_name,label\n/etc/a.png,1\n", "lies outside of this folder"),
        ("file_name,label\na.png\n", "row 0 holds 1 value, there are 2 columns"),
    ],
)
def test_a_bad_list_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/metadata.csv").write_text(text)
    with pytest.raises(SourceError, match=said) as error:
        open_source(SourceConfig(src=str(tmp_path / "photos")))
    assert "\n" not in str(error.value)


def test_lines_that_are_no_json_are_named(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/metadata.jsonl").write_text('{"file_name": "a.png", "label": 1}\n\n{"file_name"\n')
    with pytest.raises(SourceError, match=r"metadata\.jsonl: line 3 is no JSON"):
        open_source(SourceConfig(src=str(tmp_path / "photos")))
