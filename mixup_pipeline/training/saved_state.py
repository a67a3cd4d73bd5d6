"""A save: all that is needed to go on with a run as if it had not been stopped.

It is one file, so that its parts always belong together. What else a run writes follows from it: after an epoch the
save comes first, and a run that is stopped in between writes the rest when it goes on. It is an archive of plain
arrays, without pickles, and with a digest of all of them.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import first_line

Row = dict[str, float | int]
Array = npt.NDArray[Any]

_DIGEST = "sha256"
_NOTES = "notes"  # the name of a keyword below


@dataclass(frozen=True, kw_only=True)
class SavedState:
    """A run after a step.

    arrays: all variables of model, optimizer and running metrics. history: the rows of the finished epochs. best: the
    SHA-256 of the best weights; None if they are the model's now. run: the digest of the request.
    """

    step: int
    arrays: Sequence[Array]
    history: Sequence[Row]
    best: str | None
    run: str

    def digest(self) -> str:
        """SHA-256 of all that is saved."""
        found = hashlib.sha256(json.dumps([self.step, list(self.history), self.best, self.run]).encode())
        for array in self.arrays:
            found.update(f"{array.dtype.str}{array.shape}".encode())
            found.update(array.tobytes())
        return found.hexdigest()

    def to_bytes(self) -> bytes:
        """The content of the file."""
        buffer, known = io.BytesIO(), {"history": list(self.history), "best": self.best, "run": self.run}
        notes = json.dumps({**known, _DIGEST: self.digest()}).encode()
        np.savez(buffer, np.int64(self.step), *self.arrays, notes=np.frombuffer(notes, np.uint8))
        return buffer.getvalue()


def read_state(path: Path) -> SavedState:
    """Raises ValueError if the file is damaged, and OSError if it cannot be read."""
    content = io.BytesIO(path.read_bytes())
    try:
        with np.load(content, allow_pickle=False) as stored:
            notes = json.loads(stored[_NOTES].tobytes())
            step, *arrays = [stored[name] for name in stored.files if name != _NOTES]
            digest = notes.pop(_DIGEST)
            state = SavedState(step=int(step), arrays=arrays, **notes)
            sound = state.digest() == digest
    except KeyError as error:
        raise ValueError("is not a save of this version") from error
    except Exception as error:  # a damaged archive can raise almost anything
        raise ValueError(f"is not as it was written ({first_line(error) or type(error).__name__})") from error
    if not sound:
        raise ValueError("is not as it was written (its digest differs)")
    return state
