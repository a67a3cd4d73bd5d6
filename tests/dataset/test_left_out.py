"""The list of bad records: its text, the reasons in it, and damage to it."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.dataset.left_out import LeftOutSummary, left_out_summary, reason_of, skipped_text
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.dataset.quick_check import quick_check
from mixup_pipeline.sources.scan import LeftOut
from mixup_pipeline.sources.source import SourceFile
from tests.datasets import example, png, random_images, write_records
from tests.helpers import brief


def named(name: str, file_format: str = "tfrecord") -> SourceFile:
    return SourceFile(position=0, name=name, path="", format=file_format)


BAD = [
    (named("a, b.tfrecord"), LeftOut(record=3, offset=470, reason="label 17 is out of range: allowed are 0 to 3")),
    (named("größe.tfrecord"), LeftOut(record=0, offset=12, reason="label 4 is out of range: allowed are 0 to 3")),
    (named("größe.tfrecord"), LeftOut(record=9, offset=99, reason='feature "x\ny" is missing')),
]


def test_the_list_has_a_line_for_each_record() -> None:
    rows = list(csv.reader(io.StringIO(skipped_text(BAD))))
    assert rows[0] == ["file", "record", "offset", "reason"]
    assert rows[1][:3] == ["a, b.tfrecord", "3", "470"]
    assert rows[3] == ["größe.tfrecord", "9", "99", 'feature "x\\ny" is missing']
    assert len(skipped_text(BAD).splitlines()) == 4


@pytest.mark.parametrize("file_format", ["converted", "listing", "array-record"])
def test_an_offset_that_is_no_byte_of_the_source_is_left_empty(file_format: str) -> None:
    bad = LeftOut(record=3, offset=470, reason="label 17 is out of range", member="")
    (_, row) = csv.reader(io.StringIO(skipped_text([(named("a.csv", file_format), bad)])))
    assert row == ["a.csv", "3", "", "label 17 is out of range"]


def test_records_are_counted_by_reason() -> None:
    summary = left_out_summary(skipped_text(BAD))
    assert summary is not None
    assert summary.reasons == {"label N is out of range": 2, "feature is missing": 1}
    assert left_out_summary(skipped_text([])) is None


def test_reasons_beyond_the_hundredth_are_counted_together() -> None:
    words = [(named("a"), LeftOut(record=n, offset=n, reason="x" * (n + 1))) for n in range(150)]
    summary = left_out_summary(skipped_text([*words, words[0]]))
    assert summary is not None
    assert len(summary.reasons) == 101
    assert summary.reasons["other reasons"] == 50
    assert sum(summary.reasons.values()) == 151


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("the image is none of JPEG and PNG (it starts with 3c 68)", "the image is none of JPEG and PNG"),
        ("the PNG image ends after 12 bytes", "the PNG image ends after N bytes"),
        ("feature 'image' holds 1,234 bytes, but 4x6x3 needs 72", "feature holds N bytes, but N needs N"),
        ("7", "N"),
        ("(all of it)", "(all of it)"),
    ],
)
def test_a_reason_is_a_message_without_what_only_one_record_has(message: str, reason: str) -> None:
    assert reason_of(message) == reason


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("left_out")
    images = [png(image) for image in random_images(6, (4, 4, 1))]
    records = [example({"image": image, "label": 9 if number == 2 else 1}) for number, image in enumerate(images)]
    source = SourceConfig(src=str(write_records(folder / "data.tfrecord", records)), num_classes=2)
    augment(source, folder / "out", MixConfig(on_bad_record="skip"))
    return folder / "out"


@pytest.fixture
def made(made_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once, tmp_path / "out"))


def test_a_run_lists_what_it_left_out(made: Path) -> None:
    manifest = read_manifest(made)
    assert quick_check(made, manifest) == []
    assert manifest.source.left_out == left_out_summary((made / "skipped.csv").read_text())
    (_, row) = csv.reader((made / "skipped.csv").read_text().splitlines())
    assert row[:2] == ["data.tfrecord", "2"]


@pytest.mark.parametrize("damage", ["gone", "a line more", "another reason", "not text"])
def test_damage_to_the_list_is_told(made: Path, damage: str) -> None:
    path = made / "skipped.csv"
    text = path.read_text()
    if damage == "gone":
        path.unlink()
    elif damage == "not text":
        path.write_bytes(b"\xff\xfe\xfa")
    else:
        path.write_text(text + "a,1,2,label N is out of range\n" if damage == "a line more" else text[:-2] + "?\n")
    (fault,) = quick_check(made, read_manifest(made))
    assert fault.startswith("skipped.csv: ")


def test_a_list_that_is_cut_anywhere_is_told(made: Path) -> None:
    path = made / "skipped.csv"
    text = path.read_text()
    for size in range(len(text)):
        path.write_text(text[:size])
        (fault,) = quick_check(made, read_manifest(made))
        assert fault.startswith("skipped.csv: ")


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("\n"),
        pytest.param("a\n"),
        pytest.param("a\rb,1,2,x\n"),
        pytest.param('"a'),
        pytest.param(f"a,1,2,{'x' * 200_000}\n"),
        "a,1,2,\0\n",
    ],
    ids=brief,
)
def test_lines_of_another_form_are_told(made: Path, more: str) -> None:
    path = made / "skipped.csv"
    path.write_text(path.read_text() + more, newline="")
    (fault,) = quick_check(made, read_manifest(made))
    assert fault.startswith("skipped.csv: ")


@pytest.mark.parametrize("name", [pytest.param("a\rb"), "a\nb", "a\r\nb", 'a"b', "a,b", "\u2028", "größe 𝔘", ""])
def test_any_name_of_a_file_is_listed(name: str) -> None:
    bad = LeftOut(record=3, offset=470, reason="label 17 is out of range: allowed are 0 to 3")
    summary = left_out_summary(skipped_text([(named(name), bad), (named("plain"), bad)]))
    assert summary is not None
    assert summary.reasons == {"label N is out of range": 2}


def test_a_list_that_nobody_asked_for_is_foreign(made: Path) -> None:
    fields = json.loads((made / "manifest.json").read_text())
    assert LeftOutSummary(**fields["source"]["left_out"]).reasons == {"label N is out of range": 1}
    clean = made.parent / "clean"
    augment("mnist_sample", clean, MixConfig(limit=10))
    (clean / "skipped.csv").write_text("file,record,offset,reason\n")
    assert quick_check(clean, read_manifest(clean)) == ["skipped.csv: does not belong to the dataset"]


def test_replacing_a_run_takes_its_list_away(made: Path) -> None:
    augment("mnist_sample", made, MixConfig(limit=10), overwrite=True)
    assert not (made / "skipped.csv").exists()
    assert quick_check(made, read_manifest(made)) == []
