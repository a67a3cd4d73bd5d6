"""The examples of the documentation run, in the order of their page."""

import importlib
import json
import re
import shlex
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mixup_pipeline import MixConfig, SourceConfig, augment
from tests.cli.inprocess import process_as_before, succeed
from tests.datasets import example, write_records
from tests.generated import ROOT

PAGES = ("output", "looking", "library", "training", "comparing")
"""Pages of docs/ whose examples run. They read the shards that the first example of README makes."""

RUN_EACH = """
import json, sys
for number, text in enumerate(json.load(sys.stdin)):
    exec(compile(text, f"example {number}", "exec"), {"__name__": "__main__"})
"""


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
    if page == "output":
        make_others(tmp_path)
    run_examples(f"docs/{page}")


def make_others(folder: Path) -> None:
    """The other datasets that the page about the output reads: compact labels, and vectors of four in three classes."""
    augment("mnist_sample", folder / "compact", MixConfig(limit=100, label_format="compact"))
    measured = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    records = [example({"x": values, "label": number % 3}) for number, values in enumerate(measured)]
    path = write_records(folder / "flowers.tfrecord", records)
    augment(SourceConfig(src=str(path), image_key="x", num_classes=3), folder / "vectors")


@pytest.mark.parametrize("order", [1, -1], ids=["forwards", "backwards"])
def test_examples_that_read_run_in_one_process_in_any_order(tmp_path: Path, order: int) -> None:
    augment("mnist_sample", tmp_path / "shards", MixConfig(limit=100))
    make_others(tmp_path)
    texts = [text for page in ("README", "docs/output") for kind, text in examples(page) if kind == "python"]
    reading = [text for text in texts if "read_examples" in text or "tensorflow" in text][::order]
    assert len(reading) == 9
    done = subprocess.run(
        [sys.executable, "-c", RUN_EACH],
        input=json.dumps(reading),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("(28, 28, 1)") == 3
