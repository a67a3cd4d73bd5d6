"""What is printed: names from outside can neither command the terminal nor forge a line."""

import os
from pathlib import Path

import pytest
from click.testing import Result

from mixup_pipeline.cli import common
from mixup_pipeline.cli.inspect import main as inspect_main
from tests.cli.inprocess import _run, run_augment, run_inspect, run_verify
from tests.damage import flip
from tests.datasets import example, png, random_images, write_records, write_tfds

HOSTILE = {
    "a line": "a\x1b[2J\x1b]0;owned\x07\u202e\nError: forged",
    "a return, no text": os.fsdecode(b"a\xff\rError: forged"),
}


def check_printed(result: Result) -> str:
    """Everything that was printed, which must be printable and of the program's own lines."""
    printed = result.stdout + result.stderr
    assert printed.replace("\n", "").isprintable(), repr(printed)
    forged = [line for line in printed.splitlines() if line.startswith("Error: forged")]
    assert not forged
    assert "(unexpected" not in printed
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return printed


@pytest.fixture(params=HOSTILE.values(), ids=list(HOSTILE))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_names_of_folders_files_and_features(tmp_path: Path, name: str) -> None:
    key = name.encode("utf-8", "replace").decode()
    records = [example({key: png(image), "label": 0}) for image in random_images(6, (4, 4, 1))]
    folder = tmp_path / name
    folder.mkdir()
    source = write_records(folder / f"{name}.tfrecord", records)
    described = ("--label-key", "label", "--num-classes", "2")
    asked = ("--src", source, "--image-key", key, *described)
    check_printed(run_augment(*asked, "--out", folder / "out"))
    check_printed(run_augment(*asked, "--dry-run"))
    for wrong in (
        ("--image-key", key + "x"),
        ("--label-key", key),
        ("--split", key),
        ("--engine", key),
        ("--alpha", key),
    ):
        check_printed(run_augment(*asked, *wrong, "--out", tmp_path / "other"))
    flip(source, 30)
    check_printed(run_augment(*asked, "--out", tmp_path / "other", "--overwrite"))
    check_printed(run_augment("--src", folder, "--out", tmp_path / "other"))
    (tmp_path / "other").mkdir(exist_ok=True)
    (tmp_path / "other" / name).write_text("")
    assert "is not empty" in check_printed(run_augment("--src", "mnist_sample", "--out", tmp_path / "other"))


def test_names_of_a_dataset_and_what_is_wrong_with_it(tmp_path: Path, name: str) -> None:
    source = write_tfds(tmp_path / "data/shapes/1.0.0", num_examples=8)
    labels = "\n".join([name.replace("\n", " ").encode("utf-8", "replace").decode(), *"bcdefghij"])
    (source.folder / "label.labels.txt").write_text(labels)
    out = tmp_path / name
    check_printed(run_augment("--src", source.folder, "--out", out))
    check_printed(run_augment("--src", source.folder, "--out", out, "--seed", "1"))
    for options in ((), ("--find", name), ("--example", "0"), ("--example", name), ("--html", tmp_path / name / "x")):
        check_printed(run_inspect(out, *options))
    check_printed(run_inspect(out, "--against", name))
    check_printed(run_verify(out, "--against", source.folder))
    (out / name).write_text("")
    (out / f"{name}.tfrecord-00000-of-00001").write_text("")
    flip(next(out.glob("shapes_mixup-*.tfrecord-*")), 40)
    manifest = out / "manifest.json"
    assert "does not belong" in check_printed(run_verify(out))
    check_printed(run_inspect(out))
    manifest.write_text(manifest.read_text().replace('"prob"', '"pr\\u001b[2J\\nob"'))
    check_printed(run_verify(out))
    check_printed(run_verify(tmp_path / f"{name}-missing"))


@pytest.mark.parametrize("option", ["--preview", "--html", "--count", "--sort", "--no-such"])
def test_what_click_refuses(tmp_path: Path, name: str, option: str) -> None:
    check_printed(_run(inspect_main, tmp_path, option, name))
    check_printed(_run(inspect_main, tmp_path, f"--{name}"))


def test_what_is_logged(capsys: pytest.CaptureFixture[str], name: str) -> None:
    import logging

    record = logging.LogRecord("mixup_pipeline", logging.WARNING, "", 0, "%s: is held", (name,), None)
    text = common._OneLine().format(record)
    assert text.isprintable()
    assert text.endswith(": is held")
