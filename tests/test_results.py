"""The committed measurements: what is said of them is what was measured."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mixup_pipeline.report.comparison_text import markdown

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
FOLDERS = sorted(path.parent for path in RESULTS.glob("*/report.md"))
_FIGURE = re.compile(r"[+-]?\d+\.\d+ \[[+-]?\d+\.\d+, [+-]?\d+\.\d+\]")


def load(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "results.json").read_text()))


@pytest.mark.parametrize(
    "folder", [folder for folder in FOLDERS if (folder / "results.json").is_file()], ids=lambda folder: folder.name
)
def test_results_follow_the_schema_and_make_the_report(folder: Path) -> None:
    results = load(folder)
    jsonschema.validate(results, json.loads((files("schemas") / "comparison.schema.json").read_text()))
    assert markdown(results) == (folder / "report.md").read_text()
    assert results["source"]["data_dir"] is None
    assert results["config"]["seeds"] >= 5


@pytest.mark.parametrize(("page", "least"), [("results/README.md", 80), ("docs/comparing.md", 40), ("README.md", 5)])
def test_every_figure_was_measured(page: str, least: int) -> None:
    measured = "".join((folder / "report.md").read_text() for folder in FOLDERS)
    quoted = _FIGURE.findall((ROOT / page).read_text())
    assert len(quoted) >= least
    assert [figure for figure in quoted if figure not in measured] == []


def test_the_commands_are_those_of_the_reports() -> None:
    said = (RESULTS / "README.md").read_text()
    for folder in FOLDERS:
        command = re.search(r"```\n(mixup-compare .*)\n```", (folder / "report.md").read_text())
        assert command is not None
        assert f"    {command[1]}\n" in said
