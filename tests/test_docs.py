"""The documentation is true: its links lead somewhere, and the commands page has every option."""

import json
import re
import subprocess
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.generated import ROOT, SCRIPT, script

PROSE = [ROOT / "results/README.md", *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]


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
    binary = (".png", ".jpg", ".webp", ".gif", ".bmp", ".tiff", ".npz")
    kept = [ROOT / name for name in listed if name and not name.endswith(binary) and "tfrecord" not in name]
    forbidden = re.compile(
        r"https?://[^\s/]*(pypi|pythonhosted)|https?://\S+/simple\b|/(home/\w+|root)/|--index-url \S*http"
    )
    named = [path.name for path in kept if path != Path(__file__) and forbidden.search(path.read_text())]
    assert named == []
