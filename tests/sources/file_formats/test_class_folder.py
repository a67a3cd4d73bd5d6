"""Class folders: which files below one are its images, links that lead back, what is refused, and its stamp."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment, read_examples
from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.tf_example import parse
from mixup_pipeline.sources.file_formats import readable
from mixup_pipeline.sources.file_formats.class_folder import FORMAT, folder_content, holds_an_image
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.spec import ExampleSpec
from tests.datasets import jpeg, png, random_images

IMAGES = random_images(4, (8, 8, 1))
SPEC = ExampleSpec(input_key="image", label_key="label", encoding="encoded", shape=(None,) * 3, num_classes=2)
RIFF = b"RIFF\x24\0\0\0"

FILES: list[tuple[str, bytes, bool]] = [
    ("a.png", png(IMAGES[0]), True),
    ("B.JPEG", jpeg(IMAGES[1]), True),
    ("no image.gif", b"no image at all", True),  # by its name; its record is bad
    ("empty.tif", b"", True),
    ("without", png(IMAGES[2]), True),
    ("wrong.txt", jpeg(IMAGES[3]), True),
    ("Käfer 水", jpeg(IMAGES[3]), True),
    ("still", RIFF + b"WEBPVP8 ", True),
    ("sound", RIFF + b"WAVEfmt ", False),
    ("notes.txt", b"some words", False),
    ("nothing", b"", False),
    ("png", b"words", False),
    (".hidden.png", png(IMAGES[0]), False),
    ("._a.png", png(IMAGES[0]), False),
]
"""A name, what the file holds, and whether it is an image."""


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("seed", range(4))
def test_the_images_below_a_folder_are_found_at_any_depth(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    below = ["", "more/", "more/deep er/", "水/", ".hidden/", "more/.git/", "empty/"]
    expected: dict[bool, list[str]] = {True: [], False: []}
    for name, data, is_image in FILES:
        for folder in rng.choice(below[:-1], 3, replace=False):
            write(tmp_path / folder / name, data)
            if "/." not in f"/{folder}":
                expected[is_image].append(folder + name)
    (tmp_path / "empty").mkdir()
    content = folder_content(tmp_path)
    assert (list(content.images), list(content.others)) == (sorted(expected[True]), sorted(expected[False]))
    assert holds_an_image(tmp_path)


@pytest.mark.parametrize(("name", "data", "is_image"), FILES, ids=[name for name, _, _ in FILES])
def test_one_file_alone(tmp_path: Path, name: str, data: bytes, is_image: bool) -> None:
    write(tmp_path / "below" / name, data)
    assert holds_an_image(tmp_path) is is_image


# Links


@pytest.mark.parametrize(
    ("links", "more"),
    [
        ([("cat/self", "cat")], []),
        ([("cat/up", ".")], []),
        ([("cat/in/up", "cat")], []),
        ([("cat/in/other", "dog")], ["in/other/d.png"]),
        ([("cat/twice", "cat/in")], ["twice/i.png"]),
        ([("cat/file.png", "dog/d.png")], ["file.png"]),
        ([("cat/in/other", "dog"), ("dog/back", "cat")], ["in/other/d.png"]),
        ([("cat/in/other", "dog"), ("dog/back", "cat/in")], ["in/other/d.png"]),
        ([("cat/x", "dog"), ("dog/y", "bee"), ("bee/z", "cat")], ["x/d.png", "x/y/b.png"]),
        ([("cat/in/l", "cat/on"), ("cat/on/m", "cat/in")], ["in/l/o.png", "on/m/i.png"]),
    ],
    ids=["self", "up", "up from below", "out", "twice", "file", "there and back", "and below", "round", "crossed"],
)
def test_links_are_followed_but_never_back(tmp_path: Path, links: list[tuple[str, str]], more: list[str]) -> None:
    """No image is found more than once on one way, so no loop makes a class larger than it is."""
    for name in ("cat/c.png", "cat/in/i.png", "cat/on/o.png", "dog/d.png", "bee/b.png"):
        write(tmp_path / name, png(IMAGES[0]))
    for link, target in links:
        (tmp_path / link).symlink_to(tmp_path / target)
    content = folder_content(tmp_path / "cat")
    assert content.images == tuple(sorted(["c.png", "in/i.png", "on/o.png", *more]))
    assert content.others == ()


def test_links_to_nothing_and_to_themselves(tmp_path: Path) -> None:
    """A link that is called as an image is a bad record; it is named, and not passed over."""
    write(tmp_path / "a.png", png(IMAGES[0]))
    for name, target in (("gone", "nowhere"), ("gone.png", "nowhere"), ("round", "round"), ("round.png", "round.png")):
        (tmp_path / name).symlink_to(target)
    content = folder_content(tmp_path)
    assert (content.images, content.others) == (("a.png", "gone.png", "round.png"), ("gone", "round"))


# What is refused


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "p/cat/a.png", png(IMAGES[0]))
    write(tmp_path / "p/dog/b.png", png(IMAGES[1]))
    locked, scan = tmp_path / "p/dog/locked", os.scandir
    locked.mkdir()

    def refused(path: Any = ".") -> Any:
        if os.fspath(path) == str(locked):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(SourceError, match=r"p/dog/locked: cannot be listed \(Permission denied\)$"):
        augment(SourceConfig(src=str(tmp_path / "p")), tmp_path / "out", MixConfig())


def named_in_latin(folder: Path, name: bytes) -> Path:
    """A path that is no UTF-8."""
    path = folder / os.fsdecode(name)
    try:
        path.mkdir()
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    return path


def test_a_name_that_no_id_can_hold_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "cat/a.png", png(IMAGES[0]))
    write(named_in_latin(tmp_path / "cat", b"K\xe4fer") / "b.png", png(IMAGES[1]))
    file = SourceFile(position=0, name="cat", path=str(tmp_path / "cat"), format="class-folder")
    with pytest.raises(SourceError, match=r"cat/'K\\udce4fer/b.png': the name is not UTF-8, so that no id can hold it"):
        FORMAT.convert(file, SPEC, tmp_path / "listing")


def test_the_path_of_the_source_need_not_be_utf8(tmp_path: Path) -> None:
    root = named_in_latin(tmp_path, b"K\xe4fer")
    for number in range(4):
        write(root / "ab"[number % 2] / f"{number}.png", png(IMAGES[number]))
    augment(SourceConfig(src=str(root)), tmp_path / "out", MixConfig())
    bases = {mixed["mixup/base_id"] for mixed in read_examples(tmp_path / "out")}
    assert bases == {"a/0.png__0", "a/2.png__1", "b/1.png__0", "b/3.png__1"}


# Conversion and stamp


def test_it_becomes_a_listing(tmp_path: Path) -> None:
    names = ("0.png", "Käfer 水/1.png", "new\nline\u2028.png")
    for number, name in enumerate(names):
        write(tmp_path / "Zoë's cat" / name, png(IMAGES[number]))
    write(tmp_path / "Zoë's cat" / "notes.txt", b"no image")
    file = SourceFile(position=0, name="cat", path=str(tmp_path / "Zoë's cat"), format="class-folder")
    assert FORMAT.needs_conversion(tmp_path / "Zoë's cat")
    FORMAT.convert(file, SPEC, tmp_path / "listing")
    converted = SourceFile(position=0, name="cat", path=str(tmp_path / "listing"), format=FORMAT.converted_to)
    found = [parse(payload) for _, payload, _, _ in readable(converted).records(tmp_path / "listing", "cat")]
    assert [features["image"].bytes_list.value[0] for features in found] == [png(image) for image in IMAGES[:3]]
    assert {features["label"].bytes_list.value[0].decode() for features in found} == {"Zoë's cat"}


def as_it_was(folder: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "is_noticed"),
    [
        (as_it_was, False),
        (lambda folder: write(folder / "notes.txt", b"no image"), False),
        (lambda folder: (folder / "more").mkdir(), False),
        (lambda folder: write(folder / "b.png", png(IMAGES[1])), True),
        (lambda folder: write(folder / "more/b.png", png(IMAGES[1])), True),
        (lambda folder: (folder / "a.png").unlink(), True),
        (lambda folder: (folder / "a.png").rename(folder / "c.png"), True),
        (lambda folder: write(folder / "a.png", png(IMAGES[2])), True),
        (lambda folder: (folder / "b.png").symlink_to("nowhere"), True),
    ],
    ids=["nothing", "text", "folder", "image", "image below", "removed", "renamed", "other", "link"],
)
def test_the_stamp_is_that_of_the_images(tmp_path: Path, change: Callable[[Path], Any], is_noticed: bool) -> None:
    folder = tmp_path / "cat"
    write(folder / "a.png", png(IMAGES[0]))
    write(folder / "old/a.png", png(IMAGES[0]))
    before = FORMAT.stamp(folder)
    change(folder)
    assert (FORMAT.stamp(folder) != before) is is_noticed
