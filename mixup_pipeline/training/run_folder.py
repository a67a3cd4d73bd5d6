"""The folder of a training run: what was asked for, how it went, and all that is needed to go on after a stop.

config.json        what was asked for, of which data
history.csv        one row an epoch
state.npz          the step of the last save and every variable then: model, optimizer, running metrics; no pickles
tensorboard/       the history for TensorBoard
best.weights.h5, last.weights.h5   weights for Keras
result.json        written last: a run with it is complete
"""

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import OutputError
from mixup_pipeline.files import output_error, write_atomically
from mixup_pipeline.training.claimed import claimed, read_json

Row = dict[str, float | int]


@dataclass(frozen=True)
class RunFolder:
    """Paths and content of one run's folder."""

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
        """Hold the folder for what is asked; raises as `claimed.claimed` does."""
        return claimed(self.root, asked, what="training run", command="mixup-train")

    def save_state(self, step: int, arrays: Sequence[npt.NDArray[Any]]) -> None:
        """Keep all variables as they are after this step."""
        buffer = io.BytesIO()
        np.savez(buffer, np.int64(step), *arrays)
        write_atomically(self.root / "state.npz", buffer.getvalue())

    def load_state(self) -> tuple[int, list[npt.NDArray[Any]]] | None:
        """The step and the variables of the last save; None where there is none.

        Raises OutputError where the file is damaged.
        """
        path = self.root / "state.npz"
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as stored:
                step, *arrays = [stored[name] for name in stored.files]
                return int(step), arrays
        except (ValueError, OSError, zipfile.BadZipFile) as error:
            raise OutputError(f"{path}: cannot be read ({error}): remove {self.root} and train again") from error

    def save_history(self, rows: Sequence[Row]) -> None:
        """Write all epochs anew."""
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(self.root / "history.csv", buffer.getvalue())

    def load_history(self) -> list[Row]:
        """The epochs that are complete."""
        path = self.root / "history.csv"
        if not path.is_file():
            return []
        with path.open(newline="") as file:
            return [{key: _number(value) for key, value in row.items()} for row in csv.DictReader(file)]

    def save_weights(self, model: Any, path: Path) -> None:
        """Write the weights of a Keras model, whole or not at all."""
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
        return read_json(self.result)


def _number(text: str) -> float | int:
    return int(text) if text.lstrip("-").isdecimal() else float(text)
