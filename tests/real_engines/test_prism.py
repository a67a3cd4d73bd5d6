"""Prism as a user meets it; its results are compared in the matrix."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.commands import command, run
from tests.damage import flip
from tests.real_engines.clusters import HAS_PRISM, NO_PRISM, PRISM, worker_pool

pytestmark = pytest.mark.skipif(not HAS_PRISM, reason=NO_PRISM)


def test_an_impatient_interrupt_ends_the_command(large: Path, tmp_path: Path) -> None:
    """The second one comes while Beam waits a second for the end of its server."""
    augmenting = command("mixup-augment", "--src", large, "--out", tmp_path / "out", "--engine", "prism")
    with subprocess.Popen(augmenting, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == "job-001 running\n"
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 1
            assert "Stopped. Finished shards are kept" in process.stderr.read()
        finally:
            process.kill()


def test_a_bad_record_is_one_line(large: Path, tmp_path: Path) -> None:
    src = shutil.copytree(large, tmp_path / "shapes/1.0.0")
    damaged = src / "shapes-train.tfrecord-00001-of-00003"
    flip(damaged, 40)
    done = run("mixup-augment", "--src", src, "--out", tmp_path / "out", "--engine", "prism")
    begun, failed, line = done.stderr.splitlines()
    assert (begun, failed) == ("job-001 running", "job-001 failed")
    assert line.startswith(f"Error: {damaged.name}: record 0 at byte 12: its data do not match their CRC")


def test_workers_without_the_package_are_refused(large: Path, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'mixup_pipeline':\n"
        "            raise ModuleNotFoundError(f\"No module named 'mixup_pipeline'\", name=name)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    with worker_pool(tmp_path / "log", {"PYTHONPATH": str(tmp_path / "site")}) as address:
        beam = (f"--prism_location={PRISM}", "--environment_type=EXTERNAL", f"--environment_config={address}")
        done = run("mixup-augment", "--src", large, "--out", tmp_path / "out", "--engine", "prism", "--", *beam)
    assert done.returncode == 1
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("Error: "))
    assert line.startswith("Error: workers do not have mixup-pipeline, or have another version of it: install")
