"""Folders of images, one folder a class: what is found, named, left out and refused, and that they mix as they are."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment, read_examples
from mixup_pipeline.dataset.find import find
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.dataset.parents import find_parents
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.errors import RecordError, SourceError, SplitError, UsageError
from mixup_pipeline.run import mix_shard
from mixup_pipeline.sources import evaluation_config, open_source
from mixup_pipeline.sources.file_formats.class_folder import folder_content
from mixup_pipeline.sources.file_formats.listing import FORMAT as LISTING
from mixup_pipeline.sources.file_formats.listing import Members
from tests.datasets import damaged_png, png, random_images
from tests.sources.records_of import records_of

CLASSES = ("Käfer", "bee 2", "cat")
IMAGES = random_images(12, (8, 8, 1))


def write(path: Path, number: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(IMAGES[number]))
    return path


def folders(root: Path, below: str = "") -> Path:
    """Twelve images in three class folders, by turns."""
    for number in range(len(IMAGES)):
        write(root / below / CLASSES[number % 3] / f"{number:02d}.png", number)
    return root


def number_of(path: str) -> int:
    """The number of the image whose path below --src, with its number in the class, this is."""
    return int(Path(path.rpartition("__")[0]).stem)


def ids_of(out: Path) -> list[tuple[str, str]]:
    return [(mixed["mixup/base_id"], mixed["mixup/partner_id"]) for mixed in read_examples(out)]


def files_in(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if ".tfrecord" in path.name}


def test_a_folder_is_a_class_and_a_path_is_an_id(tmp_path: Path) -> None:
    source = open_source(SourceConfig(src=str(folders(tmp_path / "photos"))))
    assert (source.name, source.split, source.class_names) == ("photos", "train", CLASSES)
    assert [(file.name, file.format) for file in source.files] == [(name, "class-folder") for name in CLASSES]
    assert source.spec.class_texts == CLASSES
    found = [(record["image"][0], record["label"][0].decode()) for record in records_of(source)]
    expected = [(png(IMAGES[n]), name) for c, name in enumerate(CLASSES) for n in range(len(IMAGES)) if n % 3 == c]
    assert found == expected


@pytest.mark.parametrize("copies", [1, 3])
def test_it_is_mixed_as_it_is(tmp_path: Path, copies: int) -> None:
    """Against numpy, by the paths in the ids."""
    config = SourceConfig(src=str(folders(tmp_path / "photos")))
    augment(config, tmp_path / "out", MixConfig(copies=copies))
    found = list(read_examples(tmp_path / "out"))
    assert len(found) == copies * len(IMAGES)
    for mixed in found:
        base, partner = (number_of(mixed[f"mixup/{side}_id"]) for side in ("base", "partner"))
        lam = np.float32(mixed["mixup/lam"])
        blend = IMAGES[base] * lam + IMAGES[partner] * (np.float32(1) - lam)
        assert (mixed["image"] == np.rint(blend).astype(np.uint8)).all()
        assert (mixed["mixup/base_label"], mixed["mixup/partner_label"]) == (base % 3, partner % 3)
        assert mixed["mixup/base_id"] == f"{CLASSES[base % 3]}/{base:02d}.png__{base // 3}"
    verdict = verify(tmp_path / "out", against=config)
    assert (verdict.faults, verdict.recomputed) == ([], len(found))


def test_the_order_of_listing_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = SourceConfig(src=str(folders(tmp_path / "photos")))
    augment(config, tmp_path / "out", MixConfig())
    walk = os.walk

    def backwards(*arguments: Any, **more: Any) -> Iterator[tuple[str, list[str], list[str]]]:
        for where, below, files in walk(*arguments, **more):
            below.reverse()
            yield where, below, sorted(files, reverse=True)

    listed = Path.iterdir
    monkeypatch.setattr("os.walk", backwards)
    monkeypatch.setattr(Path, "iterdir", lambda path: iter(sorted(listed(path), reverse=True)))
    augment(config, tmp_path / "again", MixConfig())
    monkeypatch.undo()
    assert files_in(tmp_path / "again") == files_in(tmp_path / "out")


def test_nothing_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is spooled are paths."""
    root, spooled = folders(tmp_path / "photos"), []

    def listed(path: Path) -> Members:
        spooled.append((path.stat().st_size, path.read_text()))
        return Members(path)

    monkeypatch.setattr(LISTING, "members", listed)
    augment(SourceConfig(src=str(root)), tmp_path / "out", MixConfig())
    assert all(size < 250 and str(root) in text for size, text in spooled)


