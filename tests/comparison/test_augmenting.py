"""Mixing for a comparison, in a process of its own."""

import os
import time
from pathlib import Path

import pytest

from mixup_pipeline.comparison.augmenting import augment_cell, augment_options
from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.process.children import python_command, start
from mixup_pipeline.training.augmenting import PROGRAM

SOURCE = SourceConfig(src="mnist_sample")


@pytest.mark.parametrize(
    ("arm", "by_group"), [("any", False), ("class-balanced", False), ("cross-group", True), ("within-group", True)]
)
def test_only_arms_that_pair_by_group_are_given_the_group(tmp_path: Path, arm: str, by_group: bool) -> None:
    source = SourceConfig(src="mnist_sample", group_key="patient")
    options = augment_options(source, Cell(arm=arm, alpha=0.2, copies=1), seed=0, out=tmp_path)
    assert ("--group-key" in options) == by_group


@pytest.mark.slow
def test_files_of_the_current_folder_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("queue", "apache_beam", "mixup_pipeline"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a file of the current folder was imported')")
    monkeypatch.chdir(tmp_path)
    augment_cell(SOURCE, Cell(arm="any", alpha=0.2, copies=1), seed=0, out=tmp_path / "shards")
    assert (tmp_path / "shards/manifest.json").is_file()


@pytest.mark.slow
def test_mixing_ends_with_the_comparison(tmp_path: Path) -> None:
    options = augment_options(SOURCE, Cell(arm="any", alpha=0.2, copies=200), seed=0, out=tmp_path / "shards")
    with start(python_command(PROGRAM, *options), os.environ) as mixing:
        deadline = time.monotonic() + 60
        while not (tmp_path / "shards").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert mixing.poll() is None
        assert mixing.stdin is not None
        mixing.stdin.close()  # as the system does for a killed process
        assert mixing.wait(30) == 1
    assert not (tmp_path / "shards/manifest.json").exists()
