"""Programs of ours: they see no file of the current folder, and end with us."""

import subprocess
from pathlib import Path

import pytest

from mixup_pipeline.process.children import kept_alive, python_command, start


@pytest.mark.slow
def test_the_current_folder_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "queue.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(tmp_path)
    with kept_alive() as stdin:
        done = subprocess.run(
            python_command("import queue; print(sys.argv[1:], queue.Queue().qsize())", "a", "b"),
            stdin=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout == "['a', 'b'] 0\n"


@pytest.mark.slow
def test_a_program_ends_when_its_input_does() -> None:
    process = start(python_command("import time; time.sleep(60)"), {})
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 1
