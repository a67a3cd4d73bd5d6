"""What is done to the process as a whole, seen from outside; and that it is done in one module alone."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mixup_pipeline

pytestmark = pytest.mark.slow

PACKAGE = Path(mixup_pipeline.__file__).parent
REACHES_PAST = re.compile(r"os\._exit|\bdup2?\(|excepthook|_run_exitfuncs|\[\"print\"\]")


def run(body: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a program that has imported the module."""
    code = f"import atexit, os, sys, threading\nfrom mixup_pipeline.process import *\n{body}"
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=buffered, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def test_only_this_room_reaches_past_python() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if REACHES_PAST.search(path.read_text())
    }
    assert found == {"process/__init__.py", "process/children.py"}


def test_stderr_kept_is_that_of_python_alone() -> None:
    others = "os.write(2, b'native '); os.system('echo child >&2')"
    code = f"{others}\nkeep_stderr_to_ourselves()\n{others}\nprint('ours', file=sys.stderr)"
    assert run(code) == (0, "", "native child\nours\n")


def test_stderr_held_back_is_dropped_or_shown_with_the_error() -> None:
    block = "with stderr_held_back():\n    os.write(2, b'native '); os.system('echo child >&2')\n"
    assert run(f"{block}\nprint('after', file=sys.stderr)") == (0, "", "after\n")
    code, _, errors = run(f"{block}    raise ValueError('broken')")
    assert code == 1
    assert errors.startswith("native child\nTraceback")
    assert "broken" in errors


@pytest.mark.parametrize(("silence", "said"), [("", True), ("silence_threads()", False)])
def test_threads_are_silenced(silence: str, said: bool) -> None:
    code, _, errors = run(f"{silence}\nthread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()")
    assert code == 0
    assert ("ZeroDivisionError" in errors) == said


def test_beam_workers_are_silenced() -> None:
    failing = "exec('print(\"bundle failed\", file=sys.stderr)', vars(sdk_worker))\n"
    load = "from apache_beam.runners.worker import sdk_worker\n"
    assert run(f"{load}{failing}")[2].count("bundle failed") == 1
    assert run(f"{load}silence_beam_workers()\n{failing}")[2].count("bundle failed") == 0


def test_leaving_runs_exit_functions_and_takes_nothing_apart() -> None:
    apart = "class Apart:\n    def __del__(self): os.write(1, b'apart')\nkept = Apart()\n"
    exits = "atexit.register(lambda: os.write(1, b'exit function'))\n"
    assert run(f"{apart}{exits}print('words', flush=True)") == (0, "words\nexit functionapart", "")
    assert run(f"{apart}{exits}print('words')\nleave(3)") == (3, "words\nexit function", "")


def test_leaving_at_once_says_why_and_runs_nothing() -> None:
    ends = "atexit.register(print, 'exit function')\ntry:\n    {}\nfinally:\n    print('finally')"
    assert run(ends.format("sys.exit(1)")) == (1, "finally\nexit function\n", "")
    assert run(ends.format("leave_at_once('Stopped.')")) == (1, "", "\nStopped.\n")
