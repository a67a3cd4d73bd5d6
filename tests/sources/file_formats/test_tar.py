"""Samples in a tar, what they lack, and tars that are damaged."""

import contextlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.errors import MixupError, RecordError, SourceError
from mixup_pipeline.sources.file_formats import format_of
from mixup_pipeline.sources.file_formats.tar import samples
from tests.damage import cut, flip
from tests.datasets import png
from tests.reference import read_output
from tests.sources.records_of import records_of
from tests.sources.tars import COUNT, IMAGES, Member, members, opened, with_json, write_tar


@pytest.mark.parametrize(
    ("name", "key", "parts"),
    [
        ("a/b/000.jpg", "a/b/000", ["jpg"]),
        ("000.seg.png", "000", ["seg.png"]),
        ("./a.b/000.JPG", "./a.b/000", ["jpg"]),
        ("ü 1.cls", "ü 1", ["cls"]),
        ("README", None, []),
        ("a/.hidden", None, []),
        ("a/._000.jpg", None, []),
        ("n" * 150 + ".jpg", "n" * 150, ["jpg"]),
    ],
)
def test_the_key_of_a_name(tmp_path: Path, name: str, key: str | None, parts: list[str]) -> None:
    found = [*samples(write_tar(tmp_path / "a.tar", [(name, b"1")]), "a.tar")]
    assert [(sample.key, [*sample.parts]) for sample in found] == ([(key, parts)] if key else [])


def test_what_is_no_regular_file_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("a.jpg", tarfile.SYMTYPE), ("b.jpg", tarfile.FIFOTYPE), ("c.jpg", tarfile.DIRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("d.jpg")
        info.size = 2
        archive.addfile(info, io.BytesIO(b"ok"))
    assert [(sample.key, sample.parts) for sample in samples(path, "a.tar")] == [("d", {"jpg": b"ok"})]


def test_the_same_key_again_is_another_sample(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [("a.jpg", b"1"), ("b.jpg", b"2"), ("a.cls", b"3")])
    assert [sample.key for sample in samples(path, "a.tar")] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([("x.cls", b"1")], "has no image: it has cls"),
        ([("x.png", b"1")], "has no cls: it has png"),
        ([("x.png", b"1"), ("x.cls", b" \n")], "its cls is empty"),
        ([("x.png", b"1"), ("x.cls", b"one")], "its cls 'one' is no integer"),
        ([("x.png", b"1"), ("x.cls", b"\xff")], "its cls is no UTF-8 text"),
        ([("x.png", b"1"), ("x.jpg", b"1"), ("x.cls", b"1")], r"has 2 images \(jpg, png\): it has cls, jpg, png"),
        ([("x.png", b"1"), ("x.png", b"1"), ("x.cls", b"1")], "has two parts png"),
    ],
)
def test_a_sample_that_lacks_something_is_named(tmp_path: Path, parts: list[Member], said: str) -> None:
    path = write_tar(tmp_path / "a.tar", [*members(range(5)), *parts, *members(range(5, COUNT))])
    asked = SourceConfig(src=str(path), num_classes=3)
    with pytest.raises(RecordError, match=rf"^a\.tar: row 5: sample 'x': {said}"):
        augment(asked, tmp_path / "out")
    augment(asked, tmp_path / "skipped", MixConfig(on_bad_record="skip"))
    assert len(read_output(tmp_path / "skipped")) == COUNT


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "its json is damaged (Expecting property name"),
        (b"[1]", "its json is no object with fields"),
        (b"[" * 100_000, "its json is damaged (maximum recursion depth"),
        (b'{"other": 1}', "has no label: it has json, json field other, png"),
        (b'{"label": null}', "has no label: it has json, json field label, png"),
        (b'{"label": {}}', "its label {} is no integer"),
        (b'{"label": ""}', "its label is empty"),
        (b'{"label": 1e999}', "its label inf is no integer"),
        (b'{"label": 36893488147419103232}', "its label 36893488147419103232 is an integer of more than 64 bits"),
    ],
)
def test_faults_of_json(tmp_path: Path, content: bytes, said: str) -> None:
    parts = [*with_json(lambda n: {"label": n % 3})[:4], ("x.png", png(IMAGES[0])), ("x.json", content)]
    [*_, last] = records_of(opened(write_tar(tmp_path / "a.tar", parts), num_classes=3))
    [fault] = last["mixup/fault"]
    assert fault.decode().startswith(f"sample 'x': {said}")


def test_a_part_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mixup_pipeline.sources.file_formats.tar.MAX_RECORD_BYTES", 1 << 20)
    parts = [*members(range(2)), ("x.cls", b"0"), ("x.png", bytes((1 << 20) + 1))]
    [*_, last] = records_of(opened(write_tar(tmp_path / "a.tar", parts), num_classes=3))
    assert last == {"mixup/fault": [b"sample 'x': its png holds 1,048,577 bytes: allowed are 1 MiB"]}


def read_all(path: Path) -> None:
    source = opened(path, num_classes=3)
    format_of(source.files[0]).convert(source.files[0], source.spec, path.parent / "converted")


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
@pytest.mark.parametrize("size", [0, 100, 511, 512, 1024, 1600, 4096, -1])
def test_a_tar_that_is_cut_is_one_line(tmp_path: Path, name: str, size: int) -> None:
    path = write_tar(tmp_path / name, members(), "w:gz" if name.endswith("gz") else "w")
    read_all(path)
    last = 1024 * 2 * COUNT + 511 if name == "a.tar" else path.stat().st_size - 1
    cut(path, min(size, last) if size >= 0 else last)
    with pytest.raises(SourceError, match=rf"^{name}: is no whole tar file \(.+\): write or copy it again$"):
        read_all(path)


@pytest.mark.parametrize("member", range(2 * COUNT))
def test_a_damaged_header_is_one_line(tmp_path: Path, member: int) -> None:
    """`tarfile` alone would leave out the rest."""
    path = write_tar(tmp_path / "a.tar", members())
    flip(path, 1024 * member + 3)
    with pytest.raises(SourceError, match=r"^a\.tar: is no whole tar file \((bad checksum|invalid header)\)"):
        read_all(path)


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 100, png(IMAGES[0])])
def test_what_is_no_tar_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(SourceError, match=r"^a\.tar: is no whole tar file"):
        read_all(tmp_path / "a.tar")


@pytest.mark.parametrize("seed", range(60))
def test_any_damage_is_one_line_or_harmless(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    path = write_tar(tmp_path / "a.tar", members(range(4)), "w:gz" if seed % 2 else "w")
    for position in rng.integers(0, path.stat().st_size, 2):
        flip(path, int(position), int(rng.integers(1, 256)))
    with contextlib.suppress(MixupError):
        read_all(path)
