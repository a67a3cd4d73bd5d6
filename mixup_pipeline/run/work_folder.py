"""The work folder `{out}/.work/`: index, plan and unfinished shards of a run.

It is removed after the manifest is written.

request.json            the request; a later command resumes the run only if its request is equal
previous.json           the files of another run that this run replaces
lock                    held by the launcher while it runs
index/NNNNN.entries     the entries of each source file; NNNNN.json is its summary
spool/NNNNN             the uncompressed copy of a compressed source file
run.json, slots         the run and the slot table
partners-CCCCC          for each copy, the partner of every slot with its entry, so that a shard reads one piece
shards/NAME.json        size and sha256 of each finished shard
partial/                files being written, if the folder is on a local disk

Arrays are stored as plain bytes, without a header, and are read in pieces.
"""

import errno
import json
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config.typed_json import from_json, to_json
from mixup_pipeline.dataset.manifest import MANIFEST_NAME, WORK_NAME
from mixup_pipeline.errors import MixupError
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.run import Run
from mixup_pipeline.run.slots import PARTNER, PartnerEntries, partner_entries
from mixup_pipeline.sources.index import ENTRY, Entries, IndexedFile
from mixup_pipeline.storage.atomic import new_partial, output_error, publish, remove_tree, write_atomically
from mixup_pipeline.storage.places import ObjectPath, Place
from mixup_pipeline.storage.range_reader import RangeReader

Note = TypeVar("Note")

_OURS = re.compile(
    r"\.?(request\.json|previous\.json|run\.json|lock|index|spool|shards|partial|slots|partners-\d+)(\.[0-9a-f]+)?"
)


@dataclass(frozen=True, kw_only=True)
class FinishedShard:
    """A finished shard, which has its final name."""

    run_id: str
    examples: int
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class _IndexNote:
    """The summary of an indexed file. stamp: the file's stamp when it was indexed."""

    file: IndexedFile
    stamp: list[int | str]


