"""Bad input of mixup-augment: one line that says what is wrong and what to do, the right exit code, nothing lost."""

import fcntl
import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mixup_pipeline.errors import UsageError
from mixup_pipeline.records.framing import header
from tests.cli.inprocess import contents, error_of, run_augment, run_verify, succeed
from tests.damage import HEADER_BYTES, cut, edit_json, flip, record_starts, replace_record
from tests.datasets import (
    Dataset,
    example,
    image_feature,
    jpeg,
    label_feature,
    png,
    random_images,
    write_prepared,
    write_records,
    write_tfds,
)

pytestmark = pytest.mark.slow

IMAGES = random_images(12, (6, 5, 1))


def asked(src: str | Path, out: str | Path, *options: str) -> list[str | Path]:
    return ["--src", src, "--out", out, *options]


def check_refused(folder: Path, args: list[str | Path], code: int, said: tuple[str, ...]) -> None:
    """The command fails with this code and line; no file below the folder is changed, and no dataset is made."""
    before = contents(folder)
    line = error_of(run_augment(*args), code)
    for part in said:
        assert part in line
    after = contents(folder)
    assert {name: after.get(name) for name in before} == before
    assert not [name for name in set(after) - set(before) if "/.work/" not in f"/{name}"]


# Options

WRONG_OPTIONS: list[tuple[list[str], tuple[str, ...]]] = [
    *((["--alpha", value], ("alpha", "0.001 to 1,000", f"got {float(value)}")) for value in ("0", "-1", "1e9", "1e-4")),
    *((["--alpha", value], ("alpha", "0.001 to 1,000", f"got {value}")) for value in ("nan", "inf", "-inf")),
    (["--alpha", "little"], ("--alpha", "'little' is not a valid float")),
    *((["--prob", value], ("prob", "0 to 1", f"got {value}")) for value in ("2.0", "-0.1", "nan")),
    (["--engine", "none", "--dry-run"], ("engine must be one of local, prism", "got 'none'")),
    (["--copies", "0"], ("copies", "1 to 10,000", "got 0")),
    (["--copies", "10001"], ("copies", "1 to 10,000", "got 10001")),
    (["--copies", "1.5"], ("--copies", "'1.5' is not a valid integer")),
    (["--num-shards", "0"], ("num-shards", "1 to 1,000,000", "got 0")),
    (["--num-shards", "1000001"], ("num-shards", "1 to 1,000,000", "got 1000001")),
    (["--limit", "0"], ("limit", "1 to 2,147,483,647", "got 0")),
    (["--limit", "-5"], ("limit", "1 to 2,147,483,647", "got -5")),
    (["--seed", "-1"], ("seed", "0 to 9,223,372,036,854,775,807", "got -1")),
    (["--seed", str(2**63)], ("seed", "0 to 9,223,372,036,854,775,807", f"got {2**63}")),
    (["--num-classes", "0"], ("num-classes", "from 1", "got 0")),
    (["--pairing", "same"], ("--pairing", "'same'", "'any', 'within-class', 'cross-class'")),
    (["--image-format", "bmp"], ("--image-format", "'bmp'", "'raw', 'png'")),
    (["--label-format", "sparse"], ("--label-format", "'sparse'", "'auto', 'dense', 'compact'")),
    (["--on-bad-record", "mend"], ("--on-bad-record", "'mend'", "'fail', 'skip'")),
    (["--within-class", "--pairing", "cross-class"], ("--within-class and --pairing cross-class contradict",)),
    (["--alhpa", "0.2"], ("No such option", "--alhpa", "--alpha")),
    (["--streaming"], ("No such option", "--streaming")),
    (["--split", "valid"], ("split 'valid' is for evaluation", "--allow-eval-split")),
    (["--split", "train[:50%"], ("split", "a slice such as", "train[:50%")),
    (["--split", "extra"], ("split 'extra'", "shapes has train")),
    (["--image-key", "picture"], ("image-key", "no feature 'picture'", "it has image (")),
    (["--label-key", "digit"], ("label-key", "no feature 'digit'", "it has image (")),
    (["--label-key", "image"], ("--label-key image", "cannot be a label")),
    (["--schema", "tfds_image"], ("schema is for TFRecord files", "shapes")),
    (["more"], ("'more'", "before '--'")),
    (["--", "--bogus=1"], ("Beam does not know '--bogus=1'", "before '--'")),
    (["--", "--alpha", "0.3"], ("Beam does not know '--alpha'", "before '--'")),
    (["--", "--runer=DirectRunner"], ("Beam does not know '--runer=DirectRunner'", "did you mean --runner?")),
    (["--", "--direct_num_workers=many"], ("direct_num_workers", "'many'")),
    (["--", "--direct_running_mode=telepathy"], ("direct_running_mode", "'telepathy'", "multi_processing")),
    (["--", "--runner=DaskRunner"], ("DaskRunner loses outputs", "use local, prism, flink, spark or dataflow")),
    (["--engine", "dask"], ("DaskRunner loses outputs", "use local, prism, flink, spark or dataflow")),
    (["--engine", "ray"], ("engine", "'ray'", "local, prism, flink, spark, dataflow")),
    (["--engine", "flink", "--", "--flink_master=host:8081"], ("host:8081 is a cluster", "--environment_config=")),
    (["--", "--runner=NoSuchRunner"], ("NoSuchRunner", "PrismRunner")),
]


