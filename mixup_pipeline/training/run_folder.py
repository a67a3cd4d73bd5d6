"""The folder of a training run: the request, the history, and all that is needed to resume after a stop.

config.json        the configuration and the data
history.csv        one row for each epoch
state.npz          the last save: its step and all variables of model, optimizer and running metrics; no pickles
tensorboard/       the history for TensorBoard
best.weights.h5, last.weights.h5   weights for Keras
result.json        written last: a run with it is complete
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import OutputError, first_line
from mixup_pipeline.storage.atomic import check_room, output_error, write_atomically
from mixup_pipeline.training.claimed_folder import claimed, read_json

Row = dict[str, float | int]

_TRAINING = {"loss", "weighted_accuracy", "dominant_accuracy"}
_CLEAN = {"accuracy", "nll", "ece", "brier", "confidence"}
_COLUMNS = {"epoch", "step", "seconds", *_TRAINING, *_CLEAN}

_HDF5_BYTES = 4096  # overhead for each variable in its file; 1.5 kB was measured


@dataclass(frozen=True)
class RunFolder:
    """Paths and files of one run."""

    root: Path

    @property
    def result(self) -> Path:
        return self.root / "result.json"

    @property
    def best_weights(self) -> Path:
        return self.root / "best.weights.h5"

    @property
    def last_weights(self) -> Path:
        return self.root / "last.weights.h5"

    def claimed(self, asked: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Hold the folder for one request; raises as `claimed_folder.claimed` does."""
        return claimed(self.root, asked, what="training run", command="mixup-train")

    def save_state(self, step: int, arrays: Sequence[npt.NDArray[Any]]) -> None:
        """Write all variables as they are after this step."""
        buffer = io.BytesIO()
        np.savez(buffer, np.int64(step), *arrays)
        write_atomically(self.root / "state.npz", buffer.getvalue())

    def load_state(self) -> tuple[int, list[npt.NDArray[Any]]] | None:
        """The step and the variables of the last save; None if there is none.

        Raises OutputError if the file is damaged.
        """
        path = self.root / "state.npz"
        if not path.is_file():
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                step, *arrays = [stored[name] for name in stored.files]
                return int(step), arrays
        except Exception as error:  # a damaged archive can raise almost anything
            raise self._damaged(path, error) from error

    def save_history(self, rows: Sequence[Row]) -> None:
        """Write the rows of all epochs."""
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(self.root / "history.csv", buffer.getvalue())

    def load_history(self) -> list[Row]:
        """The rows of the epochs that are complete.

        Raises OutputError if the file is damaged.
        """
        path = self.root / "history.csv"
        if not path.is_file():
            return []
        try:
            with path.open(newline="") as file:
                return [_row(cells) for cells in csv.DictReader(file)]
        except (ValueError, TypeError, OSError) as error:
            raise self._damaged(path, error) from error

    def _damaged(self, path: Path, error: Exception) -> OutputError:
        return OutputError(f"{path}: cannot be read ({first_line(error)}): remove {self.root} and train again")

    def save_weights(self, model: Any, path: Path) -> None:
        """Write the weights of a compiled Keras model, whole or not at all.

        Raises OutputError if they cannot be written. Free space is checked first, because HDF5 reports a full disk only
        when it closes the file, and in a way that no caller can catch.
        """
        variables = (*model.variables, *model.optimizer.variables)
        check_room(path, sum(_HDF5_BYTES + 4 * math.prod(variable.shape) for variable in variables))
        partial = path.with_name(f".partial-{path.name}")
        try:
            model.save_weights(partial)
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise output_error(path, error) from error

    def save_result(self, result: Mapping[str, Any]) -> None:
        write_atomically(self.result, json.dumps(result, indent=2) + "\n")

    def load_result(self) -> dict[str, Any]:
        return read_json(self.result, remove=self.root, needed=("steps", "epochs", "last", "best", "seconds"))

    def load_finished(self) -> tuple[dict[str, Any], list[Row]]:
        """The result and the history of a complete run.

        Raises OutputError if a file is damaged, or if the two do not agree.
        """
        result, rows = self.load_result(), self.load_history()
        if len(rows) != result["epochs"] or rows[-1:] != [result["last"]] or result["best"] not in rows:
            raise self._damaged(self.root / "history.csv", ValueError("its epochs are not those of result.json"))
        return result, rows


def _row(cells: Mapping[str | None, Any]) -> Row:
    """A row of the history from its cells by column. Raises ValueError if it is not one."""
    if None in cells or None in cells.values():
        raise ValueError(f"a row has too {'many' if None in cells else 'few'} figures")
    row = {str(column): _number(text) for column, text in cells.items()}
    if set(row) != _COLUMNS:
        raise ValueError("its columns are not those of a history")
    return row


def _number(text: str) -> float | int:
    """A number of the history. Raises ValueError if it is not one."""
    return int(text) if text.lstrip("-").isdecimal() else float(text)
