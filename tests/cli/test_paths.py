"""Paths that are no use: each is one line of error, never a traceback, and nothing waits."""

import os
from pathlib import Path

import pytest
from click.testing import Result

from mixup_pipeline.sources import tfds_directory
from tests.cli.inprocess import run_augment, run_inspect, run_verify
from tests.mixed import make

NAMES = {
    "a pipe": "pipe",
    "below a file": "file/x",
    "a link to nothing": "link",
    "a link to itself": "loop",
    "a device": "/dev/zero",
    "a user that is not there": "~nosuchuser/x",
    "a long name": "a" * 300,
    "no text": os.fsdecode(b"\xff\xfe"),
    "half a store": "gs://",
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mixed dataset."""
    return make("raw", tmp_path_factory.mktemp("mixed")).out


@pytest.fixture
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A path, in a folder that holds what it names."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tfds_directory, "_download", lambda config: pytest.fail("it asks the network"))
    return str(request.param)


def check(result: Result, *, may_work: bool = False) -> None:
    said = result.stderr
    assert result.exit_code in ((0, 1, 2) if may_work else (1, 2)), said
    assert "(unexpected" not in said
    assert result.exit_code == 0 or sum(line.startswith("Error: ") for line in said.splitlines()) == 1
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES), indirect=True)
def test_every_option_that_takes_a_path(out: Path, name: str) -> None:
    path = name if name[0] in "/~" or ":" in name else f"./{name}"  # otherwise it may name a dataset
    check(run_augment("--src", path, "--out", "new"))
    check(run_augment("--src", str(out / "*.tfrecord*"), "--schema", path, "--out", "new"))
    check(run_verify(path))
    check(run_verify(out, "--against", path))
    check(run_inspect(path))
    for option in ("--html", "--preview", "--against", "--example"):
        check(run_inspect(out, option, path))
    check(run_augment("--src", "mnist_sample", "--limit", "9", "--out", path), may_work=True)
