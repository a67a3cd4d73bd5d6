"""Files that are whole or absent, wherever they are: atomic writes, durable renames, hashes, and the error of a failed
write. What is uploaded to an object store is first a local file of its own.
"""

import errno
import hashlib
import os
import shutil
import tempfile
import uuid
from pathlib import Path

from mixup_pipeline.errors import OutputError, StoreError, UsageError, first_line
from mixup_pipeline.storage.places import ObjectPath, Place
from mixup_pipeline.storage.range_reader import RangeReader

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)

_CHUNK_BYTES = 4 << 20


def write_atomically(path: Place, content: str | bytes, *, durable: bool = True) -> None:
    """Write a small file so that it is there whole or not at all; where it is durable, also after a power cut.

    Raises OutputError where it cannot be written.
    """
    content = content.encode() if isinstance(content, str) else content
    if isinstance(path, ObjectPath):
        path.write_bytes(content)
        return
    partial = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex[:12]}")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        partial.replace(path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise output_error(path, error) from error


def new_partial(name: str, folder: Place) -> Path:
    """A local name for an unfinished file that no other attempt uses: in the folder, or a temporary one for a store."""
    unique = f"{name}.{uuid.uuid4().hex[:12]}"
    return Path(tempfile.gettempdir()) / f"mixup-{unique}" if isinstance(folder, ObjectPath) else folder / unique


def publish(partial: Path, final: Place, *, durable: bool = True) -> None:
    """Give a finished local file its final name, where it is then whole; one for an object store is uploaded.

    Raises OSError.
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
    """Bytes of the files directly in a folder, by their names."""
    return {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}


def stamp(path: Place) -> list[int | str]:
    """What changes when a file is written anew.

    Raises OSError where there is none.
    """
    if isinstance(path, ObjectPath):
        found = path.stat()
        return [found.st_size, found.stamp]
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def remove_tree(folder: Place) -> None:
    """Remove a folder with all that is in it; no error where it is not there."""
    if isinstance(folder, ObjectPath):
        folder.remove_tree()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def free_bytes(folder: Place) -> int | None:
    """How much may still be written; None for an object store, which does not say."""
    return None if isinstance(folder, ObjectPath) else shutil.disk_usage(folder).free


def check_target(option: str, path: Path, suffix: str, *, outside: Place | None = None) -> None:
    """Check where a picture or page is to be written, before any work is done for it.

    outside: a dataset that the file must not lie in, because then the dataset would no longer verify.

    Raises UsageError for another suffix, a folder that does not exist, or a file inside the dataset.
    """
    if path.suffix.lower() != suffix:
        raise UsageError(f"{option} {path}: its name must end in {suffix}")
    try:
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
        places = (path.resolve(), path.parent.resolve() / path.name)  # where a link leads, and where it stands
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
    """Make renames in the folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Place) -> str:
    """The hash of a whole file, hexadecimal."""
    digest, offset = hashlib.sha256(), 0
    with RangeReader(path) as file:
        while chunk := file.read(_CHUNK_BYTES, offset):
            digest.update(chunk)
            offset += len(chunk)
    return digest.hexdigest()


def check_room(path: Path, num_bytes: int) -> None:
    """Refuse to begin a file for which there is no room, where its library would leave it half written.

    Raises OutputError naming the file.
    """
    if shutil.disk_usage(path.parent).free < num_bytes:
        raise output_error(path, OSError(errno.ENOSPC, ""))


def output_error(path: Place, error: OSError) -> OutputError:
    """The error of a file that could not be written, with what to do."""
    if isinstance(error, StoreError):
        return OutputError(str(error))
    if error.errno in FULL_DISK:
        reason = os.strerror(error.errno).lower()
        return OutputError(f"{path}: {reason}: make room and run the same command again: what is finished is kept")
    reason = (error.strerror or first_line(error)).lower()
    return OutputError(f"{path}: cannot be written ({reason}): choose another place or mend its permissions")
