"""The folder of a training run: the request, the history, and all that is needed to resume after a stop.

config.json        the configuration and the data
prepared/          clean examples whose images were brought to a size, as shards with nothing mixed
state.npz          the last save, from which the next four follow (`saved_state.py`)
history.csv        one row for each epoch
tensorboard/       the history for TensorBoard
best.weights.h5, last.weights.h5   weights for Keras
SHA256SUMS         of a complete run: what its files hash to
result.json        written last: a run with it is complete
"""

import contextlib
import csv
import io
import json
import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixup_pipeline.errors import OutputError, UsageError, first_line
from mixup_pipeline.storage.atomic import check_room, output_error, publish, sha256_of, write_atomically
from mixup_pipeline.training.checksums import SUMS, changed_file, sha256, write_sums
from mixup_pipeline.training.claimed_folder import Kind, OnNote, check_free, claimed, ignore, is_claimed, read_json
from mixup_pipeline.training.saved_state import Row, SavedState, read_state
from mixup_pipeline.training.tasks import task_of_history
from mixup_pipeline.training.tensorflow_import import can_name

_HDF5_BYTES = 4096  # overhead for each variable in its file; 1.5 kB was measured
_RESULT, _HISTORY, _STATE = "result.json", "history.csv", "state.npz"
_BEST, _LAST, _PARTIAL = "best.weights.h5", "last.weights.h5", ".partial-"
_PREPARED = "prepared"
_SUMMED = (_HISTORY, _BEST, _LAST)
_FILES = (_RESULT, _HISTORY, _STATE, _BEST, _LAST, SUMS, "probes.json", "predictions.npz", "samples.npz")
_KIND = Kind(
    what="training run",
    command="mixup-train",
    holds=frozenset({*_FILES, _PARTIAL + _BEST, _PARTIAL + _LAST, "tensorboard"}),
    before=frozenset({_PREPARED}),
)


