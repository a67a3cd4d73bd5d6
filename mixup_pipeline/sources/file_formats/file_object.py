"""A file as Python's own libraries read it: an object with `read` and `seek`, local or in a store."""

import errno
import io
import os
from typing import Any

from mixup_pipeline.storage.places import ObjectPath, Place
from mixup_pipeline.storage.range_reader import RangeReader

_LOCAL_BYTES, _STORE_BYTES = 256 << 10, 4 << 20
"""What is read at a time."""


class _Ranges(io.RawIOBase):
    """Unbuffered reading of ranges."""

    def __init__(self, path: Place) -> None:
        self._reader, self._position = RangeReader(path), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._reader.read(len(buffer), self._position)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence)
        position = offset + (self._reader.size if start is None else start)
        if position < 0:
            raise OSError(errno.EINVAL, "a position before the first byte", str(self._reader.path))
        self._position = position
        return position

    def close(self) -> None:
        if not self.closed:
            self._reader.__exit__()
        super().close()


def open_file(path: Place) -> io.BufferedReader:
    """Open a file for reading. Raises OSError where it cannot be opened, or is no regular file."""
    return io.BufferedReader(_Ranges(path), _STORE_BYTES if isinstance(path, ObjectPath) else _LOCAL_BYTES)
