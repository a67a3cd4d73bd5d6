"""The examples of the documentation run, in the order of their page."""

import importlib
import re
import shlex
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from click.testing import CliRunner

from mixup_pipeline import MixConfig, augment
from tests.cli.inprocess import process_as_before, succeed
from tests.generated import ROOT

PAGES = ("output", "looking", "library", "training", "comparing")
"""Pages of docs/ whose examples run. They read the shards that the first example of README makes."""


def examples(page: str) -> list[tuple[str, str]]:
    """The code blocks of a page: (language, text)."""
    return re.findall(r"```(sh|python)\n(.*?)```", (ROOT / f"{page}.md").read_text(), re.DOTALL)


def run_command(line: str) -> None:
    """Run a line of a shell that is one of our commands; `test_wheel.py` does what `pip install .` says."""
    name, *args = shlex.split(line)
    if (name, *args) == ("pip", "install", "."):
        return
    (script,) = entry_points(group="console_scripts", name=name)
    with process_as_before():
        succeed(CliRunner().invoke(importlib.import_module(script.module).main, args))


def run_examples(page: str) -> None:
    for kind, text in examples(page):
        if kind == "sh":
            for line in text.splitlines():
                run_command(line)
        elif "from tfrecord" in text:  # its tf.Example and that of TensorFlow do not go into one process
            subprocess.run([sys.executable, "-c", text], check=True)
        else:
            exec(compile(text, page, "exec"), {"__name__": "__main__"})


def test_readme_has_examples_of_both_kinds() -> None:
    assert {kind for kind, _ in examples("README")} == {"sh", "python"}


def test_examples_of_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_examples("README")


@pytest.mark.parametrize("page", PAGES)
def test_examples_of_pages_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    monkeypatch.chdir(tmp_path)
    first = examples("README")[0][1]
    assert "mixup-augment --src mnist_sample --alpha 0.2 --out shards/" in first.splitlines()
    augment("mnist_sample", "shards", MixConfig(alpha=0.2))
    run_examples(f"docs/{page}")
