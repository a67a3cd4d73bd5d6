"""NumPy's .npy: one array, of which rows are read in order, a few megabytes at a time.

Pickles are never loaded. An array in Fortran order has no rows in its file, so it is mapped into memory; where it is
compressed or in a store, it is written to a file without a name before.
Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import math
import tempfile
import tokenize
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy_format

from mixup_pipeline.errors import first_line
from mixup_pipeline.spec import MAX_EXAMPLE_BYTES, MAX_RANK, shape_text

Content = Literal["image", "class", "text", "numbers"]
_CHANNELS = (1, 3, 4)
_COPY_BYTES = 1 << 20
_HEADERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the header of an array says. shape: with the rows first. fortran: whether columns lie together."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool = False

    @property
    def text(self) -> str:
        """What one row is, for messages: "uint8 28x28"."""
        return f"{self.dtype.name} {shape_text(self.shape[1:])}".rstrip()

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def is_single(self) -> bool:
        """Whether a row is one value: (n,) or (n, 1)."""
        return math.prod(self.shape[1:]) == 1 and len(self.shape) <= 2

    @property
    def content(self) -> Content | None:
        """What rows are read as; None if they are not read."""
        kind, row = self.dtype.kind, self.shape[1:]
        if self.problem:
            return None
        if self.is_single and kind in "biu":
            return "class"
        if kind in "US":
            return "text" if self.is_single else None
        if self.dtype == np.uint8 and (len(row) == 2 or (len(row) == 3 and row[2] in _CHANNELS)):
            return "image"
        return "numbers" if kind in "biuf" else None

    @property
    def problem(self) -> str:
        """Why the array cannot be used, and what to do; empty if nothing is wrong with it."""
        row = self.shape[1:]
        if self.dtype.hasobject:
            return "holds Python objects, which are pickles and never loaded: store numbers or text"
        if not self.shape:
            return "has no dimensions, so it holds no examples"
        if not self.shape[0] or not self.row_bytes:
            return f"is empty ({'x'.join(map(str, self.shape))})"
        if self.row_bytes > MAX_EXAMPLE_BYTES or len(row) > MAX_RANK:
            return f"has rows of {self.text}: allowed are {MAX_RANK} dimensions and {MAX_EXAMPLE_BYTES >> 20} MiB"
        if self.dtype == np.uint8 and len(row) == 3 and row[0] in _CHANNELS and row[2] not in _CHANNELS:
            return f"holds uint8 {shape_text(row)}, channels first: store np.moveaxis(array, 1, -1)"
        return ""


def read_header(stream: IO[bytes]) -> Header:
    """Read the header of an array; the stream is at its first value then. Raises ValueError if it has none."""
    try:
        version = npy_format.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"it has format version {version[0]}.{version[1]}: 1.0 and 2.0 are read")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that Python 2 has written it
            shape, fortran, dtype = _HEADERS[version](stream)
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError, EOFError, OverflowError) as error:
        raise ValueError(f"it is no NumPy array ({first_line(error)})") from error
    if any(size < 0 for size in shape):
        raise ValueError(f"it claims to be {shape_text(shape)}")
    rows_lie_together = max(shape, default=0) == math.prod(shape)
    return Header(dtype=dtype, shape=shape, fortran=fortran and not rows_lie_together)


class Rows:
    """The rows of an array, in order."""

    def __init__(self, stream: IO[bytes], path: Path | None, opened: ExitStack) -> None:
        """path: the local file that the stream is, None if it is none. opened: closes what is opened here."""
        self.header, self._stream = read_header(stream), stream
        self._row, self._mapped = 0, None
        if self.header.fortran and not self.header.problem:
            self._mapped = self._map(opened, path)

    def _map(self, opened: ExitStack, path: Path | None) -> npt.NDArray[Any]:
        where: Any = path
        offset = self._stream.tell()
        if path is None:
            where, offset = opened.enter_context(tempfile.TemporaryFile()), 0  # noqa: SIM115
            while data := self._stream.read(_COPY_BYTES):
                where.write(data)
            where.flush()
        try:
            return np.memmap(where, self.header.dtype, "r", offset, self.header.shape, order="F")
        except ValueError as error:
            raise ValueError("it is cut") from error

    def read(self, count: int) -> npt.NDArray[Any]:
        """The next rows. Raises ValueError if the file ends before."""
        first, self._row = self._row, self._row + count
        if self._mapped is not None:
            return np.array(self._mapped[first : self._row])
        data = self._stream.read(count * self.header.row_bytes)
        if len(data) < count * self.header.row_bytes:
            raise ValueError(f"it is cut in row {first + len(data) // self.header.row_bytes:,}")
        if self._row == self.header.shape[0]:
            self._stream.read(1)  # the end of a compressed array holds its checksum
        return np.frombuffer(data, self.header.dtype).reshape(count, *self.header.shape[1:])


def chunks(headers: list[Header], chunk_bytes: int) -> Iterator[int]:
    """How many rows of arrays of the same length to read at a time."""
    rows, left = max(1, chunk_bytes // max(header.row_bytes for header in headers)), headers[0].shape[0]
    while left:
        count = min(rows, left)
        yield count
        left -= count
