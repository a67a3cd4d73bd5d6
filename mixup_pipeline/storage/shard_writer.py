"""Writing one output file: a thread writes and hashes it, then it is renamed into place or uploaded."""

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from mixup_pipeline.storage.atomic import output_error, publish, write_all
from mixup_pipeline.storage.places import Place
from mixup_pipeline.storage.unfinished import open_unfinished

_MAX_PENDING_BLOCKS = 3


class ShardWriter:
    """Writes blocks to a temporary file while the caller makes the next ones.

    Use it as a context: an unfinished file is removed at its end. Raises OutputError where the file cannot be written.
    """

    def __init__(self, partial: Path, final: Place) -> None:
        self._partial, self._final = partial, final
        self._sha256, self._bytes = hashlib.sha256(), 0
        self._pending: deque[Future[None]] = deque()
        self._unfinished = ExitStack()
        try:
            self._file = self._unfinished.enter_context(open_unfinished(partial))
        except OSError as error:
            raise output_error(final, error) from error
        self._thread = ThreadPoolExecutor(max_workers=1)

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.shutdown(cancel_futures=True)
        self._unfinished.close()

    def write(self, block: bytes | bytearray) -> None:
        """Hand over one block. Waits while the disk is several blocks behind."""
        self._pending.append(self._thread.submit(self._append, block))
        self._bytes += len(block)
        while len(self._pending) > _MAX_PENDING_BLOCKS:
            self._await_oldest()

    def finish(self) -> tuple[int, str]:
        """Give the file its final name, flushed to disk. Returns its size in bytes and its SHA-256 in hexadecimal."""
        while self._pending:
            self._await_oldest()
        try:
            publish(self._partial, self._final)
        except OSError as error:
            raise output_error(self._final, error) from error
        return self._bytes, self._sha256.hexdigest()

    def _append(self, block: bytes | bytearray) -> None:
        self._sha256.update(block)
        write_all(self._file, block)

    def _await_oldest(self) -> None:
        try:
            self._pending.popleft().result()
        except OSError as error:
            raise output_error(self._final, error) from error
