"""Object paths behave as paths: each method beside pathlib's on the same tree."""

import pickle
from pathlib import Path

import pytest

from mixup_pipeline.errors import UsageError
from mixup_pipeline.storage.atomic import sizes
from mixup_pipeline.storage.matching import matching
from mixup_pipeline.storage.places import ObjectPath, Place, lies_in, place

FILES = ["a.txt", "b.txt", "train-0.tfrecord", "train-1.tfrecord", "sub/a.txt", "sub/deeper/b.txt", "sub[1]/c?.txt"]
PATTERNS = ["*", "*.txt", "?.txt", "train-[0-9].tfrecord", "train-[!0].tfrecord", "*/*.txt", "**/*.txt", "sub/*", "no*"]


@pytest.fixture
def trees(folder: ObjectPath, tmp_path: Path) -> tuple[ObjectPath, Path]:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
        (folder / name).write_bytes(name.encode())
    return folder, tmp_path


def below(path: Place, root: Place) -> str:
    return str(path)[len(str(root)) + 1 :]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_glob(trees: tuple[ObjectPath, Path], pattern: str) -> None:
    stored, local = trees
    expected = {below(path, local) for path in local.glob(pattern) if path.is_file()}
    assert {below(path, stored) for path in stored.glob(pattern)} == expected
    assert {below(path, stored) for path in matching(stored / pattern)} == expected
    assert {below(path, local) for path in matching(local / pattern)} == expected


def test_a_name_that_looks_like_a_pattern(trees: tuple[ObjectPath, Path]) -> None:
    for tree in trees:
        assert [below(path, tree) for path in matching(tree / "sub[[]1]/c[?].txt")] == ["sub[1]/c?.txt"]
        assert [below(path, tree) for path in matching(tree / "a.txt")] == ["a.txt"]
        assert matching(tree / "missing.txt") == []


@pytest.mark.parametrize("name", ["", "a.txt", "sub", "sub/a.txt", "sub/deeper", "missing", "sub/missing", "a.txt/x"])
def test_what_is_there(trees: tuple[ObjectPath, Path], name: str) -> None:
    stored, local = (tree / name if name else tree for tree in trees)
    assert (stored.exists(), stored.is_file(), stored.is_dir()) == (local.exists(), local.is_file(), local.is_dir())
    assert (stored.name, stored.suffix) == (local.name, local.suffix) or not name
    if local.is_dir():
        assert {path.name for path in stored.iterdir()} == {path.name for path in local.iterdir()}
        assert sizes(stored) == sizes(local)
    if local.is_file():
        assert stored.read_text() == local.read_text()
        assert stored.stat().st_size == local.stat().st_size


def test_removing_a_tree(trees: tuple[ObjectPath, Path]) -> None:
    stored = trees[0]
    (stored / "sub").remove_tree()
    assert {path.name for path in stored.iterdir()} == {Path(name).parts[0] for name in FILES} - {"sub"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/a/b", "s3://bucket/a/b"),
        ("S3://bucket//a///b/", "s3://bucket/a/b"),
        ("s3://bucket", "s3://bucket/"),
        ("s3://bucket/", "s3://bucket/"),
        ("s3://bucket/a b/ü", "s3://bucket/a b/ü"),
    ],
)
def test_urls(url: str, shown: str) -> None:
    path = ObjectPath.of(url)
    assert str(path) == shown
    assert place(shown) == path
    assert pickle.loads(pickle.dumps(path)) == path


@pytest.mark.parametrize("url", ["s3://", "s3:///a"])
def test_a_url_without_a_bucket_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=rf"^{url}: names no bucket: write s3://BUCKET/PATH$"):
        place(url)


@pytest.mark.parametrize("url", ["s3:/bucket/a", "gs:bucket/a", "GS:/bucket"])
def test_a_url_with_too_few_slashes_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=rf"^{url}: is not the URL of a store: write {url[:2].lower()}://BUCKET/PATH"):
        place(url)


def test_places_by_their_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/people/me")
    assert place("~/data") == Path("/people/me/data")
    assert place(Path("a")) == Path("a")
    assert isinstance(place("s3://bucket/a"), ObjectPath)
    assert place("a:b") == Path("a:b")


@pytest.mark.parametrize(
    ("inner", "outer", "inside"),
    [
        ("s3://bucket/a/b", "s3://bucket/a", True),
        ("s3://bucket/a", "s3://bucket/a", True),
        ("s3://bucket/ab", "s3://bucket/a", False),
        ("s3://bucket/a", "s3://bucket/", True),
        ("s3://other/a", "s3://bucket/a", False),
        ("/data/a", "s3://bucket/a", False),
        ("s3://bucket/a", "/", False),
        ("/data/a/../a/b", "/data/a", True),
        ("/data/ab", "/data/a", False),
    ],
)
def test_lying_in_another_place(inner: str, outer: str, inside: bool) -> None:
    assert lies_in(place(inner), place(outer)) is inside


def test_names_are_put_together_and_taken_apart() -> None:
    path = ObjectPath.of("s3://bucket/a") / "b" / "c.json"
    assert str(path) == "s3://bucket/a/b/c.json"
    assert str(path.parent) == "s3://bucket/a/b"
    assert (path.name, path.suffix) == ("c.json", ".json")
    assert str(path.with_suffix(".npy")) == "s3://bucket/a/b/c.npy"
    assert str(ObjectPath.of("s3://bucket").joinpath("x", "y")) == "s3://bucket/x/y"
    assert sorted([path, path.parent]) == [path.parent, path]
