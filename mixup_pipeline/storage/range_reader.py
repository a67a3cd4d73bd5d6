"""Reading byte ranges of one open file, local or in an object store. (`places.py` only names files.)"""

import errno
import os
import stat
from functools import cached_property
from pathlib import Path

from mixup_pipeline.storage.places import ObjectPath, Place


class RangeReader:
    """A file opened for reading ranges. Several threads may read at once.

    Raises OSError where a local file cannot be opened, or is no regular file: a pipe would make us wait for ever, a
    device may have no end. A missing object is noticed only when it is read.
    """

    def __init__(self, path: Place) -> None:
        self.path = path
        self._handle = -1 if isinstance(path, ObjectPath) else _open_regular(path)

    @cached_property
    def size(self) -> int:
        """Size of the whole file in bytes."""
        return self.path.stat().st_size if self._handle < 0 else os.fstat(self._handle).st_size

    def read(self, length: int, offset: int) -> bytes:
        """Bytes [offset, offset + length); fewer at the end of the file."""
        if isinstance(self.path, ObjectPath):
            return self.path.read_range(length, offset)
        pieces = []
        try:
            while length > 0 and (piece := os.pread(self._handle, length, offset)):
                pieces.append(piece)
                length -= len(piece)
                offset += len(piece)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        return b"".join(pieces)

    def __enter__(self) -> "RangeReader":
        return self

    def __exit__(self, *error: object) -> None:
        if self._handle >= 0:
            os.close(self._handle)


def _open_regular(path: Path) -> int:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # opening a pipe would wait for its writer
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return handle
