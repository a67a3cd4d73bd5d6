"""Labels that are texts: their classes are all texts that occur, in one order, whatever the files are."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixup_pipeline import MixConfig, SourceConfig, augment, read_examples
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.errors import RecordError, SourceError, UsageError
from mixup_pipeline.records.tf_example import serialize
from mixup_pipeline.sources import open_source, text_counts
from mixup_pipeline.sources.file_formats.converted import fault_payload, write_converted
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.sources.text_classes import text_classes
from tests.damage import flip
from tests.datasets import png, random_images, write_records

PICTURE = png(random_images(1, (4, 4, 1))[0])


def labelled(text: bytes) -> bytes:
    return serialize({"image": PICTURE, "label": text})


def file_of(path: Path, payloads: list[bytes], position: int = 0) -> SourceFile:
    return SourceFile(position=position, name=path.name, path=str(write_records(path, payloads)))


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), max_size=6), max_size=3))
def test_all_texts_of_all_files_once_and_sorted(
    tmp_path_factory: pytest.TempPathFactory, texts: list[list[str]]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "texts"
    payloads = [[labelled(text.encode()) for text in part] for part in texts]
    files = [file_of(folder / f"part-{number}", part, number) for number, part in enumerate(payloads)]
    expected = sorted({text for part in texts for text in part})
    if expected:
        assert list(text_classes(files, "label")) == expected
    else:
        with pytest.raises(SourceError, match=r"^(part-0)?: label 'label': no record holds a text$"):
            text_classes(files, "label")


def test_files_may_be_compressed_or_converted(tmp_path: Path) -> None:
    packed = file_of(tmp_path / "a.gz", [labelled(b"cat"), labelled(b"ant")])
    Path(packed.path).write_bytes(gzip.compress(Path(packed.path).read_bytes()))
    write_converted(tmp_path / "b", [labelled(b"bee"), fault_payload("row 1: it is bad")])
    rows = SourceFile(position=1, name="b", path=str(tmp_path / "b"), format="converted")
    assert text_classes([packed, rows], "label") == ("ant", "bee", "cat")


@pytest.mark.parametrize(
    "other",
    [serialize({}), serialize({"label": [3]}), serialize({"name": b"dog"}), b"\xff no message", labelled(b"K\xe4fer")],
    ids=["empty", "integer", "another key", "no message", "no UTF-8"],
)
def test_what_holds_no_text_adds_no_class(tmp_path: Path, other: bytes) -> None:
    assert text_classes([file_of(tmp_path / "a", [labelled(b"ant"), other])], "label") == ("ant",)


def test_a_damaged_record_adds_no_class(tmp_path: Path) -> None:
    file = file_of(tmp_path / "a", [labelled(b"ant"), labelled(b"bee")])
    flip(Path(file.path), -10)
    assert text_classes([file], "label") == ("ant",)


def test_too_many_texts_are_no_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_counts, "MOST_TEXTS", 3)
    payloads = [labelled(f"{number}".encode()) for number in range(4)]
    assert len(text_classes([file_of(tmp_path / "a", payloads[:3] * 2)], "label")) == 3
    said = "label 'label' holds more than 3 different texts, so it seems to be no class: choose another --label-key"
    with pytest.raises(UsageError, match=f"^{said}$"):
        text_classes([file_of(tmp_path / "b", payloads)], "label")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = SourceFile(position=0, name="a", path=str(tmp_path / "a"))
    with pytest.raises(SourceError, match=r"/a: cannot be read \(No such file or directory\)$"):
        text_classes([file], "label")


# From a source to the shards


def source(folder: Path, texts: list[bytes], **options: Any) -> SourceConfig:
    path = write_records(folder / "a.tfrecord", [labelled(text) for text in texts])
    return SourceConfig(src=str(path), **options)


def test_names_that_are_given_are_the_classes_in_their_order(tmp_path: Path) -> None:
    config = source(tmp_path, [b"cat", b"ant"], class_names="cat, dog, ant")
    spec = open_source(config).spec
    assert (spec.class_texts, spec.num_classes) == (("cat", "dog", "ant"), 3)
    with pytest.raises(RecordError, match=r"record 1 at byte \d+: label 'ant' is none of the classes \(cat, dog\)"):
        augment(source(tmp_path, [b"cat", b"ant"], class_names="cat,dog"), tmp_path / "out", MixConfig())


def test_a_text_that_is_not_utf8_is_a_bad_record_and_no_class(tmp_path: Path) -> None:
    config = source(tmp_path, [b"ant", b"K\xe4fer", b"bee", b"ant", b"K\xe4fer"])
    with pytest.raises(RecordError, match=r"record 1 at .*: label 'K\ufffdfer' is none of the classes \(ant, bee\): "):
        augment(config, tmp_path / "out", MixConfig())
    augment(config, tmp_path / "out", MixConfig(on_bad_record="skip"))
    manifest = read_manifest(tmp_path / "out")
    assert (manifest.totals.mixed, manifest.class_names) == (3, ("ant", "bee"))
    assert {len(mixed["label"]) for mixed in read_examples(tmp_path / "out")} == {2}
