"""Locks: one process at a time may write to a folder.

On a local disk the operating system holds the lock and drops it when the process dies. In an object store the lock is
an object that only one process can create, by a conditional write. Its holder rewrites it every few seconds. A lock
that nobody rewrites was left by a killed process: another process watches it for a while, then takes it over. No clock
of another machine has to be trusted.
"""

import contextlib
import errno
import fcntl
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from mixup_pipeline.errors import OutputError, StoreError
from mixup_pipeline.storage.atomic import output_error
from mixup_pipeline.storage.places import ObjectPath, Place

_LOGGER = logging.getLogger(__name__)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_RENEW_SECONDS = 5.0
_WATCH_SECONDS = 4 * _RENEW_SECONDS


@contextlib.contextmanager
def hold_lock(lock: Place, out: Place, command: str) -> Iterator[None]:
    """Hold a lock file while the context lasts.

    Raises OutputError, naming the folder `out`, where another process holds the lock.
    """
    with _hold_object(lock, out, command) if isinstance(lock, ObjectPath) else _hold_file(lock, out, command):
        yield


def _in_use(out: Place, command: str) -> OutputError:
    return OutputError(f"--out {out}: another {command} is writing here: wait for it or choose another --out")


@contextlib.contextmanager
def _hold_file(lock: Path, out: Place, command: str) -> Iterator[None]:
    """The file stays after the lock is dropped; the operating system drops it when the process dies."""
    try:
        handle = _open_locked(lock)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            _remove_unlocked(lock)
            reason = f"its file system has no locks (flock: {os.strerror(error.errno).lower()})"
            raise OutputError(f"--out {out}: {reason}: choose another --out") from error
        raise output_error(out, error) from error
    if handle is None:
        raise _in_use(out, command)
    try:
        yield
    finally:
        os.close(handle)


def _open_locked(path: Path) -> int | None:
    """An open file handle that holds the lock; None where another process holds it.

    Raises OSError where the file cannot be made or locked, or is a link.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        except FileNotFoundError:
            continue  # another process has removed the folder in between
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = path.exists() and os.path.samestat(os.fstat(handle), path.stat())
        except OSError as error:
            os.close(handle)
            if isinstance(error, BlockingIOError):
                return None
            if isinstance(error, FileNotFoundError):
                continue
            raise
        if held:
            return handle
        os.close(handle)  # its holder has removed the file in between: lock the new one


def _remove_unlocked(lock: Path) -> None:
    """Remove a lock file that could not be locked, and its folder where nothing else is in it."""
    with contextlib.suppress(OSError):
        lock.unlink()
        lock.parent.rmdir()


@contextlib.contextmanager
def _hold_object(lock: ObjectPath, out: Place, command: str) -> Iterator[None]:
    """The object is deleted when the lock is dropped."""
    version = _write_lock(lock, None) or _take_over(lock)
    if version is None:
        raise _in_use(out, command)
    renewal = _Renewal(lock, version)
    renewal.start()
    try:
        yield
    finally:
        renewal.stop()
    if renewal.lost:
        raise OutputError(
            f"--out {out}: another process took over the lock of this {command}: check the folder with mixup-verify, "
            f"or "
            f"run the same command again"
        )


def _take_over(lock: ObjectPath) -> str | None:
    """Watch a lock, and take it over if nobody renews it. Returns its new version; None where somebody does."""
    _LOGGER.warning(
        "%s: another run holds this lock, or left it behind: watching it for %g seconds", lock, _WATCH_SECONDS
    )
    seen, deadline = lock.version(), time.monotonic() + _WATCH_SECONDS
    while time.monotonic() < deadline:
        time.sleep(_RENEW_SECONDS / 5)
        found = lock.version()
        if found is None:
            return _write_lock(lock, None)
        if found != seen:
            return None
    return _write_lock(lock, seen)


class _Renewal(threading.Thread):
    """Renews a lock until it is stopped, then deletes it."""

    def __init__(self, lock: ObjectPath, version: str) -> None:
        super().__init__(daemon=True)
        self._lock, self._version, self._done = lock, version, threading.Event()
        self.lost = False

    def run(self) -> None:
        while not self.lost and not self._done.wait(_RENEW_SECONDS):
            with contextlib.suppress(StoreError):  # the next renewal may succeed; nobody takes over at once
                renewed = _write_lock(self._lock, self._version)
                self._version, self.lost = renewed or self._version, renewed is None

    def stop(self) -> None:
        self._done.set()
        self.join()
        with contextlib.suppress(StoreError):
            if self._lock.version() == self._version:
                self._lock.unlink(missing_ok=True)


def _write_lock(lock: ObjectPath, version: str | None) -> str | None:
    """`write_if_match` with new content: the new version, or None where the lock is another's.

    Where the answer to a first try is lost, the client tries again and is refused, though the lock is ours. So after a
    refusal the content is compared.
    """
    content = json.dumps({"host": socket.gethostname(), "process": os.getpid(), "renewal": uuid.uuid4().hex}).encode()
    written = lock.write_if_match(content, version)
    if written is not None:
        return written
    found = lock.version()
    return found if found is not None and lock.read_bytes() == content else None
