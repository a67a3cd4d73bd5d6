"""mixup-train and mixup-compare as commands: their files, their stop, and one line for bad input."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from click.testing import CliRunner, Result

from mixup_pipeline import MixConfig, augment
from mixup_pipeline.cli import compare, progress, train
from mixup_pipeline.comparison.probes import check_probes
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import UsageError
from mixup_pipeline.records.framing import read_records
from mixup_pipeline.training.source_examples import source_examples
from tests.cli.inprocess import contents, error_of, process_as_before, succeed
from tests.cli.test_progress import Soon
from tests.commands import command, run
from tests.datasets import write_records, write_tfds

SMALL = ("--model", "mlp", "--steps", "8", "--batch-size", "32", "--device", "cpu")
COMPARE = ("--src", "mnist_sample", "--arms", "baseline,any", *SMALL)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mixed") / "shards"
    augment("mnist_sample", out, MixConfig(limit=200))
    return out


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of images of another size; its split is called test."""
    return write_tfds(tmp_path_factory.mktemp("made") / "other/1.0.0", num_classes=10, split="test").folder


def refused(main: click.Command, args: tuple[str | Path, ...], code: int) -> str:
    return error_of(CliRunner().invoke(main, [str(arg) for arg in args]), code)


def accepted(main: click.Command, args: tuple[str | Path, ...]) -> str:
    """What a command printed that has done its work."""
    return succeed(outcome(main, args))


def outcome(main: click.Command, args: tuple[str | Path, ...]) -> Result:
    with process_as_before():
        return CliRunner().invoke(main, [str(arg) for arg in args])


TRAIN_REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("--eval-src", "mnist_sample"), "give either --shards"),
    (("--shards", "SHARDS", "--src", "mnist_sample", "--eval-src", "mnist_sample"), "give either --shards"),
    (("--src", "mnist_sample", "--eval-src", "mnist_sample", "--eval-split", "train"), "which is trained on"),
    (("--src", "mnist_sample", "--eval-src", "mnist_sample", "--eval-split", "nothing"), "nothing"),
    (("--shards", "SHARDS", "--eval-src", "mnist_sample", "--mix-online", "0.2"), "mix-online is for --src"),
    (("--src", "mnist_sample", "--eval-src", "mnist_sample", "--mix-online", "0"), "mix-online"),
    (("--src", "mnist_sample", "--eval-src", "mnist_sample", "--clean-last-epochs", "1"), "clean-last-epochs"),
    (("--shards", "SHARDS", "--eval-src", "mnist_sample", "--label-smoothing", "0.1"), "--force-label-smoothing"),
    (("--shards", "SHARDS", "--eval-src", "mnist_sample", "--epochs", "0"), "epochs"),
    (("--shards", "SHARDS", "--eval-src", "mnist_sample", "--learning-rate", "nan"), "learning-rate"),
    (
        ("--shards", "SHARDS", "--eval-src", "mnist_sample", "--model", "large"),
        "use tutorial-cnn, resnet20, resnet18, mlp",
    ),
    (("--shards", "SHARDS", "--eval-src", "mnist_sample", "--device", "gpu"), "TensorFlow sees no GPU here"),
    (("--shards", "SHARDS", "--eval-src", "mnist_sample", "--schema", "tfds_image"), "schema is for TFRecord files"),
    (("--shards", "SHARDS", "--eval-src", "OTHER"), "shape differs"),
]


@pytest.mark.parametrize(("args", "said"), TRAIN_REFUSED, ids=[said for _, said in TRAIN_REFUSED])
def test_mixup_train_refuses_in_one_line(
    shards: Path, other: Path, tmp_path: Path, args: tuple[str, ...], said: str
) -> None:
    places = {"SHARDS": str(shards), "OTHER": str(other)}
    line = refused(train.main, (*(places.get(arg, arg) for arg in args), "--out", tmp_path / "run"), 2)
    assert said in line
    assert not list(tmp_path.iterdir())  # so that the corrected command may use the folder


