"""The wheel alone, in a clean environment and an empty folder, does the main job."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a copy, so that building leaves nothing in the checkout
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("mixup_pipeline", "pipelines", "schemas"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_schemas_presets_and_sample_are_inside(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("schemas", "pipelines"):
        files = {path.name for path in (ROOT / folder).iterdir() if path.suffix in (".json", ".pbtxt")}
        assert files
        assert {f"mixup_pipeline/{folder}/{name}" for name in files} <= names
    image = {path.name for path in (ROOT / "pipelines/dataflow").iterdir() if path.is_file()}
    assert {"Dockerfile", "main.py", "metadata.json"} <= image
    assert {f"mixup_pipeline/pipelines/dataflow/{name}" for name in image} <= names
    assert "mixup_pipeline/data/mnist_sample/1.0.0/ATTRIBUTION.txt" in names
    assert {"mixup_pipeline/data/iris.csv", "mixup_pipeline/report/templates/page.html.j2"} <= names
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "scripts"))]


def test_the_installed_wheel_runs_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    environment, empty = tmp_path / "venv", tmp_path / "empty"
    venv.create(environment, with_pip=True)
    empty.mkdir()
    python = environment / "bin/python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True, capture_output=True)
    # the libraries below are those of this environment: installing them again would only test the registry
    site = Path(
        subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        ).strip()
    )
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")

    where = subprocess.check_output(
        [python, "-c", "import mixup_pipeline; print(mixup_pipeline.__file__)"], text=True, cwd=empty
    )
    assert Path(where.strip()).is_relative_to(environment)
    for command in (
        ["mixup-augment", "--src", "mnist_sample", "--limit", "200", "--out", "shards"],
        ["mixup-verify", "shards", "--against", "mnist_sample"],
        ["mixup-inspect", "shards", "--preview", "preview.png", "--html", "page.html"],
        ["mixup-augment", "--src", "mnist_sample", "--schema", "nothing", "--out", "other"],
    ):
        done = subprocess.run(
            [environment / "bin" / command[0], *command[1:]], cwd=empty, capture_output=True, text=True, check=False
        )
        assert done.returncode == (2 if "nothing" in command else 0), done.stderr
