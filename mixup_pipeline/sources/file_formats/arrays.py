"""NumPy arrays: the arrays of an .npz, or an .npy with others beside it. One row of each makes a record.

Bytes of uint8 images, one integer of a class, a text, and float32 of all other numbers, whatever the array is used as.
A value that float32 does not hold is a fault of its row. Arrays are read in order, so that their size does not matter.
"""

import hashlib
import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import SourceError, first_line
from mixup_pipeline.records.tf_example import serialize
from mixup_pipeline.sources.file_formats import FileFormat
from mixup_pipeline.sources.file_formats.converted import fault_payload, write_converted
from mixup_pipeline.sources.file_formats.file_object import open_file
from mixup_pipeline.sources.file_formats.npy import Content, Header, Rows, chunks, read_header
from mixup_pipeline.sources.file_formats.values import EXACT
from mixup_pipeline.sources.index import NamedFile
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.places import Place, place
from mixup_pipeline.storage.stamps import Stamp, stamp

SUFFIX = ".npy"
_CHUNK_BYTES = 4 << 20


class Arrays(FileFormat):
    """Files of arrays, each of which has a key."""

    converted_to: ClassVar[str] = "converted"

    @abstractmethod
    def keys(self, path: Place, name: str) -> list[str]:
        """The keys of the arrays that there are. Raises SourceError for a file that cannot be read."""

    @abstractmethod
    def open(self, path: Place, key: str, opened: ExitStack) -> tuple[IO[bytes], Path | None]:
        """The content of one array, and the local file that it is, if it is one. Raises KeyError if it is not there.

        opened: closes what is opened here.
        """

    def headers(self, path: Place, name: str, keys: Sequence[str]) -> dict[str, Header]:
        """The headers of some arrays. Raises SourceError for one that is not there, or damaged."""
        found = {}
        for key in keys:
            with ExitStack() as opened, _named(name, key):
                found[key] = read_header(self.open(path, key, opened)[0])
        return found

    def values(self, path: Place, name: str, key: str) -> Iterator[npt.NDArray[Any]]:
        """All rows of one array, some at a time."""
        with ExitStack() as opened, _named(name, key):
            rows = Rows(*self.open(path, key, opened), opened)
            for count in chunks([rows.header], _CHUNK_BYTES):
                yield rows.read(count)

    def convert(self, file: NamedFile, spec: ExampleSpec, target: Path) -> None:
        """Write one record for each row, of the arrays that the spec asks for."""
        path, arrays = place(file.path), {}
        with ExitStack() as opened:
            for key in needed(spec):
                with _named(file.name, key):
                    arrays[key] = Rows(*self.open(path, key, opened), opened)
            check_together({key: array.header for key, array in arrays.items()}, file.name)
            write_converted(target, _payloads(arrays, file.name))


def needed(spec: ExampleSpec) -> list[str]:
    """The arrays that a spec asks for."""
    keys = (*(spec.columns or (spec.input_key,)), spec.label_key, *dict(spec.keep), spec.group_key)
    return sorted({key for key in keys if key})


def check_together(headers: dict[str, Header], name: str) -> None:
    """Raise SourceError for arrays that cannot be read, or do not have the same number of rows."""
    for key, header in headers.items():
        if header.content is None:
            raise SourceError(f"{name}: array {key!r} {header.problem or f'holds {header.text}, which is not read'}")
    first, *others = headers
    for key in others:
        if headers[key].shape[0] != headers[first].shape[0]:
            counts = f"{headers[first].shape[0]:,} rows, {key!r} has {headers[key].shape[0]:,}"
            raise SourceError(f"{name}: array {first!r} has {counts}: one of them is not of these examples")


@contextmanager
def _named(name: str, key: str) -> Iterator[None]:
    """Say of which array an error is."""
    try:
        yield
    except KeyError as error:
        raise SourceError(f"{name}: there is no array {key!r}") from error
    except (ValueError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"{name}: array {key!r} cannot be read: {first_line(error)}") from error