@pytest.mark.parametrize(("options", "said"), WRONG_OPTIONS, ids=[" ".join(options) for options, _ in WRONG_OPTIONS])
def test_wrong_options(tmp_path: Path, dataset: Dataset, options: list[str], said: tuple[str, ...]) -> None:
    check_refused(tmp_path, asked(dataset.folder, tmp_path / "out", *options), 2, said)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("left_out", "said"), [("--src", "'--src'"), ("--out", "'--out'")])
def test_options_that_must_be_given(tmp_path: Path, dataset: Dataset, left_out: str, said: str) -> None:
    given = {"--src": str(dataset.folder), "--out": str(tmp_path / "out")}
    del given[left_out]
    check_refused(tmp_path, [part for option in given.items() for part in option], 2, ("Missing option", said))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--num-shards", "41"], ("num-shards", "1 to 40", "got 41")),
        (["--limit", "10", "--num-shards", "11"], ("num-shards", "1 to 10", "got 11")),
        (["--copies", "40"], ("copies", "1 to 39", "40 examples have no more different partners", "got 40")),
        (["--limit", "2", "--copies", "2"], ("copies", "1 to 1", "got 2")),
    ],
)
@pytest.mark.parametrize("dry", [False, True], ids=["run", "dry run"])
def test_options_that_the_number_of_examples_does_not_allow(
    tmp_path: Path, dataset: Dataset, options: list[str], said: tuple[str, ...], dry: bool
) -> None:
    args = asked(dataset.folder, tmp_path / "out", *options, *(["--dry-run"] if dry else []))
    check_refused(tmp_path, args, 2, said)


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ([0] * 21 + [1] * 10 + [2] * 9, ("class 0 holds 21 of 40", "at most half")),
        ([3] * 40, ("class 3 holds 40 of 40", "--pairing any or within-class")),
    ],
)
@pytest.mark.parametrize("dry", [False, True], ids=["run", "dry run"])
def test_cross_class_where_one_class_is_too_large(
    tmp_path: Path, classes: list[int], said: tuple[str, ...], dry: bool
) -> None:
    dataset = write_tfds(tmp_path / "data/shapes/1.0.0", labels=classes)
    args = asked(dataset.folder, tmp_path / "out", "--pairing", "cross-class")
    check_refused(tmp_path, [*args, *(["--dry-run"] if dry else [])], 2, ("cross-class", *said))