def test_nested_images_and_images_without_an_ending(tmp_path: Path) -> None:
    root = folders(tmp_path / "photos")
    write(root / "cat" / "more" / "deep" / "x.PNG", 0)
    write(root / "cat" / "without", 1)
    (root / "cat" / "clip.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    (root / "cat" / "back").symlink_to(root / "cat")
    content = folder_content(root / "cat")
    assert content.images == ("02.png", "05.png", "08.png", "11.png", "more/deep/x.PNG", "without")
    assert content.others == ("clip.wav",)
    augment(SourceConfig(src=str(root)), tmp_path / "out", MixConfig())
    assert {"cat/more/deep/x.PNG__4", "cat/without__5"} <= {base for base, _ in ids_of(tmp_path / "out")}


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    root = folders(tmp_path / "photos")
    for name in ("notes.txt", ".DS_Store", "cat/Thumbs.db", "cat/._02.png", "cat/page.html"):
        (root / name).write_bytes(b"no image")
    (root / ".hidden").mkdir()
    (root / "__MACOSX").mkdir()
    source = open_source(SourceConfig(src=str(root)))
    assert source.class_names == CLASSES
    assert source.origin is not None
    assert source.origin.notes == (
        "left out, as they are no images in a class folder: .DS_Store, notes.txt, cat/._02.png, cat/Thumbs.db, "
        "cat/page.html",
    )


# Splits


def test_splits_share_their_classes(tmp_path: Path) -> None:
    """A class that one split lacks keeps its number there."""
    root = folders(tmp_path / "photos", "train")
    for number in (0, 2, 3):
        write(root / "val" / CLASSES[number % 3] / f"{number:02d}.png", number)
    train = open_source(SourceConfig(src=str(root)))
    assert [file.name for file in train.files] == [f"train/{name}" for name in CLASSES]
    val = open_source(SourceConfig(src=str(root), split="val", allow_eval_split=True))
    assert val.class_names == train.class_names == CLASSES
    assert val.origin is not None
    assert val.origin.notes == (
        "left out, as they are of other splits: train",
        "val has no images of bee 2, which another split has",
    )
    assert open_source(evaluation_config(SourceConfig(src=str(root)), str(root), split="val")).files == val.files
    with pytest.raises(UsageError, match="--split 'val' is for evaluation"):
        open_source(SourceConfig(src=str(root), split="val"))
    with pytest.raises(UsageError, match="which is for evaluation"):
        open_source(SourceConfig(src=str(root / "val")))
    with pytest.raises(SplitError, match=r"--split 'more': .* has train, val"):
        open_source(SourceConfig(src=str(root), split="more"))


def test_a_class_may_be_called_as_a_split(tmp_path: Path) -> None:
    root = folders(tmp_path / "photos")
    write(root / "test" / "0.png", 0)
    with pytest.raises(UsageError, match=r"the folder test in .*photos/ is called as data for evaluation"):
        open_source(SourceConfig(src=str(root)))
    allowed = SourceConfig(src=str(root), allow_eval_split=True)
    assert open_source(allowed).class_names == ("Käfer", "bee 2", "cat", "test")


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (["train/a/0.png", "train/b/1.png", "test/a/2.png", "extra/a/3.png"], "the folder test in .*photos/ is called"),
        (["train/0.png", "val2017/1.png"], "the folder val2017 in .*photos/ is called"),
        (["train_set/0.png", "test_set/a/1.png"], "the folder test_set in .*photos/ is called"),
        (
            ["flowers/train/a/0.png", "flowers/test/a/1.png"],
            "the folder test in .*/flowers/ .* --src .*/flowers/train,",
        ),
        (["x/flowers/train/a/0.png", "x/flowers/test/a/1.png"], "the folder test in .*photos/x/flowers/ is called"),
        (
            ["train/0.png", "testset/1.png"],
            "the folder testset in .* give a folder of training data, with one folder a",
        ),
        (["train/0.png", "test_stg1/1.png"], "the folder test_stg1 in .*photos/ is called"),
        (["train/a/0.png", "test/a/1.png", "extra/a/2.png"], "give --src .*photos/train, or --allow-eval-split"),
    ],
)
def test_evaluation_images_are_no_classes(tmp_path: Path, images: list[str], said: str) -> None:
    for number, name in enumerate(images):
        write(tmp_path / "photos" / name, number)
    with pytest.raises(UsageError, match=said):
        open_source(SourceConfig(src=str(tmp_path / "photos")))