def test_shards_without_manifest_or_changed_are_refused(shards: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    changed = tmp_path / "changed"
    changed.mkdir()
    for name, data in contents(shards).items():
        (changed / name).write_bytes(data[:-1] if "tfrecord" in name else data)
    for folder, said in ((tmp_path / "empty", "manifest"), (changed, "bytes")):
        args = ("--shards", folder, "--eval-src", "mnist_sample", "--out", tmp_path / "run")
        assert said in refused(train.main, args, 1)
    assert not (tmp_path / "run").exists()


def test_a_run_inside_the_shards_is_refused(shards: Path) -> None:
    before = contents(shards)
    args = ("--shards", shards, "--eval-src", "mnist_sample", "--out", shards / "run")
    assert "lies inside" in refused(train.main, args, 2)
    assert contents(shards) == before


COMPARE_REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("--arms", "any"), "arms must name baseline"),
    (("--arms", "baseline,some"), "some"),
    (("--seeds", "0"), "seeds"),
    (("--alpha", "0"), "alpha"),
    (("--subset", "0"), "subset"),
    (("--limit", "500"), "limit is called subset now: write --subset 500"),
    (("--sweep", "limit=500,1000"), "sweep limit is called subset now: write --sweep subset=500,1000"),
    (("--sweep", "size=1,2"), "sweep"),
    (("--sweep", "copies=two"), "'two' is not a whole number"),
    (("--corrupt-labels", "1.5"), "corrupt-labels"),
    (("--fgsm", "much"), "'much' is not a number"),
    (("--fgsm", "0.1", "--model", "tests.training.test_train:subclassed"), "cannot be rebuilt for float inputs"),
    (("--outliers", "OTHER"), "its examples are 6x5x1"),
    (("--eval-split", "train"), "which is trained on"),
    (("--subset", "20"), "batch-size"),
]