def test_a_class_of_exactly_half_is_not_too_large(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "data/shapes/1.0.0", labels=[0] * 20 + [1] * 11 + [2] * 9)
    succeed(run_augment(*asked(dataset.folder, tmp_path / "out", "--pairing", "cross-class")))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--within-class"], ("within-class needs integer labels", "--pairing any")),
        (["--pairing", "cross-class"], ("cross-class needs integer labels", "--pairing any")),
        (["--label-format", "compact"], ("compact needs integer labels", "use dense")),
        (["--num-classes", "5"], ("--num-classes 5", "'label'", "holds 2 values")),
    ],
)
def test_soft_labels_do_not_allow_everything(tmp_path: Path, options: list[str], said: tuple[str, ...]) -> None:
    payloads = [example({"image": png(image), "label": [0.25, 0.75]}) for image in IMAGES]
    path = write_records(tmp_path / "soft.tfrecord", payloads)
    check_refused(tmp_path, asked(path, tmp_path / "out", *options), 2, said)


# Sources that are not there or not described

SOURCES: list[tuple[list[str], int, tuple[str, ...]]] = [
    (["--src", "mnits"], 1, ("src mnits", "did you mean mnist?", "expected in", "--data-dir", "mnist_sample")),
    (["--src", "shapes:2.0.0"], 1, ("src shapes:2.0.0", "expected in", "--data-dir")),
    (["--src", "no/such/folder"], 1, ("src no/such/folder", "--data-dir")),
    (["--src", "./no/such/folder"], 2, ("src ./no/such/folder", "no such file or folder")),
    (["--src", "records/*.tfrecord"], 2, ("src records/*.tfrecord", "no file matches")),
    (["--src", "hdfs://host/train-*"], 2, ("hdfs://host/train-*", "use a local folder, gs:// or s3://")),
    (["--src", "."], 2, ("src .", "no TFDS dataset in this folder", "'./*.tfrecord*'")),
    (["--src", ""], 2, ("src must name",)),
    (["--src", "one.tfrecord"], 2, ("num-classes is needed", "one.tfrecord")),
    (["--src", "one.tfrecord", "--schema", "no.json"], 2, ("schema 'no.json'", "tfds_image, tfslim_imagenet")),
    (["--src", "one.tfrecord", "--schema", "one.tfrecord"], 2, (".json", ".pbtxt")),
    (["--src", "empty.tfrecord"], 1, ("no file holds a record", "source is empty")),
    (["--src", "empty.tfrecord", "--schema", "tfslim_imagenet"], 1, ("no usable record", "nothing to mix")),
    (["--src", "text.txt", "--num-classes", "4"], 2, ("text.txt: files of this kind are not read", ".parquet")),
]


@pytest.mark.parametrize(("options", "code", "said"), SOURCES, ids=[" ".join(options)[:50] for options, *_ in SOURCES])
def test_sources_that_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], code: int, said: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_records(Path("one.tfrecord"), [example({"image": png(IMAGES[0]), "label": 1})])
    write_records(Path("empty.tfrecord"), [])
    Path("text.txt").write_text("a table, not a TFRecord file")
    check_refused(tmp_path, [*options, "--out", "out"], code, said)


def test_a_source_whose_name_is_too_long_is_named(tmp_path: Path) -> None:
    result = run_augment(*asked("n" * 300, tmp_path / "out"))
    line = error_of(result, result.exit_code)
    assert line == f"Error: {'n' * 40}…: is too long a path: a name may have 255 bytes"


# Damaged and unfit records


def small_dataset(folder: Path, *, size: int | None = 6) -> Path:
    """A TFDS dataset of twelve images in two files; the second file."""
    features = {"image": image_feature((size, None, 1)), "label": label_feature(4)}
    payloads = [example({"image": png(image), "label": n % 4}) for n, image in enumerate(IMAGES)]
    write_prepared(folder, payloads, features, num_files=2)
    return folder / f"{folder.parent.name}-train.tfrecord-00001-of-00002"


def put(**features: Any) -> Callable[[Path], None]:
    """A record of the second file with these features instead."""
    return lambda path: replace_record(path, 3, example({"image": png(IMAGES[9]), "label": 1} | features))


def forge_length(path: Path) -> None:
    data, start = path.read_bytes(), record_starts(path)[3]
    path.write_bytes(data[:start] + header(2**50) + data[start + HEADER_BYTES :])


def claim_to_be_huge(data: bytes) -> bytes:
    return data.replace(struct.pack(">II", 5, 6), struct.pack(">II", 100_000, 100_000))


