"""The work folder `{out}/.work/`: index, plan and unfinished shards of a run.

It is removed after the manifest is written.

request.json            the request; a later command resumes the run only if its request is equal
previous.json           the files of another run that this run replaces when it is complete
lock                    held by the launcher while it runs
index/NNNNN.entries     the entries of each source file; NNNNN.json is its summary, with its census; NNNNN.groups, if
                        there are groups, those of its examples
spool/NNNNN             the uncompressed copy of a compressed source file
run.json, slots         the run and the slot table
partners-CCCCC          for each copy, the partner of every slot with its entry, so that a shard reads one piece
shards/NAME.json        run, size and sha256 of each finished shard
staged/NAME             the finished shards of a run that replaces another one, until it is complete
partial/                files being written, if the folder is on a local disk

Arrays are stored as plain bytes, without a header, and are read in pieces. Nothing here but the request and the list of
previous files is flushed to disk. So a power cut may leave files empty or cut; what a later run would use again carries
its size and a checksum, and a bad one is as none.
"""

import json
import tempfile
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config.typed_json import from_json
from mixup_pipeline.dataset.manifest import WORK_NAME
from mixup_pipeline.errors import OtherRunError, OutputError
from mixup_pipeline.run.notes import FinishedShards, read_note, write_note
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.run import Run
from mixup_pipeline.run.slots import PARTNER, PartnerEntries, partner_entries
from mixup_pipeline.run.work_content import REQUEST_NAME
from mixup_pipeline.sources.census import Census
from mixup_pipeline.sources.index import ENTRY, Entries, Groups, IndexedFile
from mixup_pipeline.sources.scan import LeftOut, Scanned
from mixup_pipeline.storage.atomic import output_error, publish, remove_tree, write_all
from mixup_pipeline.storage.checksum import Checksum
from mixup_pipeline.storage.places import ObjectPath, Place
from mixup_pipeline.storage.range_reader import RangeReader
from mixup_pipeline.storage.stamps import Stamp
from mixup_pipeline.storage.unfinished import new_partial, open_unfinished

Note = TypeVar("Note")

_PIECE = 1 << 16
"""Entries whose checksum is added at a time."""


@dataclass(frozen=True, kw_only=True)
class _IndexNote:
    """What was found in an indexed file. entries, spool: what its files hold; spool is None where there is none.

    census: as `Census.to_rows` gives it. left_out: the bad records, if they are skipped.
    """

    file: IndexedFile
    census: list[Any]
    left_out: tuple[LeftOut, ...]
    entries: Checksum
    spool: Checksum | None
    groups: Checksum | None = None