@pytest.mark.parametrize(("args", "said"), COMPARE_REFUSED, ids=[said for _, said in COMPARE_REFUSED])
def test_mixup_compare_refuses_in_one_line(other: Path, tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    given = tuple(str(other) if arg == "OTHER" else arg for arg in args)
    line = refused(compare.main, (*COMPARE, *given, "--out", tmp_path / "out"), 2)
    assert said in line
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits as people lay out TFRecord files: train/ and test/ with files of the same names."""
    folder = tmp_path_factory.mktemp("parts")
    sample = files("mixup_pipeline") / "data/mnist_sample/1.0.0"
    for split in ("train", "test"):
        with as_file(sample / f"mnist_sample-{split}.tfrecord-00000-of-00001") as path:
            payloads = [payload for _, payload, _, _ in read_records(path, path.name)][:200]
        for number in range(2):
            write_records(folder / split / f"part-{number}.tfrecord", payloads[number::2])
    (folder / "features.json").write_bytes((sample / "features.json").read_bytes())
    return folder


def test_splits_are_told_apart_by_their_content_not_by_their_files_names(parts: Path, tmp_path: Path) -> None:
    reading = ("--schema", str(parts / "features.json"), *SMALL)
    train_files, test_files, shards = f"{parts}/train/*", f"{parts}/test/*", str(tmp_path / "shards")
    augment(SourceConfig(src=train_files, schema=str(parts / "features.json")), shards, MixConfig(limit=150))
    for number, data in enumerate((("--src", train_files), ("--shards", shards))):
        trained = (*data, *reading, "--out", str(tmp_path / f"run{number}"))
        assert "which is trained on" in refused(train.main, (*trained, "--eval-src", train_files), 2)
        accepted(train.main, (*trained, "--eval-src", test_files))
    compared = ("--src", train_files, *reading, "--arms", "baseline,any", "--seeds", "1", "--subset", "100")
    assert "which is trained on" in refused(compare.main, (*compared, "--out", tmp_path / "out"), 2)
    accepted(compare.main, (*compared, "--eval-src", test_files, "--out", tmp_path / "out"))


def test_attacks_on_vectors_are_refused() -> None:
    records = replace(source_examples(SourceConfig(src="mnist_sample")), shape=(5,))
    check_probes(records, (), {})
    with pytest.raises(UsageError, match="fgsm: attacks images"):
        check_probes(records, (0.1,), {})


def test_a_model_in_the_current_folder_is_found(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text("from mixup_pipeline.training.models import mlp as build\n")
    monkeypatch.chdir(tmp_path)
    args = ("--shards", shards, "--eval-src", "mnist_sample", "--steps", "2", "--device", "cpu", "--out", "run")
    (tmp_path / "broken.py").write_text("def build(:\n")
    assert "SyntaxError" in refused(train.main, (*args, "--model", "broken:build", "--out", "run2"), 2)
    monkeypatch.setattr(progress, "Clock", Soon)
    result = outcome(train.main, (*args, "--model", "mine:build"))
    assert "2 steps" in succeed(result)
    assert re.search(r"^Training: [12] of 2 steps \(loss [\d.]+\)", result.stderr, re.MULTILINE)
    assert outcome(train.main, (*args, "--model", "mine:build", "--quiet")).stderr == ""
    assert "it was complete, so nothing was trained" in succeed(outcome(train.main, (*args, "--model", "mine:build")))
    assert "nothing was trained" not in result.stdout


def stopped_after(line: str, number: int, name: str, *args: str | Path) -> str:
    """Run a command until it has printed such a line, send a signal, and give what it says on stderr.

    SIGINT goes to all its processes, as Ctrl-C in a terminal does.
    """
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command(name, *args), start_new_session=True, **pipes) as process:
        assert process.stdout is not None
        for printed in process.stdout:
            if re.search(line, printed):
                os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
                break
        _, said = process.communicate(timeout=240)
        assert process.returncode == 1, said
    return said


def test_mixup_train_stops_and_goes_on(shards: Path, tmp_path: Path) -> None:
    args = ("--shards", shards, "--eval-src", "mnist_sample", "--model", "mlp", "--epochs", "30", "--device", "cpu")
    said = stopped_after("epoch +1 ", signal.SIGINT, "mixup-train", *args, "--out", tmp_path / "run")
    assert "Stopped: " in said
    assert "Run the same command again to go on." in said
    assert not (tmp_path / "run" / "result.json").exists()
    printed = accepted(train.main, (*args, "--out", tmp_path / "run"))
    assert not re.search("epoch +1 ", printed)
    assert json.loads((tmp_path / "run" / "result.json").read_text())["epochs"] == 30


def test_epochs_have_lines_of_their_own_on_a_terminal(shards: Path, tmp_path: Path) -> None:
    args = (
        "--shards",
        shards,
        "--eval-src",
        "mnist_sample",
        "--model",
        "mlp",
        "--epochs",
        "2",
        "--out",
        tmp_path / "run",
    )
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        with subprocess.Popen(command("mixup-train", *args), stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            printed = b""
            with contextlib.suppress(OSError):  # Linux says so when the other end is closed
                while data := terminal.read(65536):
                    printed += data
        assert process.returncode == 0
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line.split("\r")[-1]) for line in printed.decode().split("\r\n")]
    assert [line[:9] for line in lines if "clean accuracy" in line] == ["epoch   1", "epoch   2", f"{tmp_path}"[:9]]
    assert any(line.startswith("Note: No GPU") for line in lines)
    assert "Training, loss" in printed.decode()


def test_mixup_compare_stops_goes_on_and_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped while it mixes for the second run: at first after training, then before any."""
    args = (*COMPARE, "--seeds", "2", "--subset", "300", "--out", tmp_path / "out")
    for number in (signal.SIGTERM, signal.SIGINT):
        said = stopped_after("1/4 ", number, "mixup-compare", *args)
        assert said.endswith(
            "Stopped: stopped between two runs, finished runs are kept. Run the same command again to go on.\n"
        )
    finished = tmp_path / "out/runs/baseline-subset300/seed-0/result.json"
    before = finished.stat().st_mtime_ns
    monkeypatch.setattr(progress, "Clock", Soon)
    result = outcome(compare.main, args)
    printed = succeed(result)
    assert re.search(r"^Comparing: \d[.\d]* of 4 runs", result.stderr, re.MULTILINE)
    assert "4/4" in printed
    assert finished.stat().st_mtime_ns == before
    assert "2 seeds show nothing" in printed
    out = contents(tmp_path / "out")
    assert {"report.html", "report.md", "results.json", "pictures/differences.png", "pictures/samples.png"} <= set(out)
    assert not [name for name in out if name.startswith("work/")]
    results: dict[str, Any] = json.loads(out["results.json"])
    jsonschema.validate(results, json.loads((files("schemas") / "comparison.schema.json").read_text()))
    assert [run["cell"]["subset"] for run in results["runs"]] == [300] * 4
    assert [run["steps"] for run in results["runs"]] == [8] * 4


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, option) for name in ("mixup-train", "mixup-compare") for option in ("--src", "--eval-src", "--data-dir")]
    + [("mixup-train", "--shards"), ("mixup-compare", "--outliers")],
)
def test_object_stores_are_refused_without_beam(tmp_path: Path, name: str, option: str) -> None:
    asked = {"--src": "mnist_sample", "--eval-src": "mnist_sample", option: "gs://bucket/data"}
    if option == "--shards":
        del asked["--src"]
    words = [word for pair in asked.items() for word in pair]
    done = run(name, *words, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr == (f"Error: {option} gs://bucket/data: training reads local files only: copy them here first\n")