PAYLOAD, FRAME = "payload", "frame"
"""Where the byte offset that an error names points to."""

DAMAGES: dict[str, tuple[Callable[[Path], None], str | None, tuple[str, ...]]] = {
    "bit flip in an image": (lambda path: flip(path, record_starts(path)[3] + 60), PAYLOAD, ("CRC", "damaged")),
    "bit flip in a length": (lambda path: flip(path, record_starts(path)[3] + 2), FRAME, ("length", "CRC")),
    "length forged with its CRC": (forge_length, FRAME, ("claims 1,125,899,906,842,624 bytes", "truncated")),
    "cut inside a record": (lambda path: cut(path, record_starts(path)[3] + 50), FRAME, ("truncated",)),
    "cut inside a header": (lambda path: cut(path, record_starts(path)[3] + 5), FRAME, ("ends inside", "header")),
    "cut between records": (
        lambda path: cut(path, record_starts(path)[3]),
        None,
        ("holds 3 records", "declares 6", "incomplete"),
    ),
    "empty file": (lambda path: cut(path, 0), None, ("holds 0 records", "declares 6")),
    "no message": (lambda path: replace_record(path, 3, b"\xff"), PAYLOAD, ("not a tf.Example",)),
    "no image": (put(image=b"not an image"), PAYLOAD, ("none of JPEG, PNG, WebP, GIF, BMP and TIFF",)),
    "image cut": (put(image=png(IMAGES[9])[:50]), PAYLOAD, ("image is damaged",)),
    "photo cut": (put(image=jpeg(IMAGES[9])[:-30]), PAYLOAD, ("image is damaged",)),
    "image of 100000x100000": (put(image=claim_to_be_huge(png(IMAGES[9]))), PAYLOAD, ("100000x100000", "100 million")),
    "label out of range": (put(label=4), PAYLOAD, ("label 4", "0 to 3")),
    "label missing": (
        lambda path: replace_record(path, 3, example({"image": png(IMAGES[9])})),
        PAYLOAD,
        ("'label' is missing",),
    ),
    "label a float": (put(label=[0.5]), PAYLOAD, ("'label' is float_list", "int64_list")),
    "image of another height": (put(image=png(IMAGES[9][:4])), PAYLOAD, ("4x5x1", "6x?x1")),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_and_unfit_records_are_named(tmp_path: Path, kind: str) -> None:
    damage, place, said = DAMAGES[kind]
    path = small_dataset(tmp_path / "data/shapes/1.0.0")
    offset = record_starts(path)[3] + (HEADER_BYTES if place == PAYLOAD else 0)
    damage(path)
    where = (path.name,) if place is None else (f"{path.name}: record 3 at byte {offset}: ",)
    check_refused(tmp_path, asked(path.parent, tmp_path / "out"), 1, where + said)


SKIPPABLE = [kind for kind, (_, place, _) in DAMAGES.items() if place == PAYLOAD]


@pytest.mark.parametrize("kind", SKIPPABLE)
def test_bad_records_are_skipped_and_counted_where_that_is_asked_for(tmp_path: Path, kind: str) -> None:
    path, out = small_dataset(tmp_path / "data/shapes/1.0.0"), tmp_path / "out"
    DAMAGES[kind][0](path)
    printed = succeed(run_augment(*asked(path.parent, out, "--on-bad-record", "skip")))
    assert f"1 bad record left out: {out / 'skipped.csv'} lists them" in printed
    listed = (out / "skipped.csv").read_text().splitlines()
    assert len(listed) == 2
    assert listed[1].startswith(f'"{path.name}",3,')
    source = json.loads((out / "manifest.json").read_text())["source"]
    assert (source["examples"], source["skipped"]) == (11, 1)
    assert sum(source["left_out"]["reasons"].values()) == 1
    assert [(file["examples"], file["skipped"]) for file in source["files"]] == [(6, 0), (5, 1)]


@pytest.mark.parametrize("kind", sorted(set(DAMAGES) - set(SKIPPABLE)))
def test_damage_that_cannot_be_skipped_stops_all_the_same(tmp_path: Path, kind: str) -> None:
    path = small_dataset(tmp_path / "data/shapes/1.0.0")
    DAMAGES[kind][0](path)
    args = asked(path.parent, tmp_path / "out", "--on-bad-record", "skip")
    check_refused(tmp_path, args, 1, (path.name,))


@pytest.mark.parametrize("record", [0, 3])
def test_images_of_two_sizes_name_one_of_each(tmp_path: Path, record: int) -> None:
    path = small_dataset(tmp_path / "data/shapes/1.0.0", size=None)
    for number in range(record, 6):
        replace_record(path, number, example({"image": png(IMAGES[0][:4]), "label": 1}))
    first = path.name.replace("00001-of", "00000-of")
    said = (f"from 4x5 ({path.name} record {record}) to 6x5 ({first} record 0)", "add --image-size 32", "--resize crop")
    for policy in ("fail", "skip"):
        args = asked(path.parent, tmp_path / "out", "--on-bad-record", policy)
        check_refused(tmp_path, args, 1, said)


def test_all_records_bad_is_an_empty_source(tmp_path: Path) -> None:
    path = small_dataset(tmp_path / "data/shapes/1.0.0")
    for file in path.parent.glob("*.tfrecord-*"):
        for record in range(6):
            replace_record(file, record, b"\xff")
    args = asked(path.parent, tmp_path / "out", "--on-bad-record", "skip")
    check_refused(tmp_path, args, 1, ("shapes", "split 'train'", "no usable record"))


def test_a_damaged_compressed_source_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train.tfrecord.gz"
    path.write_bytes(b"\x1f\x8b\x08" + bytes(range(100)))
    check_refused(tmp_path, asked(path, tmp_path / "out", "--num-classes", "4"), 1, (path.name, "damaged"))


def test_a_source_whose_name_leads_elsewhere_writes_nothing_there(tmp_path: Path, dataset: Dataset) -> None:
    info = dataset.folder / "dataset_info.json"
    template = "shapes-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    edit_json(info, lambda content: content["splits"][0].update(filepathTemplate=template))
    edit_json(info, lambda content: content.update(name="../escaped"))
    check_refused(tmp_path, asked(dataset.folder, tmp_path / "out"), 1, ("../escaped",))


def test_the_line_of_an_error_does_not_talk_of_beam(tmp_path: Path) -> None:
    path = small_dataset(tmp_path / "data/shapes/1.0.0")
    flip(path, 60)
    line = error_of(run_augment(*asked(path.parent, tmp_path / "out")), 1)
    assert line.endswith("the file is damaged: --on-bad-record skip leaves such records out")


def test_nothing_else_is_printed_about_a_broken_image(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = small_dataset(tmp_path / "data/shapes/1.0.0")
    put(image=png(IMAGES[9])[:-20])(path)
    error_of(run_augment(*asked(path.parent, tmp_path / "out")), 1)
    assert capfd.readouterr().err == ""


# Output folders


def foreign_file(out: Path) -> None:
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")


def foreign_beside_a_run(out: Path) -> None:
    make_run(out)
    (out / "thesis.tex").write_text("years of work")


def foreign_folder(out: Path) -> None:
    (out / "photos").mkdir(parents=True)
    (out / "photos/1.jpg").write_bytes(b"a photo")


def foreign_features(out: Path) -> None:
    out.mkdir()
    (out / "features.json").write_text("the user's own schema")


def foreign_work_folder(out: Path) -> None:
    (out / ".work").mkdir(parents=True)
    (out / ".work/thesis.tex").write_text("years of work")


def foreign_manifest(out: Path) -> None:
    out.mkdir()
    (out / "manifest.json").write_text('{"name": "a web app", "icons": []}')


def foreign_manifest_of_version_one(out: Path) -> None:
    out.mkdir()
    (out / "manifest.json").write_text('{"format_version": 1, "name": "a browser extension"}')


def manifest_that_is_no_json(out: Path) -> None:
    out.mkdir()
    (out / "manifest.json").write_text("Manifest-Version: 1.0")


def make_run(out: Path) -> None:
    """Another run than the one that is asked for."""
    source = out.parent / "data/shapes/1.0.0"
    succeed(run_augment(*asked(source, out, "--seed", "99")))


def request_that_is_no_json(out: Path) -> None:
    (out / ".work").mkdir(parents=True)
    (out / ".work/request.json").write_text("To whom it may concern")


def work_that_is_a_file(out: Path) -> None:
    out.mkdir()
    (out / ".work").write_text("a file")


def file_in_its_place(out: Path) -> None:
    out.write_text("a file")


OUTPUT_FOLDERS: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "foreign file": (foreign_file, ("is not empty", "thesis.tex", "choose another --out")),
    "foreign file beside a run": (foreign_beside_a_run, ("is not empty", "thesis.tex")),
    "foreign folder": (foreign_folder, ("is not empty", "photos")),
    "foreign features.json": (foreign_features, ("features.json",)),
    "foreign .work": (foreign_work_folder, (".work",)),
    "foreign manifest": (foreign_manifest, ("manifest.json", "choose another --out")),
    "foreign manifest of version 1": (foreign_manifest_of_version_one, ("manifest.json", "choose another --out")),
    "manifest that is no JSON": (manifest_that_is_no_json, ("manifest.json", "choose another --out")),
    "request that is no JSON": (request_that_is_no_json, (".work",)),
    ".work that is a file": (work_that_is_a_file, ("is not empty", ".work")),
    "a file": (file_in_its_place, ("is a file", "choose a folder")),
}


@pytest.mark.parametrize("kind", OUTPUT_FOLDERS)
@pytest.mark.parametrize("overwrite", [False, True], ids=["keep", "overwrite"])
def test_what_is_not_ours_stays(tmp_path: Path, dataset: Dataset, kind: str, overwrite: bool) -> None:
    prepare, said = OUTPUT_FOLDERS[kind]
    prepare(tmp_path / "out")
    args = asked(dataset.folder, tmp_path / "out", *(["--overwrite"] if overwrite else []))
    check_refused(tmp_path, args, 1, (str(tmp_path / "out"), *said))


def test_another_run_is_refused_without_overwrite(tmp_path: Path, dataset: Dataset) -> None:
    make_run(tmp_path / "out")
    said = ("holds a finished run of another configuration", "--overwrite", "another --out")
    check_refused(tmp_path, asked(dataset.folder, tmp_path / "out"), 1, said)
    succeed(run_verify(tmp_path / "out"))


def test_an_unfinished_run_of_another_configuration_is_refused_without_overwrite(
    tmp_path: Path, dataset: Dataset
) -> None:
    make_run(tmp_path / "out")
    (tmp_path / "out/manifest.json").unlink()
    (tmp_path / "out/.work").mkdir()
    said = ("holds an unfinished run of another configuration", "--overwrite", "another --out")
    check_refused(tmp_path, asked(dataset.folder, tmp_path / "out"), 1, said)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--alpha", "0"], 2),
        (["--split", "test"], 2),
        (["--num-shards", "1000"], 2),
        (["--copies", "40"], 2),
        (["--", "--bogus"], 2),
        (["--", "--runner=NoSuchRunner"], 2),
    ],
    ids=str,
)
def test_a_wrong_option_does_not_cost_the_run_that_would_be_overwritten(
    tmp_path: Path, dataset: Dataset, options: list[str], code: int
) -> None:
    make_run(tmp_path / "out")
    check_refused(tmp_path, asked(dataset.folder, tmp_path / "out", "--overwrite", *options), code, ())


