"""Writing files so that each is whole or absent: atomic writes, durable renames, hashes, and errors of failed writes.

A large file for an object store is written to a local file first, then uploaded. (`places.py` names files;
`range_reader.py` reads parts of them.)
"""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mixup_pipeline.errors import OutputError, StoreError, UsageError, first_line
from mixup_pipeline.storage.places import ObjectPath, Place
from mixup_pipeline.storage.range_reader import RangeReader
from mixup_pipeline.storage.unfinished import discard, new_partial_beside, open_unfinished, sweep_beside

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)

_CHUNK_BYTES = 4 << 20


def write_atomically(path: Place, content: str | bytes, *, durable: bool = True, partial: Path | None = None) -> None:
    """Write a small file, whole or not at all.

    durable: flush it to disk, so that this holds after a power cut too. partial: the name it has until it is whole, on
    the same file system. Without it, that is a hidden file beside it, and what a killed process left of writing the
    same file is removed first.

    Raises OutputError where the file cannot be written.
    """
    content = content.encode() if isinstance(content, str) else content
    if isinstance(path, ObjectPath):
        path.write_bytes(content)
        return
    if partial is None:
        sweep_beside(path)
        partial = new_partial_beside(path)
    try:
        with open_unfinished(partial) as file:
            write_all(file, content)
            if durable:
                os.fsync(file.fileno())
            partial.replace(path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        raise output_error(path, error) from error


def write_all(file: BinaryIO, content: bytes | bytearray | memoryview) -> None:
    """Write all of it to a file without a buffer, whose `write` may write less. Raises OSError."""
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]


def publish(partial: Path, final: Place, *, durable: bool = True) -> None:
    """Move a finished local file to its final name; upload it where that is in an object store.

    durable: flush the file and the rename to disk. Raises OSError.
    """
    if isinstance(final, ObjectPath):
        final.upload(partial)
        discard(partial)
        return
    if durable:
        with partial.open("rb") as file:
            os.fsync(file.fileno())
    partial.replace(final)
    if durable:
        sync_folder(final.parent)


def move(source: Place, target: Place) -> None:
    """Give a finished file another name in the same store or file system; replaces what has that name.

    The caller flushes the folder (`sync_folder`). Raises OSError.
    """
    if isinstance(target, ObjectPath) and isinstance(source, ObjectPath):
        source.copy(target)
        source.unlink(missing_ok=True)
    elif isinstance(target, Path) and isinstance(source, Path):
        source.replace(target)
    else:
        raise ValueError(f"{source} and {target} are not in the same place")


def sizes(folder: Place) -> dict[str, int]:
    """Size in bytes of each file directly in a folder, by name. What another process removes meanwhile is left out."""
    found = {}
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                found[path.name] = path.stat().st_size
    return found


def remove_tree(folder: Place) -> None:
    """Remove a folder and everything in it; links are not followed. A missing folder is no error. Raises OSError."""
    if isinstance(folder, ObjectPath):
        folder.remove_tree()
        return
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


def free_bytes(folder: Place) -> int | None:
    """Free space in bytes; None for an object store, which does not tell."""
    return None if isinstance(folder, ObjectPath) else shutil.disk_usage(folder).free


def check_target(option: str, path: Path, suffix: str, *, outside: Place | None = None) -> None:
    """Check the path of a picture or page before any work is done for it.

    outside: the folder of a dataset. The file must not lie in it, or the dataset would no longer verify.

    Raises UsageError for a wrong suffix, a missing folder, or a file inside the dataset.
    """
    if path.suffix.lower() != suffix:
        raise UsageError(f"--{option} {path}: its name must end in {suffix}")
    try:
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
        places = (path.resolve(), path.parent.resolve() / path.name)  # where a link points, and where it lies
    except OSError as error:
        raise output_error(path, error) from error
    if is_folder:
        raise UsageError(f"--{option} {path}: is a folder: give the name of a file")
    if not has_folder:
        raise UsageError(f"--{option} {path}: the folder {path.parent} does not exist: create it, or choose another")
    if isinstance(outside, Path) and any(outside.resolve() in place.parents for place in places):
        raise UsageError(
            f"--{option} {path}: lies inside the dataset, which would no longer verify: choose a place outside"
        )


def sync_folder(folder: Path) -> None:
    """Flush the renames in a folder to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems cannot flush a folder
            raise
    finally:
        os.close(handle)


def sha256_of(path: Place) -> str:
    """SHA-256 of a whole file, in hexadecimal."""
    digest, offset = hashlib.sha256(), 0
    with RangeReader(path) as file:
        while chunk := file.read(_CHUNK_BYTES, offset):
            digest.update(chunk)
            offset += len(chunk)
    return digest.hexdigest()


def check_room(path: Path, num_bytes: int) -> None:
    """Check that a file of this size fits on the disk. For libraries that would leave it half written.

    Raises OutputError naming the file.
    """
    if shutil.disk_usage(path.parent).free < num_bytes:
        raise output_error(path, OSError(errno.ENOSPC, ""))


@contextlib.contextmanager
def output_errors(folder: Place) -> Iterator[None]:
    """Turn every OSError of the context into an OutputError that names the file, or else the folder."""
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        raise output_error(Path(error.filename) if isinstance(error.filename, str) else folder, error) from error


def output_error(path: Place, error: OSError) -> OutputError:
    """Turn a failed write into an error that names the file and says what to do."""
    if isinstance(error, StoreError):
        return OutputError(str(error))
    if error.errno in FULL_DISK:
        reason = os.strerror(error.errno).lower()
        return OutputError(f"{path}: {reason}: make room and run the same command again: what is finished is kept")
    reason = (error.strerror or first_line(error)).lower()
    return OutputError(f"{path}: cannot be written ({reason}): choose another place or fix its permissions")