@dataclass(frozen=True)
class WorkFolder:
    """One work folder: the paths in it, and reading and writing its files."""

    root: Place

    @classmethod
    def of(cls, out: Place) -> "WorkFolder":
        return cls(out / WORK_NAME)

    @property
    def request(self) -> Place:
        return self.root / "request.json"

    @property
    def previous(self) -> Place:
        return self.root / "previous.json"

    @property
    def lock(self) -> Place:
        return self.root / "lock"

    @property
    def run(self) -> Place:
        return self.root / "run.json"

    @property
    def finished(self) -> Place:
        return self.root / "shards"

    @property
    def partial(self) -> Place:
        return self.root / "partial"

    def create(self) -> None:
        for folder in ("index", "spool", "shards", "partial"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    def clear(self) -> None:
        """Remove everything but the lock."""
        for path in self.root.iterdir():
            if path.is_dir():
                remove_tree(path)
            elif path != self.lock:
                path.unlink()

    def foreign(self) -> list[str]:
        """The names in the work folder that this tool did not write."""
        if not self.root.exists():
            return []
        if not self.root.is_dir():
            return [""]
        foreign = sorted(path.name for path in self.root.iterdir() if not _OURS.fullmatch(path.name))
        if (
            not foreign
            and self.request.is_file()
            and self.request.stat().st_size
            and _read_json(self.request, dict) is None
        ):
            foreign = [self.request.name]
        return foreign

    def save_request(self, request: Request) -> None:
        _write_json(self.request, request)

    def load_request(self) -> Request | None:
        """The stored request. None if there is none, or it is incomplete or from another version."""
        return _read_json(self.request, Request)

    def save_previous(self, names: list[str]) -> None:
        write_atomically(self.previous, json.dumps(sorted(names, key=lambda name: name != MANIFEST_NAME)))

    def previous_files(self) -> list[Place]:
        """The files of another run that this run replaces, the manifest first."""
        names = _read_json(self.previous, list[str])
        return [] if names is None else [self.root.parent / name for name in names]

    def remove(self) -> None:
        remove_tree(self.root)

    def spool(self, position: int) -> Place:
        return self.root / "spool" / f"{position:05d}"

    def index(self, position: int) -> Place:
        return self.root / "index" / f"{position:05d}"

    def new_partial(self, name: str) -> Path:
        """A local path for an unfinished file, unique to this attempt."""
        return new_partial(name, self.partial)

    def scratch(self) -> "tempfile.TemporaryDirectory[str]":
        """A temporary local folder, for files that other workers do not need."""
        parent = None if isinstance(self.partial, ObjectPath) else self.partial
        return tempfile.TemporaryDirectory(dir=parent, prefix="mixup-")

    def save_index(self, position: int, entries: Entries, file: IndexedFile, stamp: list[int | str]) -> None:
        """Store the entries and the summary of one source file. stamp: shows later whether the file has changed."""
        self._save(self.index(position).with_suffix(".entries"), [entries])
        _write_json(self.index(position).with_suffix(".json"), _IndexNote(file=file, stamp=stamp))

    def load_index(self, position: int, stamp: list[int | str]) -> IndexedFile | None:
        """The summary of a file that was indexed with this stamp; None if there is none."""
        stored = _read_json(self.index(position).with_suffix(".json"), _IndexNote)
        return stored.file if stored is not None and stored.stamp == stamp else None

    def entries(self, position: int, count: int | None = None) -> Entries:
        """Read ENTRY[count] of one source file; all of its entries if count is None."""
        return _load(self.index(position).with_suffix(".entries"), ENTRY, 0, count)

    def save_slots(self, slots: Entries) -> None:
        self._save(self.root / "slots", [slots])

    def slots(self, start: int, stop: int) -> Entries:
        """Read ENTRY[stop − start] of the slots [start, stop)."""
        return _load(self.root / "slots", ENTRY, start, stop)

    def save_partners(self, copy: int, partners: npt.NDArray[np.integer[Any]], slots: Entries) -> None:
        """Store the pairing of one copy with the entries of the partners. partners: int[N] slots. slots: ENTRY[N]."""
        self._save(self._partners(copy), partner_entries(partners, slots))

    def partners(self, copy: int, start: int, stop: int) -> PartnerEntries:
        """Read PARTNER[stop − start] of the slots [start, stop) in one copy."""
        return _load(self._partners(copy), PARTNER, start, stop)

    def _partners(self, copy: int) -> Place:
        return self.root / f"partners-{copy:05d}"

    def save_run(self, run: Run) -> None:
        _write_json(self.run, run)

    def load_run(self) -> Run:
        """Read the run, which must exist."""
        return from_json(json.loads(self.run.read_text()), Run)

    def save_finished(self, name: str, shard: FinishedShard) -> None:
        _write_json(self.finished / f"{name}.json", shard)

    def load_finished(self, name: str) -> FinishedShard | None:
        return _read_json(self.finished / f"{name}.json", FinishedShard)

    def _save(self, path: Place, arrays: Iterable[npt.NDArray[Any]]) -> None:
        """Store the bytes of arrays in one file, one after another."""
        partial = self.new_partial(path.name)
        try:
            with partial.open("wb") as file:
                for array in arrays:
                    file.write(np.ascontiguousarray(array).data)
            publish(partial, path, durable=False)
        except OSError as error:
            raise output_error(path, error) from error
        finally:
            partial.unlink(missing_ok=True)


def _load(path: Place, dtype: np.dtype[Any], start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
    """Read elements [start, stop) of a stored array."""
    with RangeReader(path) as ranges:
        stop = ranges.size // dtype.itemsize if stop is None else stop
        return np.frombuffer(ranges.read((stop - start) * dtype.itemsize, start * dtype.itemsize), dtype)


def _write_json(path: Place, note: Any) -> None:
    """Store a note, a small typed value, in the work folder."""
    write_atomically(path, json.dumps(to_json(note)), durable=False)


def _read_json(path: Place, kind: type[Note]) -> Note | None:
    """Read a note. None if there is none, or it is damaged, for example by a power cut; its work is then done again."""
    try:
        return from_json(json.loads(path.read_text()), kind)
    except (ValueError, MixupError):
        return None
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        return None