def test_a_damaged_source_does_not_cost_the_run_that_would_be_overwritten(tmp_path: Path, dataset: Dataset) -> None:
    make_run(tmp_path / "out")
    flip(dataset.files[1], 60)
    args = asked(dataset.folder, tmp_path / "out", "--overwrite")
    check_refused(tmp_path, args, 1, (dataset.files[1].name, "record 0"))


@pytest.mark.parametrize(
    "options",
    [["--seed", "99"], [], ["--overwrite"], ["--overwrite", "--copies", "40"]],
    ids=str,
)
def test_a_finished_run_is_left_without_a_work_folder(tmp_path: Path, dataset: Dataset, options: list[str]) -> None:
    make_run(tmp_path / "out")
    flip(dataset.files[1], 60)
    assert run_augment(*asked(dataset.folder, tmp_path / "out", *options)).exit_code != 0
    assert not (tmp_path / "out/.work").exists()
    succeed(run_verify(tmp_path / "out"))


def test_overwrite_leaves_nothing_of_the_other_run(tmp_path: Path, dataset: Dataset) -> None:
    make_run(tmp_path / "out")
    succeed(run_augment(*asked(dataset.folder, tmp_path / "out", "--overwrite", "--num-shards", "3")))
    assert len(list((tmp_path / "out").glob("*.tfrecord-*"))) == 3
    succeed(run_verify(tmp_path / "out", "--against", dataset.folder))


