"""Reading any ranges of a file, wherever it is."""

import os
from functools import cached_property

from mixup_pipeline.storage.places import ObjectPath, Place


class RangeReader:
    """A file opened to read any ranges of it, by several threads. An object is looked up only when it is read.

    Raises OSError where the file cannot be opened.
    """

    def __init__(self, path: Place) -> None:
        self.path = path
        self._handle = -1 if isinstance(path, ObjectPath) else os.open(path, os.O_RDONLY)

    @cached_property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self.path.stat().st_size if self._handle < 0 else os.fstat(self._handle).st_size

    def read(self, length: int, offset: int) -> bytes:
        """Bytes [offset, offset + length); fewer where the file ends before."""
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