@pytest.mark.parametrize("name", ["test tubes", "developers", "_neg", "evaluate me", "valves", "training shoes"])
def test_names_that_are_near_those_of_splits(tmp_path: Path, name: str) -> None:
    for number, folder in enumerate((name, "zebra")):
        write(tmp_path / "photos" / folder / f"{number}.png", number)
    assert open_source(SourceConfig(src=str(tmp_path / "photos"))).class_names == (name, "zebra")


def test_other_splits_are_said_to_be_left_out(tmp_path: Path) -> None:
    for number, split in enumerate(("train", "train_extra", "test")):
        write(tmp_path / "photos" / split / "a" / f"{number}.png", number)
    origin = open_source(SourceConfig(src=str(tmp_path / "photos"))).origin
    assert origin is not None
    assert origin.notes == ("left out, as they are of other splits: test, train_extra",)


def test_files_beside_the_splits_are_said_too(tmp_path: Path) -> None:
    root = folders(tmp_path / "photos", "train")
    for name in ("README.md", "train/notes.txt"):
        (root / name).write_text("no image")
    origin = open_source(SourceConfig(src=str(root))).origin
    assert origin is not None
    assert origin.notes == ("left out, as they are no images in a class folder: README.md, train/notes.txt",)


@pytest.mark.parametrize("table", ["train.csv", "train.csv.gz", "train/labels.csv"])
def test_one_folder_of_a_split_beside_a_table(tmp_path: Path, table: str) -> None:
    write(tmp_path / "kaggle/train/images/0001.png", 0)
    (tmp_path / "kaggle" / table).write_text("id,label\n0001,3\n")
    with pytest.raises(UsageError, match=f"has one folder of images, images, beside {table}"):
        open_source(SourceConfig(src=str(tmp_path / "kaggle")))


def test_one_folder_beside_a_table_is_no_class(tmp_path: Path) -> None:
    write(tmp_path / "kaggle/images/0001.png", 0)
    (tmp_path / "kaggle/train.csv").write_text("id,label\n0001,3\n")
    with pytest.raises(UsageError, match=r"has one folder of images, images, beside train\.csv: .* column file_name"):
        open_source(SourceConfig(src=str(tmp_path / "kaggle")))


def test_a_list_in_one_class_folder_makes_no_splits(tmp_path: Path) -> None:
    root = folders(tmp_path / "photos")
    (root / "cat/metadata.csv").write_text("file_name,label\n02.png,3\n")
    source = open_source(SourceConfig(src=str(root)))
    assert source.class_names == CLASSES
    assert source.origin is not None
    assert source.origin.notes == ("left out, as they are no images in a class folder: cat/metadata.csv",)


def test_names_of_classes_may_be_given(tmp_path: Path) -> None:
    root = folders(tmp_path / "photos")
    source = open_source(SourceConfig(src=str(root), class_names="cat,bee 2,Käfer,dog"))
    assert (source.class_names, source.spec.num_classes) == (("cat", "bee 2", "Käfer", "dog"), 4)
    augment(SourceConfig(src=str(root), class_names="cat,bee 2,Käfer,dog"), tmp_path / "out", MixConfig())
    assert {mixed["mixup/base_label"] for mixed in read_examples(tmp_path / "out")} == {0, 1, 2}
    with pytest.raises(RecordError, match=r"^cat/02\.png: label 'cat' is none of the classes \(bee 2, Käfer\)"):
        augment(SourceConfig(src=str(root), class_names="bee 2,Käfer"), tmp_path / "other", MixConfig())


# What is refused