@pytest.mark.parametrize("overwrite", [False, True], ids=["keep", "overwrite"])
def test_the_source_is_not_the_output(tmp_path: Path, dataset: Dataset, overwrite: bool) -> None:
    args = asked(dataset.folder, dataset.folder, *(["--overwrite"] if overwrite else []))
    check_refused(tmp_path, args, 1, ("holds the source itself", "choose another --out"))


@pytest.mark.parametrize("overwrite", [False, True], ids=["keep", "overwrite"])
def test_a_mixed_dataset_is_not_overwritten_by_itself(tmp_path: Path, dataset: Dataset, overwrite: bool) -> None:
    make_run(tmp_path / "out")
    args = asked(tmp_path / "out", tmp_path / "out", *(["--overwrite"] if overwrite else []))
    check_refused(tmp_path, args, 1, ("holds the source itself", "choose another --out"))


@pytest.mark.parametrize("out", ["/proc/1/shards", "/proc/shards/deeper", "file/out", "file/out/deeper"])
def test_folders_that_cannot_be_made(
    tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("a file")
    said = (f"{out}: cannot be written", "choose another place")
    check_refused(tmp_path, asked(dataset.folder, out), 1, said)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_must_not_be_written(tmp_path: Path, dataset: Dataset) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    said = ("cannot be written (permission denied)", "fix its permissions")
    check_refused(tmp_path, asked(dataset.folder, tmp_path / "out"), 1, said)


def test_two_runs_into_one_folder(tmp_path: Path, dataset: Dataset) -> None:
    work = tmp_path / "out/.work"
    work.mkdir(parents=True)
    (work / "request.json").write_text("{}")
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = ("another mixup-augment is writing here", "choose another --out")
        check_refused(tmp_path, asked(dataset.folder, tmp_path / "out"), 1, said)


# A full disk


@pytest.mark.parametrize("free", [0, 10_000])
def test_too_little_room_is_refused_early(
    tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    said = (f"out {tmp_path / 'out'}", "MB are free", "make room", "--copies", "--image-format png")
    check_refused(tmp_path, asked(dataset.folder, tmp_path / "out"), 1, said)
    assert not list((tmp_path / "out").glob("*.tfrecord-*"))


def test_enough_room_is_not_refused(tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=20_000))
    succeed(run_augment(*asked(dataset.folder, tmp_path / "out")))


def fill_the_disk(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Shards after the first so many are written to a device on which no room is left."""
    opened, started = Path.open, []

    def open_or_full(path: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        if mode == "xb" and ".tfrecord-" in path.name and ".json" not in path.name:
            started.append(path)
            if len(started) > after:
                opened(path, mode).close()
                return opened(Path("/dev/full"), "wb", buffering=0)
        return opened(path, mode, *args, **options)

    monkeypatch.setattr(Path, "open", open_or_full)


@pytest.mark.parametrize("after", [0, 2])
def test_a_disk_that_fills_up_keeps_the_finished_shards(
    tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    source, out = contents(dataset.folder), tmp_path / "out"
    args = asked(dataset.folder, out, "--num-shards", "4")
    with monkeypatch.context() as patch:
        fill_the_disk(patch, after)
        line = error_of(run_augment(*args), 1)
    assert "shapes_mixup-train.tfrecord-" in line
    assert "no space left on device" in line
    assert "make room and run the same command again" in line
    assert contents(dataset.folder) == source
    assert not (out / "manifest.json").exists()
    finished = {path.name: path.stat().st_mtime_ns for path in out.glob("*.tfrecord-*")}
    assert len(finished) == after

    assert (f"{after} of them kept" in succeed(run_augment(*args))) == (after > 0)
    assert {name: (out / name).stat().st_mtime_ns for name in finished} == finished
    succeed(run_verify(out, "--against", dataset.folder))


def test_an_overwrite_that_stopped_half_way_goes_on_and_the_old_dataset_is_whole_until_then(
    tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path / "out")
    args = asked(dataset.folder, tmp_path / "out", "--num-shards", "4")
    with monkeypatch.context() as patch:
        fill_the_disk(patch, 2)
        error_of(run_augment(*args, "--overwrite"), 1)
    succeed(run_verify(tmp_path / "out", "--against", dataset.folder))
    assert "use --overwrite to replace it" in error_of(run_augment(*args), 1)
    assert "2 of them kept" in succeed(run_augment(*args, "--overwrite"))
    succeed(run_verify(tmp_path / "out", "--against", dataset.folder))


def test_a_disk_that_is_full_at_the_manifest_leaves_no_manifest(
    tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, fsync = tmp_path / "out", os.fsync

    def full_outside_the_work_folder(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink().name.startswith("manifest.json."):
            raise OSError(28, "No space left on device")
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_outside_the_work_folder)
        line = error_of(run_augment(*asked(dataset.folder, out)), 1)
    assert f"{out / 'manifest.json'}: no space left on device" in line
    assert not list(out.glob("*manifest*"))
    assert "kept from an earlier run" not in succeed(run_augment(*asked(dataset.folder, out)))
    succeed(run_verify(out))


# Errors that nobody foresaw


def fail(*_: object, **__: object) -> None:
    raise RuntimeError("the first line\nthe second line")


@pytest.mark.parametrize("where", ["launch.open_source", "engine.graph.plan_run", "engine.graph.commit_run"])
def test_unexpected_errors_are_one_line_too(
    tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(f"mixup_pipeline.{where}", fail)
    line = error_of(run_augment(*asked(dataset.folder, tmp_path / "out")), 1)
    assert line.startswith("Error: RuntimeError: the first line")
    assert "--debug" in line
    assert not (tmp_path / "out/manifest.json").exists()


def test_debug_lets_the_traceback_through(tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    args = asked(dataset.folder, tmp_path / "out", "--debug")
    foreseen = run_augment(*args, "--alpha", "0")
    assert isinstance(foreseen.exception, UsageError)
    monkeypatch.setattr("mixup_pipeline.launch.open_source", fail)
    unforeseen = run_augment(*args)
    assert unforeseen.exit_code == 1
    assert type(unforeseen.exception) is RuntimeError
    assert "Error:" not in unforeseen.output


@pytest.mark.parametrize(
    ("alpha", "note"), [("0.1", "below 0.2"), ("0.2", ""), ("0.4", ""), ("0.5", "above 0.4"), ("8", "above 0.4")]
)
def test_alpha_outside_the_advised_range_is_allowed_with_a_note(
    tmp_path: Path, dataset: Dataset, alpha: str, note: str
) -> None:
    args = asked(dataset.folder, tmp_path / "out", "--alpha", alpha, "--dry-run")
    result = run_augment(*args)
    assert succeed(result).startswith("Plan (nothing was written)")
    assert note in result.stderr
    assert bool(note) == result.stderr.startswith("Note: alpha")
    assert run_augment(*args, "--quiet").stderr == ""


def test_colour_among_grey_becomes_what_the_dataset_says(tmp_path: Path) -> None:
    path, out = small_dataset(tmp_path / "data/shapes/1.0.0"), tmp_path / "out"
    put(image=png(random_images(1, (6, 5, 3))[0]))(path)
    assert "images   1 made grey" in succeed(run_augment(*asked(path.parent, out)))
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["shape"] == [6, 5, 1]
    assert manifest["source"]["census"]["colours"] == {"grey": 11, "RGB": 1}
