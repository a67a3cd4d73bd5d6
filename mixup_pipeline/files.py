"""Files that are whole or absent: atomic writes, durable renames, hashes, locks, and the error of a failed write."""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from mixup_pipeline.errors import OutputError, UsageError, first_line

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)

_CHUNK_BYTES = 4 << 20


def write_atomically(path: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Write a small file so that it is there whole or not at all; where it is durable, also after a power cut.

    Raises OutputError where it cannot be written.
    """
    partial = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex[:12]}")
    try:
        with partial.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        partial.replace(path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise output_error(path, error) from error


def check_target(option: str, path: Path, suffix: str, *, outside: Path | None = None) -> None:
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
    if outside is not None and any(outside.resolve() in place.parents for place in places):
        raise UsageError(
            f"{option} {path}: lies inside the dataset, which would no longer verify: choose a place outside"
        )


@contextlib.contextmanager
def held(lock: Path, out: Path, command: str) -> Iterator[None]:
    """Hold a lock file, which stays; the operating system drops the lock when the process dies.

    Raises OutputError, of the folder `out`, where another process holds it.
    """
    try:
        handle = _locked(lock)
    except OSError as error:
        raise output_error(out, error) from error
    if handle is None:
        raise OutputError(f"out {out}: another {command} is writing here: wait for it or choose another --out")
    try:
        yield
    finally:
        os.close(handle)


def _locked(path: Path) -> int | None:
    """A handle that holds the lock; None where another process has it."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        os.close(handle)  # whoever held it removed the file in between: lock the new one


def sync_folder(folder: Path) -> None:
    """Make renames in the folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """The hash of a whole file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def check_room(path: Path, num_bytes: int) -> None:
    """Refuse to begin a file for which there is no room, where its library would leave it half written.

    Raises OutputError naming the file.
    """
    if shutil.disk_usage(path.parent).free < num_bytes:
        raise output_error(path, OSError(errno.ENOSPC, ""))


def output_error(path: Path, error: OSError) -> OutputError:
    """The error of a file that could not be written, with what to do."""
    if error.errno in FULL_DISK:
        reason = os.strerror(error.errno).lower()
        return OutputError(f"{path}: {reason}: make room and run the same command again: what is finished is kept")
    reason = (error.strerror or first_line(error)).lower()
    return OutputError(f"{path}: cannot be written ({reason}): choose another place or mend its permissions")
