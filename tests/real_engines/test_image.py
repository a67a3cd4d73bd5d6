"""The image of Dataflow, as far as it goes without Docker: what it copies is installed by its own command, and runs."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.commands import BIN, succeed

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "pipelines/dataflow/Dockerfile").read_text().splitlines()
ARGUMENTS = dict(line.removeprefix("ARG ").split("=", 1) for line in LINES if line.startswith("ARG "))
COPIED = [path for line in LINES if re.match("COPY (?!--from)", line) for path in line.split()[1:-1]]


def test_launcher_and_workers_have_the_beam_of_the_lock() -> None:
    assert f"apache-beam=={ARGUMENTS['BEAM_VERSION']}\n" in (ROOT / "constraints.txt").read_text()
    assert "FROM apache/beam_python${PYTHON_VERSION}_sdk:${BEAM_VERSION} AS beam" in LINES
    assert "FROM python:${PYTHON_VERSION}-slim" in LINES


def test_docker_sees_what_is_copied_and_little_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(COPIED)


def test_what_is_copied_installs_without_tensorflow_and_mixes_to_the_same_bytes(tmp_path: Path) -> None:
    """By the very command of the image, in an environment that holds nothing else."""
    checkout, environment = tmp_path / "template", tmp_path / "venv"
    checkout.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, checkout / name)
    uv, python = BIN / "uv", environment / "bin/python"
    (install,) = [line for line in LINES if line.startswith("RUN uv pip install --system --no-cache ")]
    options = shlex.split(install)[5:]
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    done = subprocess.run(
        [uv, "pip", "install", "--python", python, *options], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

    modules = (
        "apache_beam.runners.dataflow.internal.apiclient",
        "mixup_pipeline.cli.template",
        "mixup_pipeline.engine.graph",
    )
    needs = f"import {', '.join(modules)}"
    subprocess.run([python, "-c", needs], check=True, capture_output=True)
    assert subprocess.run([python, "-c", "import tensorflow"], capture_output=True, check=False).returncode != 0
    mix = ("--src", "mnist_sample", "--limit", "200", "--out")
    subprocess.run([environment / "bin/mixup-augment", *mix, tmp_path / "image"], check=True, capture_output=True)
    succeed("mixup-augment", *mix, tmp_path / "here")
    assert (tmp_path / "image/manifest.json").read_bytes() == (tmp_path / "here/manifest.json").read_bytes()


def test_the_image_names_what_it_holds() -> None:
    (program,) = [line for line in LINES if line.startswith("ENV FLEX_TEMPLATE_PYTHON_PY_FILE=")]
    assert (ROOT / program.partition("=/template/")[2]).is_file()
    assert LINES[-1] == 'ENTRYPOINT ["/opt/apache/beam/boot"]'