@dataclass(frozen=True)
class RunFolder:
    """Paths and files of one run."""

    root: Path

    @property
    def result(self) -> Path:
        return self.root / _RESULT

    @property
    def best_weights(self) -> Path:
        return self.root / _BEST

    @property
    def last_weights(self) -> Path:
        return self.root / _LAST

    @property
    def prepared(self) -> Path:
        """The folder of clean examples whose images were brought to a size."""
        return self.root / _PREPARED

    @property
    def is_claimed(self) -> bool:
        """Whether a request was made here."""
        return is_claimed(self.root)

    def check_free(self) -> None:
        """Raise UsageError if the folder holds something else, so that nothing may be prepared there."""
        check_free(self.root, _KIND)

    @property
    def log(self) -> Path:
        """The folder of TensorBoard's files."""
        return self.root / "tensorboard"

    def claimed(
        self, asked: Mapping[str, Any], on_note: OnNote = ignore, *, may_grow: Collection[str] = ()
    ) -> AbstractContextManager[None]:
        """Hold the folder for one request, as `claimed_folder.claimed` does."""
        return claimed(self.root, asked, _KIND, on_note, may_grow=may_grow)

    def check_files(self) -> None:
        """Refuse now what could not be written later.

        Raises UsageError for a name that TensorFlow cannot take, OutputError where a folder stands in place of a file.
        """
        if not can_name(str(self.root)):
            raise UsageError(f"--out {str(self.root)!a}: its name is not UTF-8, which TensorFlow needs: choose another")
        for path in (self.root / name for name in _FILES):
            if path.is_dir():
                raise OutputError(f"{path}: is a folder, where a file is to be written: move it away")

    def save_state(self, state: SavedState) -> None:
        """Write all that is needed to go on after this step."""
        write_atomically(self.root / _STATE, state.to_bytes())

    def load_state(self) -> SavedState | None:
        """The last save; None if there is none.

        Raises ValueError naming the file if it is damaged, OutputError if it cannot be read.
        """
        path = self.root / _STATE
        try:
            return read_state(path) if path.is_file() else None
        except OSError as error:
            raise _unreadable(path, error) from error
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def save_history(self, rows: Sequence[Row]) -> None:
        """Write the rows of all epochs."""
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(self.root / _HISTORY, buffer.getvalue())

    def load_history(self) -> list[Row]:
        """The rows of the epochs that are complete.

        Raises ValueError naming the file if it is damaged, OSError if it cannot be read.
        """
        path = self.root / _HISTORY
        if not path.is_file():
            return []
        try:
            return [_row(cells) for cells in csv.DictReader(io.StringIO(path.read_bytes().decode()))]
        except (ValueError, TypeError, csv.Error) as error:
            raise ValueError(f"{path}: cannot be read ({first_line(error)})") from error

    def save_weights(self, model: Any, path: Path) -> str:
        """Write the weights of a compiled Keras model, whole or not at all. Returns their SHA-256.

        Raises OutputError if they cannot be written. Free space is checked first, because HDF5 reports a full disk only
        when it closes the file, and in a way that no caller can catch.
        """
        variables = (*model.variables, *model.optimizer.variables)
        check_room(path, sum(_HDF5_BYTES + 4 * math.prod(variable.shape) for variable in variables))
        partial = path.with_name(_PARTIAL + path.name)
        try:
            partial.unlink(missing_ok=True)  # of a killed run; HDF5 would follow a link
            model.save_weights(partial)
            digest = sha256_of(partial)
            publish(partial, path)
        except OSError as error:
            with contextlib.suppress(OSError):  # the first error says more; the next start takes the same name
                partial.unlink(missing_ok=True)
            raise output_error(path, error) from error
        return digest

    def save_result(self, result: Mapping[str, Any]) -> None:
        """Complete the run: write what its files hash to, then the result."""
        content = json.dumps(result, indent=2) + "\n"
        try:
            sums = {name: sha256_of(self.root / name) for name in _SUMMED}
        except OSError as error:
            raise _unreadable(self.root, error) from error
        write_sums(self.root, {**sums, _RESULT: sha256(content.encode())})
        write_atomically(self.result, content)

    def remove_result(self) -> None:
        """Make the run incomplete again. Raises OutputError if that is not possible."""
        try:
            self.result.unlink(missing_ok=True)
        except OSError as error:
            raise output_error(self.result, error) from error

    def fault(self, asked: Mapping[str, Any] | None = None) -> str | None:
        """Why a run is not complete and sound, naming the file; None if it is. asked: it must be of this request.

        Raises OutputError if a file cannot be read.
        """
        try:
            changed = changed_file(self.root, (*_SUMMED, _RESULT))
            if changed is not None:
                return f"{self.root / changed}: is not as it was written"
            result, _ = self.load_finished()
        except ValueError as error:
            return str(error)
        except OSError as error:
            raise _unreadable(self.root, error) from error
        wanted = json.loads(json.dumps(asked or {}))
        other = any(result.get(key) != value for key, value in wanted.items())
        return f"{self.result}: is of another request" if other else None

    def load_finished(self) -> tuple[dict[str, Any], list[Row]]:
        """The result and the history of a complete run.

        Raises ValueError naming the file if one is damaged, or the two do not agree; OSError if one cannot be read.
        """
        try:
            result = read_json(self.result, needed=("steps", "epochs", "last", "best", "seconds"))
        except ValueError as error:
            raise ValueError(f"{self.result}: {error}") from error
        rows = self.load_history()
        if rows[-1:] != [result["last"]] or result["best"] not in rows:
            raise ValueError(f"{self.root / _HISTORY}: its epochs are not those of {_RESULT}")
        return result, rows


def digest_of(asked: Mapping[str, Any]) -> str:
    """What tells one request from another."""
    return sha256(json.dumps(asked, sort_keys=True).encode())


def _unreadable(path: Path, error: OSError) -> OutputError:
    found = error.filename or path
    reason = (error.strerror or first_line(error)).lower()
    return OutputError(f"{found}: cannot be read ({reason}): fix its permissions, or remove it and run again")


def _row(cells: Mapping[str | None, Any]) -> Row:
    """A row of the history from its cells by column. Raises ValueError if it is not one."""
    if None in cells or None in cells.values():
        raise ValueError(f"a row has too {'many' if None in cells else 'few'} figures")
    row = {str(column): _number(text) for column, text in cells.items()}
    task_of_history(row)
    return row


def _number(text: str) -> float | int:
    """A number of the history. Raises ValueError if it is not one."""
    return int(text) if text.lstrip("-").isdecimal() else float(text)
