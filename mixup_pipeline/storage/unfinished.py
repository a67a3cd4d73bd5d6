"""Unfinished files: the names that files have until they are whole, and removing what killed processes left of them.

An unfinished file is locked while it is written, where the file system has locks. The lock ends with its process, so
what nobody holds was left behind.
"""

import contextlib
import fcntl
import os
import re
import stat
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mixup_pipeline.storage.places import ObjectPath, Place

_UPLOADS = "mixup-"
_NAME_PART = 40
"""So many characters of a file's name stand in that of its unfinished file, which must not grow too long."""


def new_partial(name: str, folder: Place) -> Path:
    """A unique local name for an unfinished file: in the folder, or in the temporary folder where that is a store."""
    if isinstance(folder, ObjectPath):
        return Path(tempfile.gettempdir()) / _unique(f"{_UPLOADS}{name}")
    return folder / _unique(name)


def new_partial_beside(path: Path) -> Path:
    """A unique hidden name for an unfinished file beside its final place."""
    return path.with_name(_unique(_hidden(path)))


@contextlib.contextmanager
def open_unfinished(partial: Path) -> Iterator[BinaryIO]:
    """Create an unfinished file to write it and rename it. It is removed at the end if it was not renamed.

    Raises OSError where it cannot be created.
    """
    file = _created(partial)
    try:
        with file:
            yield file
    finally:
        discard(partial)


def _created(partial: Path) -> BinaryIO:
    """The new file, locked. Another process may sweep it before it is locked; it is then created again."""
    while True:
        file = partial.open("xb", buffering=0)
        with contextlib.suppress(OSError):  # a file system without locks: there nobody sweeps either
            fcntl.flock(file, fcntl.LOCK_EX)
        if partial.exists():
            return file
        file.close()


def discard(partial: Path) -> None:
    """Remove an unfinished file, if it is still there. What cannot be removed is swept by a later run."""
    with contextlib.suppress(OSError):
        partial.unlink(missing_ok=True)


def sweep_beside(path: Path) -> None:
    """Remove what killed processes left beside a file of writing it."""
    _sweep(path.parent, re.escape(_hidden(path)))


def sweep_uploads() -> None:
    """Remove what killed processes left in the temporary folder of files for a store."""
    _sweep(Path(tempfile.gettempdir()), rf"{_UPLOADS}.+")


def _unique(name: str) -> str:
    return f"{name}.{uuid.uuid4().hex[:12]}"


def _hidden(path: Path) -> str:
    return f".{path.name[:_NAME_PART]}"


def _sweep(folder: Path, name: str) -> None:
    """Remove unfinished files that nobody writes. name: a regular expression for the part before the unique one.

    What cannot be removed is left alone.
    """
    left = re.compile(rf"{name}\.[0-9a-f]{{12}}")
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for found in [entry.name for entry in entries if left.fullmatch(entry.name)]:
            _remove_unheld(folder / found)


def _remove_unheld(path: Path) -> None:
    """Remove a file that no process holds a lock on. No link is followed, and nothing but a file is touched."""
    with contextlib.suppress(OSError):  # gone, held, no file, or another user's
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            found = os.fstat(handle)
            if stat.S_ISREG(found.st_mode):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(found, path.lstat()):  # not renamed in between
                    path.unlink()
        finally:
            os.close(handle)