def _payloads(arrays: dict[str, Rows], name: str) -> Iterator[bytes]:
    for count in chunks([array.header for array in arrays.values()], _CHUNK_BYTES):
        columns = {}
        for key, array in arrays.items():
            with _named(name, key):
                columns[key] = features_of(array.read(count), array.header.content)
        for values in zip(*columns.values(), strict=True):
            row = dict(zip(columns, values, strict=True))
            wrong = next((key for key, value in row.items() if isinstance(value, ValueError)), None)
            yield serialize(row) if wrong is None else fault_payload(f"array {wrong!r} holds {row[wrong]}")


def features_of(rows: npt.NDArray[Any], content: Content | None) -> list[Any]:
    """The feature of each row; a ValueError in place of one that cannot be made."""
    if content == "image":
        return [row.tobytes() for row in rows]
    if content == "class":
        return [_integer(int(value)) for value in rows.reshape(-1).tolist()]
    if content == "text":
        return [_text(value) for value in rows.reshape(-1).tolist()]
    with np.errstate(over="ignore"):
        numbers = rows.reshape(len(rows), -1).astype(np.float32)
    unfit = ~np.isfinite(numbers)
    if rows.dtype.kind in "iu" and rows.dtype.itemsize > 2:
        flat = rows.reshape(numbers.shape)
        unfit |= (flat > EXACT) | (flat < -EXACT) if rows.dtype.kind == "i" else flat > EXACT
    values: list[Any] = [*numbers]
    for row in np.flatnonzero(unfit.any(axis=1)).tolist():
        values[row] = _unfit(rows[row], int(np.argmax(unfit[row])))
    return values


def _unfit(row: npt.NDArray[Any], position: int) -> ValueError:
    value = row.reshape(-1)[position]
    where = f" at {[*map(int, np.unravel_index(position, row.shape))]}" if row.ndim else ""
    exactly = " exactly" if row.dtype.kind in "iu" else ""
    wrong = f"float32 does not hold{exactly}" if np.isfinite(value) else "is not finite"
    return ValueError(f"{value}{where}, which {wrong}")


def _integer(value: int) -> list[int] | ValueError:
    return [value] if value < 1 << 63 else ValueError(f"{value}, an integer of more than 64 bits")


def _text(value: str | bytes) -> bytes | ValueError:
    try:
        text = value.encode() if isinstance(value, str) else value.decode().encode()
    except UnicodeError:
        return ValueError(f"{value!a}, which is no UTF-8 text")
    return text or ValueError("an empty text")


class Npz(Arrays):
    """An archive of arrays."""

    def keys(self, path: Place, name: str) -> list[str]:
        with ExitStack() as opened:
            try:
                archive = opened.enter_context(zipfile.ZipFile(opened.enter_context(open_file(path))))
            except (zipfile.BadZipFile, NotImplementedError) as error:
                raise SourceError(f"{name}: is no whole .npz file ({first_line(error)})") from error
            return [member.removesuffix(SUFFIX) for member in archive.namelist() if member.endswith(SUFFIX)]

    def open(self, path: Place, key: str, opened: ExitStack) -> tuple[IO[bytes], Path | None]:
        archive = opened.enter_context(zipfile.ZipFile(opened.enter_context(open_file(path))))
        return opened.enter_context(archive.open(f"{key}{SUFFIX}")), None


class Npy(Arrays):
    """An array in a file of its own. Its key is the name of the file, as those of the arrays beside it are."""

    file_stamp: ClassVar[bool] = False

    def keys(self, path: Place, name: str) -> list[str]:
        return sorted(file.name for file in path.parent.iterdir() if file.name.endswith(SUFFIX) and file.is_file())

    def open(self, path: Place, key: str, opened: ExitStack) -> tuple[IO[bytes], Path | None]:
        file = path.parent / key
        return opened.enter_context(open_file(file)), file if isinstance(file, Path) else None

    def stamp(self, path: Place) -> Stamp:
        """A hash over the stamps of all arrays in the folder, because any of them may hold the labels."""
        told = hashlib.sha256(repr(stamp(path)).encode())
        for name in self.keys(path, path.name):
            told.update(repr((name, stamp(path.parent / name))).encode())
        return (told.hexdigest(),)


NPZ, NPY = Npz(), Npy()