@dataclass(frozen=True)
class WorkFolder:
    """One work folder: the paths in it, and reading and writing its files."""

    root: Place

    @classmethod
    def of(cls, out: Place) -> "WorkFolder":
        return cls(out / WORK_NAME)

    @property
    def request(self) -> Place:
        return self.root / REQUEST_NAME

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
    def shards(self) -> FinishedShards:
        """The notes of the finished shards."""
        return FinishedShards(self.finished, self.partial)

    @property
    def staged(self) -> Place:
        return self.root / "staged"

    @property
    def partial(self) -> Place:
        return self.root / "partial"

    def create(self) -> None:
        """Make the folders of the work folder, without what an earlier run left half written."""
        for folder in ("index", "spool", "shards", "staged", "partial"):
            if folder == "partial":
                remove_tree(self.partial)
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    def clear(self, *, keep: Collection[str] = ()) -> None:
        """Remove everything but the lock and what is to be kept. The folder must hold nothing foreign."""
        if isinstance(self.root, ObjectPath):
            kept = tuple(f"{self.root.key}/{name}" for name in ("lock", *keep))
            stale = [path.key for path in self.root.walk_files() if not path.key.startswith(kept)]
            self.root.store.delete(self.root.bucket, stale)
            return
        for path in self.root.iterdir():
            if path.name in ("lock", *keep):
                continue
            if path.is_dir():
                remove_tree(path)
            else:
                path.unlink()

    def remove(self) -> None:
        """Remove the work folder; the lock goes last, so that no other run begins in a folder that is being removed.

        The lock in a store is left to its holder. Errors are ignored: what stays is removed by the next run.
        """
        with suppress(OSError):
            self.clear()
            if isinstance(self.root, Path):
                self.lock.unlink(missing_ok=True)
                self.root.rmdir()

    def holds_a_run(self) -> bool:
        """Whether there is anything but the lock."""
        return any(path.name != self.lock.name for path in self.root.iterdir())

    def save_request(self, request: Request) -> None:
        self._write(self.request, request, durable=True)

    def load_request(self) -> Request | None:
        """The stored request. None if there is none, or it is incomplete or from another version."""
        return read_note(self.request, Request)

    def save_previous(self, names: list[str]) -> None:
        self._write(self.previous, names, durable=True)

    def load_previous(self) -> list[str] | None:
        """The names of the files that this run replaces. None if it replaces none, or the list is damaged."""
        return read_note(self.previous, list[str])

    def replaces(self) -> bool:
        """Whether the run replaces another one, so that its shards are staged until it is complete."""
        return self.previous.exists()

    def spool(self, position: int) -> Place:
        return self.root / "spool" / f"{position:05d}"

    def index(self, position: int) -> Place:
        return self.root / "index" / f"{position:05d}"

    def new_partial(self, name: str) -> Path:
        """A local path for an unfinished file, unique to this attempt."""
        return new_partial(name, self.partial)

    def scratch(self) -> IO[bytes]:
        """A local file without a name, for what other workers do not need. It is gone once it is closed."""
        return tempfile.TemporaryFile(dir=None if isinstance(self.partial, ObjectPath) else self.partial)

    def save_index(self, scanned: Scanned, position: int, spool: Checksum | None) -> None:
        """Store what a pass over one source file found. spool: what its uncompressed copy holds."""
        entries = scanned.entries
        self._save(self.index(position).with_suffix(".entries"), [entries])
        pieces = (entries[first : first + _PIECE].tobytes() for first in range(0, len(entries), _PIECE))
        if len(scanned.groups):
            self._save(self.index(position).with_suffix(".groups"), [scanned.groups])
        note = _IndexNote(
            file=scanned.file,
            census=scanned.census.to_rows(),
            left_out=scanned.left_out,
            entries=Checksum.of(pieces),
            spool=spool,
            groups=Checksum.of([scanned.groups.tobytes()]) if len(scanned.groups) else None,
        )
        self._write(self.index(position).with_suffix(".json"), note)

    def load_index(self, position: int, stamp: Stamp) -> IndexedFile | None:
        """The summary of a file that was indexed with this stamp; None if there is none, or its files are damaged."""
        note = read_note(self.index(position).with_suffix(".json"), _IndexNote)
        if note is None or note.file.stamp != stamp:
            return None
        files = {self.index(position).with_suffix(".entries"): note.entries}
        if note.spool is not None:
            files[self.spool(position)] = note.spool
        if note.groups is not None:
            files[self.index(position).with_suffix(".groups")] = note.groups
        return note.file if all(checksum.fits(path) for path, checksum in files.items()) else None

    def entries(self, position: int, count: int | None = None) -> Entries:
        """Read ENTRY[count] of one source file; all of its entries if count is None."""
        return _load(self.index(position).with_suffix(".entries"), ENTRY, 0, count)

    def groups(self, position: int) -> Groups:
        """Read int64[n], the groups of one source file's examples; empty if it has no examples."""
        path = self.index(position).with_suffix(".groups")
        return _load(path, np.dtype(np.int64)) if path.is_file() else np.zeros(0, np.int64)

    def found(self, position: int) -> tuple[Census, tuple[LeftOut, ...]]:
        """The census of one source file, and its bad records that were left out."""
        note = read_note(self.index(position).with_suffix(".json"), _IndexNote)
        if note is None:
            raise OutputError(f"{self.index(position)}: the index is gone: run the same command again")
        return Census.from_rows(note.census), note.left_out

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
        self._write(self.run, run)

    def load_run(self) -> Run:
        """Read the run, which must exist."""
        return from_json(json.loads(self.run.read_text()), Run)

    def check_run(self, run_id: str) -> None:
        """Raise OtherRunError if this folder no longer belongs to the run: a job can outlive the command."""
        run = read_note(self.run, Run)
        if run is None or run.run_id != run_id:
            raise OtherRunError(
                f"--out {self.root.parent}: another mixup-augment has taken this folder: this run ends without a trace"
            )

    def forget_shard(self, name: str) -> None:
        """Remove a shard's note, and the shard where it is staged."""
        self.shards.forget(name)
        (self.staged / name).unlink(missing_ok=True)

    def _write(self, path: Place, note: Any, *, durable: bool = False) -> None:
        write_note(path, note, self.partial, durable=durable)

    def _save(self, path: Place, arrays: Iterable[npt.NDArray[Any]]) -> None:
        """Store the bytes of arrays in one file, one after another."""
        partial = self.new_partial(path.name)
        try:
            with open_unfinished(partial) as file:
                for array in arrays:
                    write_all(file, np.ascontiguousarray(array).view(np.uint8).data)
                publish(partial, path, durable=False)
        except OSError as error:
            raise output_error(path, error) from error


def _load(path: Place, dtype: np.dtype[Any], start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
    """Read elements [start, stop) of a stored array."""
    with RangeReader(path) as ranges:
        stop = ranges.size // dtype.itemsize if stop is None else stop
        return np.frombuffer(ranges.read((stop - start) * dtype.itemsize, start * dtype.itemsize), dtype)
