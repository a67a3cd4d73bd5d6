"""The work folder `{out}/.work/`: index, plan and unfinished shards of a run, removed once its manifest is written.

request.json            what was asked for; a later command resumes only if it asks for the same
lock                    held by the launcher while it lives
index/NNNNN.npy, .json  entries and summary of each source file
spool/NNNNN             a compressed source file, uncompressed
run.json, slots.npy     the run and the slot table
partners-CCCCC.npy      the pairing of each copy
shards/NAME.json        size and sha256 of each finished shard
partial/                shards being written
"""

import json
import re
import shutil
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.files import output_error, write_atomically
from mixup_pipeline.index import Entries
from mixup_pipeline.manifest import MANIFEST_NAME
from mixup_pipeline.run import IndexedFile, Run, indexed_file

WORK_NAME = ".work"

_OURS = re.compile(
    r"\.?(request\.json|previous\.json|run\.json|lock|index|spool|shards|partial|slots\.npy|partners-\d+\.npy)(\.[0-9a-f]+)?"
)


@dataclass(frozen=True, kw_only=True)
class FinishedShard:
    """What is known of a shard that stands under its final name."""

    run_id: str
    examples: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class WorkFolder:
    """Paths of one work folder, and what is stored there."""

    root: Path

    @classmethod
    def of(cls, out: Path) -> "WorkFolder":
        return cls(out / WORK_NAME)

    @property
    def request(self) -> Path:
        return self.root / "request.json"

    @property
    def previous(self) -> Path:
        return self.root / "previous.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def run(self) -> Path:
        return self.root / "run.json"

    @property
    def finished(self) -> Path:
        return self.root / "shards"

    @property
    def partial(self) -> Path:
        return self.root / "partial"

    def create(self) -> None:
        for folder in ("index", "spool", "shards", "partial"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    def clear(self) -> None:
        """Remove everything but the lock."""
        for path in self.root.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != self.lock:
                path.unlink()

    def foreign(self) -> list[str]:
        """What stands in the work folder and was never put there."""
        if not self.root.exists():
            return []
        if not self.root.is_dir():
            return [""]
        strange = sorted(path.name for path in self.root.iterdir() if not _OURS.fullmatch(path.name))
        if not strange and self.request.is_file() and self.request.stat().st_size and self.load_request() is None:
            strange = [self.request.name]
        return strange

    def save_request(self, request: dict[str, Any]) -> None:
        write_atomically(self.request, json.dumps(request), durable=False)

    def load_request(self) -> dict[str, Any] | None:
        return _read_json(self.request)

    def save_previous(self, names: list[str]) -> None:
        write_atomically(self.previous, json.dumps(sorted(names, key=lambda name: name != MANIFEST_NAME)))

    def previous_files(self) -> list[Path]:
        """The files of another run that this run is to replace, the manifest first."""
        if not self.previous.exists():
            return []
        return [self.root.parent / name for name in json.loads(self.previous.read_text())]

    def remove(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def spool(self, position: int) -> Path:
        return self.root / "spool" / f"{position:05d}"

    def index(self, position: int) -> Path:
        return self.root / "index" / f"{position:05d}"

    def new_partial(self, name: str) -> Path:
        """A name for an unfinished file that no other attempt uses."""
        return self.partial / f"{name}.{uuid.uuid4().hex[:12]}"

    def save_index(self, position: int, entries: Entries, file: IndexedFile, stamp: list[int]) -> None:
        """Store the entries of one source file; stamp tells later whether the file is still the same."""
        self._save(self.index(position).with_suffix(".npy"), entries)
        write_atomically(
            self.index(position).with_suffix(".json"), json.dumps({"file": asdict(file), "stamp": stamp}), durable=False
        )

    def load_index(self, position: int, stamp: list[int]) -> IndexedFile | None:
        """The summary of an index made from the file with this stamp, or None."""
        stored = _read_json(self.index(position).with_suffix(".json"))
        return indexed_file(stored["file"]) if stored is not None and stored["stamp"] == stamp else None

    def entries(self, position: int) -> Entries:
        return np.load(self.index(position).with_suffix(".npy"))

    def save_slots(self, slots: Entries) -> None:
        self._save(self.root / "slots.npy", slots)

    def slots(self) -> Entries:
        """The slot table, mapped from disk."""
        return np.load(self.root / "slots.npy", mmap_mode="r")

    def save_partners(self, copy: int, partners: npt.NDArray[np.int64]) -> None:
        self._save(self.root / f"partners-{copy:05d}.npy", partners.astype(np.int32))

    def partners(self, copy: int) -> npt.NDArray[np.int32]:
        """The pairing of one copy, mapped from disk."""
        return np.load(self.root / f"partners-{copy:05d}.npy", mmap_mode="r")

    def save_run(self, run: Run) -> None:
        write_atomically(self.run, run.to_json(), durable=False)

    def load_run(self) -> Run:
        return Run.from_json(self.run.read_text())

    def save_finished(self, name: str, shard: FinishedShard) -> None:
        write_atomically(self.finished / f"{name}.json", json.dumps(asdict(shard)), durable=False)

    def load_finished(self, name: str) -> FinishedShard | None:
        stored = _read_json(self.finished / f"{name}.json")
        return None if stored is None else FinishedShard(**stored)

    def _save(self, path: Path, array: npt.NDArray[Any]) -> None:
        partial = self.new_partial(path.name)
        try:
            with partial.open("wb") as file:
                np.save(file, array)
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise output_error(path, error) from error


def _read_json(path: Path) -> dict[str, Any] | None:
    """A note in the work folder; None where there is none, or a power cut left it empty: then work is done anew."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
