"""Writing files so that each is whole or absent: atomic writes, durable renames, hashes, and errors of failed writes.

A large file for an object store is written to a local file first, then uploaded. (`places.py` names files;
`range_reader.py` reads parts of them.)
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mixup_pipeline.errors import OutputError, StoreError, UsageError, first_line
from mixup_pipeline.storage.places import ObjectPath, Place
from mixup_pipeline.storage.range_reader import RangeReader

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)

_CHUNK_BYTES = 4 << 20
_NAME_PART = 40
"""So many characters of a file's name stand in that of its unfinished file, which must not grow too long."""


def write_atomically(path: Place, content: str | bytes, *, durable: bool = True) -> None:
    """Write a small file, whole or not at all.

    durable: flush it to disk, so that this holds after a power cut too, and first remove what a killed process left of
    writing the same file.

    Raises OutputError where the file cannot be written.
    """
    content = content.encode() if isinstance(content, str) else content
    if isinstance(path, ObjectPath):
        path.write_bytes(content)
        return
    try:
        if durable:
            sweep_unfinished(path)
        with _unfinished(path) as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
            Path(file.name).replace(path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        raise output_error(path, error) from error


def sweep_unfinished(path: Path) -> None:
    """Remove what killed processes left of `write_atomically` for this path.

    What a process is writing now is left alone, and so is what cannot be removed.
    """
    left = re.compile(rf"\.{re.escape(path.name[:_NAME_PART])}\.[0-9a-f]{{12}}")
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for name in [entry.name for entry in entries if left.fullmatch(entry.name)]:
            _remove_unheld(path.with_name(name))


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


@contextlib.contextmanager
def _unfinished(path: Path) -> Iterator[BinaryIO]:
    """A new file beside `path`, to be renamed. It is locked, so that nobody sweeps it; it is removed after an error."""
    while True:
        partial = path.with_name(f".{path.name[:_NAME_PART]}.{uuid.uuid4().hex[:12]}")
        with partial.open("xb") as file:
            with contextlib.suppress(OSError):  # a file system without locks: there nobody sweeps either
                fcntl.flock(file, fcntl.LOCK_EX)
            if not partial.exists():
                continue  # another process swept it before it was locked
            try:
                yield file
            except BaseException:
                with contextlib.suppress(OSError):  # the first error says more; the next write sweeps
                    partial.unlink(missing_ok=True)
                raise
            return


def new_partial(name: str, folder: Place) -> Path:
    """A unique local name for an unfinished file: in the folder, or in the temporary folder where that is a store."""
    unique = f"{name}.{uuid.uuid4().hex[:12]}"
    return Path(tempfile.gettempdir()) / f"mixup-{unique}" if isinstance(folder, ObjectPath) else folder / unique


def publish(partial: Path, final: Place, *, durable: bool = True) -> None:
    """Move a finished local file to its final name; upload it where that is in an object store.

    durable: flush the file and the rename to disk. Raises OSError.
    """
    if isinstance(final, ObjectPath):
        final.upload(partial)
        partial.unlink()
        return
    if durable:
        with partial.open("rb") as file:
            os.fsync(file.fileno())
    partial.replace(final)
    if durable:
        sync_folder(final.parent)


def sizes(folder: Place) -> dict[str, int]:
    """Size in bytes of each file directly in a folder, by name."""
    return {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}


def stamp(path: Place) -> list[int | str]:
    """Size with modification time, or with the version of an object. It changes when the file is rewritten.

    Raises OSError where the file does not exist.
    """
    if isinstance(path, ObjectPath):
        found = path.stat()
        return [found.st_size, found.version]
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def remove_tree(folder: Place) -> None:
    """Remove a folder and everything in it. A missing folder is no error."""
    if isinstance(folder, ObjectPath):
        folder.remove_tree()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def free_bytes(folder: Place) -> int | None:
    """Free space in bytes; None for an object store, which does not tell."""
    return None if isinstance(folder, ObjectPath) else shutil.disk_usage(folder).free


def check_target(option: str, path: Path, suffix: str, *, outside: Place | None = None) -> None:
    """Check the path of a picture or page before any work is done for it.

    outside: the folder of a dataset. The file must not lie in it, or the dataset would no longer verify.

    Raises UsageError for a wrong suffix, a missing folder, or a file inside the dataset.
    """
    if path.suffix.lower() != suffix:
        raise UsageError(f"{option} {path}: its name must end in {suffix}")
    try:
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
        places = (path.resolve(), path.parent.resolve() / path.name)  # where a link points, and where it lies
    except OSError as error:
        raise output_error(path, error) from error
    if is_folder:
        raise UsageError(f"{option} {path}: is a folder: give the name of a file")
    if not has_folder:
        raise UsageError(f"{option} {path}: the folder {path.parent} does not exist: create it, or choose another")
    if isinstance(outside, Path) and any(outside.resolve() in place.parents for place in places):
        raise UsageError(
            f"{option} {path}: lies inside the dataset, which would no longer verify: choose a place outside"
        )


def sync_folder(folder: Path) -> None:
    """Flush the renames in a folder to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
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


def output_error(path: Place, error: OSError) -> OutputError:
    """Turn a failed write into an error that names the file and says what to do."""
    if isinstance(error, StoreError):
        return OutputError(str(error))
    if error.errno in FULL_DISK:
        reason = os.strerror(error.errno).lower()
        return OutputError(f"{path}: {reason}: make room and run the same command again: what is finished is kept")
    reason = (error.strerror or first_line(error)).lower()
    return OutputError(f"{path}: cannot be written ({reason}): choose another place or fix its permissions")
