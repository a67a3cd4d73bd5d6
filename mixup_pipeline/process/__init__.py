"""What is done to the process as a whole: its standard error, the prints of libraries, and how it ends.

Each of these reaches past the code that asks for it, so all of them stand here, each with its reason. Commands and
training both need them, and they need nothing of this package: hence a room of its own at the bottom.
"""

import atexit
import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import NoReturn


def keep_stderr_to_ourselves() -> None:
    """Leave standard error to Python's sys.stderr, and send nowhere what else writes to the descriptor.

    Worker processes of Beam inherit the descriptor, and C libraries write to it past Python. They print pages about a
    failure that the command's one line of error says better.
    """
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="replace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


@contextlib.contextmanager
def stderr_held_back(*, always: bool = False) -> Iterator[None]:
    """Hold back what is written to standard error meanwhile; show it only if an error ends the block, or never.

    TensorFlow's native libraries write a page of notes while they are imported, past Python, so that the descriptor
    itself has to be diverted. If the import fails, the notes say why.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except Exception:
            if not always:
                notes.seek(0)
                os.write(terminal, notes.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def silence_beam_workers() -> None:
    """Keep Beam from printing the traceback of each bundle that fails in a worker of this process.

    It calls `print`, which no log level reaches, so the module gets a `print` of its own. The same error comes back
    through the runner. Imports Beam.
    """
    from apache_beam.runners.worker import sdk_worker

    vars(sdk_worker)["print"] = lambda *_, **__: None


def silence_threads() -> None:
    """Print no traceback of threads: those of Beam that listen to an engine break off when the engine ends."""
    threading.excepthook = lambda _: None


def leave(exit_code: int) -> NoReturn:
    """End after what is to be done at the exit, but without taking the modules apart.

    Taking those of Beam apart takes 0.2 s. What is to be done at the exit takes seconds at most. Ctrl-C is ignored
    meanwhile: part of it is ending the servers that Beam started, and one would be left behind.
    """
    with contextlib.suppress(OSError):  # the reader of a pipe may have gone away
        sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit._run_exitfuncs()
    os._exit(exit_code)


def leave_at_once(last_words: str) -> NoReturn:
    """End from within a signal handler with exit code 1: nothing is flushed, tidied or waited for.

    For work whose unfinished files have temporary names, so that nothing has to be tidied and no thread of Beam has to
    be asked to stop. The cursor, which a progress bar hides, is shown again.
    """
    show_cursor = b"\x1b[?25h" if sys.stderr.isatty() else b""
    os.write(sys.stderr.fileno(), show_cursor + f"\n{last_words}\n".encode())
    os._exit(1)
