"""Locks: one process at a time in a folder.

On a local disk the operating system holds the lock and drops it when the process dies. In an object store the lock is
an object that only one can make; its holder writes it anew every few seconds, so that one left by a killed process is
told from a held one by watching it, without trusting any clock.
"""

import contextlib
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
_BEAT_SECONDS = 5.0
_PATIENCE_SECONDS = 4 * _BEAT_SECONDS


@contextlib.contextmanager
def held(lock: Place, out: Place, command: str) -> Iterator[None]:
    """Hold a lock file.

    Raises OutputError, of the folder `out`, where another process holds it.
    """
    with _leased(lock, out, command) if isinstance(lock, ObjectPath) else _flocked(lock, out, command):
        yield


def _in_use(out: Place, command: str) -> OutputError:
    return OutputError(f"out {out}: another {command} is writing here: wait for it or choose another --out")


@contextlib.contextmanager
def _flocked(lock: Path, out: Place, command: str) -> Iterator[None]:
    """The file stays; the operating system drops the lock when the process dies."""
    try:
        handle = _locked(lock)
    except OSError as error:
        raise output_error(out, error) from error
    if handle is None:
        raise _in_use(out, command)
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


@contextlib.contextmanager
def _leased(lock: ObjectPath, out: Place, command: str) -> Iterator[None]:
    """The object goes when the lock is given back."""
    stamp = _written(lock, None) or _taken_over(lock)
    if stamp is None:
        raise _in_use(out, command)
    lease = _Lease(lock, stamp)
    lease.start()
    try:
        yield
    finally:
        lease.stop()


def _taken_over(lock: ObjectPath) -> str | None:
    """The new stamp of a lock that nobody renews while it is watched; None where somebody does."""
    _LOGGER.warning("%s: was left by another run, or is in use: watching it for %g seconds", lock, _PATIENCE_SECONDS)
    seen, deadline = lock.stamp(), time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(_BEAT_SECONDS / 5)
        found = lock.stamp()
        if found is None:
            return _written(lock, None)
        if found != seen:
            return None
    return _written(lock, seen)


class _Lease(threading.Thread):
    """Renews a lock until it is stopped."""

    def __init__(self, lock: ObjectPath, stamp: str) -> None:
        super().__init__(daemon=True)
        self._lock, self._stamp, self._done = lock, stamp, threading.Event()

    def run(self) -> None:
        while not self._done.wait(_BEAT_SECONDS):
            with contextlib.suppress(StoreError):  # the next beat may come through; nobody takes over at once
                self._stamp = _written(self._lock, self._stamp) or self._stamp

    def stop(self) -> None:
        self._done.set()
        self.join()
        with contextlib.suppress(StoreError):
            if self._lock.stamp() == self._stamp:
                self._lock.unlink(missing_ok=True)


def _written(lock: ObjectPath, stamp: str | None) -> str | None:
    """As `write_over` with new content. Where the answer to a first try is lost, the client's second one is refused."""
    beat = json.dumps({"host": socket.gethostname(), "process": os.getpid(), "beat": uuid.uuid4().hex}).encode()
    written = lock.write_over(beat, stamp)
    if written is not None:
        return written
    found = lock.stamp()
    return found if found is not None and lock.read_bytes() == beat else None