def test_an_empty_class_folder_is_refused(tmp_path: Path) -> None:
    root = folders(tmp_path / "photos")
    (root / "ant").mkdir()
    with pytest.raises(SourceError, match=r"photos/ant: this class folder holds no images: put images there, or remo"):
        open_source(SourceConfig(src=str(root)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"schema": "tfds_image"}, "--schema tfds_image: is not for folders of images: leave it out"),
        ({"image_key": "photo"}, "--image-key photo: is not for folders of images"),
        ({"num_classes": 9}, "--num-classes 9: .* has 3 classes"),
    ],
)
def test_options_of_other_sources_are_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        open_source(SourceConfig(src=str(folders(tmp_path / "photos")), **options))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(b""), "the file is empty"),
        (lambda path: path.write_bytes(b"no image"), "the image is none of JPEG, PNG, .*"),
        (lambda path: path.write_bytes(png(IMAGES[0])[:20]), "the PNG image ends after 20 bytes.*"),
        (lambda path: (path.unlink(), path.symlink_to("nowhere")), "cannot be read .no such file or directory."),
        (pipe, "cannot be read .it is not a regular file."),
    ],
    ids=["empty", "text", "cut", "link", "pipe"],
)
def test_a_bad_image_is_named_by_its_path(tmp_path: Path, damage: Callable[[Path], Any], said: str) -> None:
    root = folders(tmp_path / "photos")
    damage(root / "bee 2" / "04.png")
    config = SourceConfig(src=str(root))
    with pytest.raises(RecordError, match=rf"^bee 2/04\.png: {said}: --on-bad-record skip leaves such records out$"):
        augment(config, tmp_path / "out", MixConfig())
    augment(config, tmp_path / "out", MixConfig(on_bad_record="skip"))
    assert sorted(number_of(base) for base, _ in ids_of(tmp_path / "out")) == [n for n in range(12) if n != 4]
    assert (tmp_path / "out/skipped.csv").read_text().splitlines()[1].startswith('"bee 2/04.png",1,"",')
    assert verify(tmp_path / "out", against=config).faults == []


def test_pixels_that_cannot_be_decoded_are_named_too(tmp_path: Path) -> None:
    root = folders(tmp_path / "photos")
    (root / "cat/05.png").write_bytes(damaged_png(IMAGES[5]))
    with pytest.raises(RecordError, match=r"^cat/05\.png: the image is damaged and cannot be decoded"):
        augment(SourceConfig(src=str(root)), tmp_path / "out", MixConfig())


# A folder that changes


def other_image(path: Path) -> None:
    done, data = cv2.imencode(".png", IMAGES[0])
    assert done
    path.write_bytes(data.tobytes() + b"more")


@pytest.mark.parametrize("change", ["edited", "added", "removed"])
def test_a_folder_that_changes_during_the_run_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    root, real = folders(tmp_path / "photos"), mix_shard.ShardMixer.mix_shard

    def changing(self: Any, task: Any) -> Any:
        yield from real(self, task)
        path = root / "cat" / "05.png"
        if change == "edited":
            other_image(path)
        elif change == "added":
            write(root / "cat" / "99.png", 1)
        else:
            path.unlink()

    monkeypatch.setattr(mix_shard.ShardMixer, "mix_shard", changing)
    with pytest.raises(SourceError, match=r"photos/cat: was changed during the run: run the same command again"):
        augment(SourceConfig(src=str(root)), tmp_path / "out", MixConfig())
    assert not (tmp_path / "out/manifest.json").exists()


def test_another_folder_does_not_verify(tmp_path: Path) -> None:
    root = folders(tmp_path / "photos")
    config = SourceConfig(src=str(root))
    augment(config, tmp_path / "out", MixConfig())
    other_image(root / "cat" / "05.png")
    wrong = verify(tmp_path / "out", against=config).wrong_source
    assert wrong is not None
    assert "the records of cat are others" in str(wrong)


# Looking at it


def test_examples_are_found_by_path(tmp_path: Path) -> None:
    config = SourceConfig(src=str(folders(tmp_path / "photos")))
    augment(config, tmp_path / "out", MixConfig(copies=3))
    manifest, ids = read_manifest(tmp_path / "out"), ids_of(tmp_path / "out")
    wanted = "bee 2/04.png"
    expected = sum(f"{wanted}__1" in pair for pair in ids)
    for name in (wanted, f"{wanted}__1"):
        assert len(list(find(tmp_path / "out", manifest, name))) == expected >= 3
    assert list(find(tmp_path / "out", manifest, "bee 2/4.png")) == []
    with pytest.raises(UsageError, match=r"'dog/1\.png': is no path of an image below --src: the paths begin with Käf"):
        list(find(tmp_path / "out", manifest, "dog/1.png"))


def test_parents_are_read_without_an_index(tmp_path: Path) -> None:
    augment(SourceConfig(src=str(folders(tmp_path / "photos"))), tmp_path / "out", MixConfig())
    parents = find_parents(read_manifest(tmp_path / "out"))
    assert parents is not None
    ids = [base for base, _ in ids_of(tmp_path / "out")]
    examples = parents.load(ids)
    assert (examples.inputs == IMAGES[[number_of(base) for base in ids]]).all()
    assert examples.ids == ids
