"""Python programs that we start as processes of their own: workers, downloads.

They import nothing from the folder where the user stands: a `queue.py` there would stand in for a library. And they end
with the process that started them, also where that is killed: else they would write on into a folder that nobody
holds.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

_BEGINNING = """
import sys
sys.path[:] = [path for path in sys.path if path]
import os, threading
threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
"""
"""`python -c` puts the current folder first, as an empty text. Standard input ends with the starter."""


def python_command(statements: str, *arguments: str) -> list[str]:
    """The command of a program of these statements, for `kept_alive`."""
    return [sys.executable, "-c", _BEGINNING + statements, *arguments]


@contextlib.contextmanager
def kept_alive() -> Iterator[int]:
    """Gives what a program of `python_command` needs as its standard input; it ends with the context, or with us."""
    theirs, ours = os.pipe()
    try:
        yield theirs
    finally:
        os.close(theirs)
        os.close(ours)


def start(command: list[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a program of `python_command` that ends when the `stdin` of this process object is closed, or with us."""
    return subprocess.Popen(command, stdin=subprocess.PIPE, env=dict(environment))
