"""The documentation is true: README's examples run, and every command and its --help are on the commands page."""

import importlib.util
import os
import re
import subprocess
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from tests.commands import BIN

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples, which build on each other."""
    return tmp_path_factory.mktemp("readme")


def test_readme_has_examples_of_both_kinds() -> None:
    assert {kind for kind, _ in BLOCKS} == {"sh", "python"}


@pytest.mark.slow
def test_readme_examples_run_in_their_order(folder: Path) -> None:
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    for kind, text in BLOCKS:
        lines = [line for line in text.splitlines() if line != "pip install ."]  # test_wheel.py installs
        program = ["bash", "-euc"] if kind == "sh" else [str(BIN / "python"), "-c"]
        done = subprocess.run(
            [*program, "\n".join(lines)], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stderr}"


def is_ours(script: EntryPoint) -> bool:
    return script.value.startswith("mixup_pipeline.")


def test_commands_page_is_up_to_date_and_complete() -> None:
    spec = importlib.util.spec_from_file_location("document_commands", ROOT / "scripts/document_commands.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (ROOT / "docs/commands.md").read_text() == script.page(), "run scripts/document_commands.py"
    assert set(script.COMMANDS) == {script.name for script in entry_points(group="console_scripts") if is_ours(script)}


@pytest.mark.slow
def test_no_registry_address_and_no_path_of_a_machine_is_kept() -> None:
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    kept = [ROOT / name for name in listed if name and not name.endswith((".png",)) and "tfrecord" not in name]
    forbidden = re.compile(
        r"https?://[^\s/]*(pypi|pythonhosted)|https?://\S+/simple\b|/(home/\w+|root)/|--index-url \S*http"
    )
    named = [path.name for path in kept if path != Path(__file__) and forbidden.search(path.read_text())]
    assert named == []
