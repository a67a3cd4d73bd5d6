"""The documentation is true: its examples run, its links lead somewhere, and the commands page has every option."""

import json
import os
import re
import subprocess
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from mixup_pipeline import MixConfig, augment
from tests.commands import BIN
from tests.generated import ROOT, SCRIPT, script

PAGES = ("output", "looking", "library", "training", "comparing")
"""Pages whose examples run. They read the shards that the first example of README makes."""
PROSE = [ROOT / "results/README.md", *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]


def examples(page: str) -> list[tuple[str, str]]:
    """The code blocks of a page: (language, text)."""
    return re.findall(r"```(sh|python)\n(.*?)```", (ROOT / f"{page}.md").read_text(), re.DOTALL)


def test_readme_has_examples_of_both_kinds() -> None:
    assert {kind for kind, _ in examples("README")} == {"sh", "python"}


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.stem)
def test_links_and_pictures_are_there(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    assert [target for target in targets if "://" not in target and not (page.parent / target).exists()] == []


def test_every_page_is_linked_from_readme() -> None:
    text = (ROOT / "README.md").read_text()
    assert [page.name for page in ROOT.glob("docs/*.md") if f"(docs/{page.name})" not in text] == []


def run_examples(page: str, folder: Path) -> None:
    """Run the examples of a page in their order."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    for kind, text in examples(page):
        lines = [line for line in text.splitlines() if line != "pip install ."]  # test_wheel.py installs
        program = ["bash", "-euc"] if kind == "sh" else [str(BIN / "python"), "-c"]
        done = subprocess.run(
            [*program, "\n".join(lines)], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{page}: {text}\n{done.stderr}"


@pytest.mark.slow
def test_examples_of_readme_run(tmp_path: Path) -> None:
    run_examples("README", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_examples_of_pages_run(tmp_path: Path, page: str) -> None:
    first = examples("README")[0][1]
    assert "mixup-augment --src mnist_sample --alpha 0.2 --out shards/" in first.splitlines()
    augment("mnist_sample", tmp_path / "shards", MixConfig(alpha=0.2))
    run_examples(f"docs/{page}", tmp_path)


def is_ours(script: EntryPoint) -> bool:
    return script.value.startswith("mixup_pipeline.")


@pytest.mark.parametrize("path", script.FILES)
def test_files_that_follow_from_the_code_are_up_to_date(path: str) -> None:
    assert (ROOT / path).read_text() == script.FILES[path](), f"run {SCRIPT}"


def test_every_schema_is_among_them_and_a_schema() -> None:
    paths = {f"schemas/{path.name}" for path in (ROOT / "schemas").glob("*.json")}
    assert paths == {path for path in script.FILES if path.startswith("schemas/")}
    for path in paths:
        Draft202012Validator.check_schema(json.loads((ROOT / path).read_text()))


def test_every_command_is_on_the_commands_page() -> None:
    assert set(script.COMMANDS) == {found.name for found in entry_points(group="console_scripts") if is_ours(found)}


@pytest.mark.slow
def test_no_registry_address_and_no_path_of_a_machine_is_kept() -> None:
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    kept = [ROOT / name for name in listed if name and not name.endswith((".png",)) and "tfrecord" not in name]
    forbidden = re.compile(
        r"https?://[^\s/]*(pypi|pythonhosted)|https?://\S+/simple\b|/(home/\w+|root)/|--index-url \S*http"
    )
    named = [path.name for path in kept if path != Path(__file__) and forbidden.search(path.read_text())]
    assert named == []
