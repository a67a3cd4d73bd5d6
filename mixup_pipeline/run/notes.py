"""Notes: small typed values as JSON files in the work folder; among them, which shards are finished.

A note that cannot be read, for example after a power cut, is as none: its work is done again.
"""

import errno
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mixup_pipeline.config.typed_json import from_json, to_json
from mixup_pipeline.errors import MixupError
from mixup_pipeline.sources.payloads import UNDER_WAY
from mixup_pipeline.storage.atomic import write_atomically
from mixup_pipeline.storage.places import ObjectPath, Place
from mixup_pipeline.storage.prefetch import prefetch
from mixup_pipeline.storage.unfinished import new_partial

Note = TypeVar("Note")


def write_note(path: Place, note: Any, partial: Place, *, durable: bool = False) -> None:
    """Store a note. partial: the folder where it lies until it is whole. durable: flush it to disk.

    Raises OutputError if it cannot be written.
    """
    content = json.dumps(to_json(note))
    write_atomically(path, content, durable=durable, partial=new_partial(path.name, partial))


def read_note(path: Place, kind: type[Note]) -> Note | None:
    """Read a note. None if there is none, or it is damaged or from another version."""
    try:
        return from_json(json.loads(path.read_text()), kind)
    except (ValueError, RecursionError, MixupError):
        return None
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        return None


@dataclass(frozen=True, kw_only=True)
class FinishedShard:
    """A finished shard, which has its final name or is staged."""

    run_id: str
    examples: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class FinishedShards:
    """The notes of the finished shards: FOLDER/NAME.json for a shard NAME."""

    folder: Place
    partial: Place

    def save(self, name: str, shard: FinishedShard) -> None:
        write_note(self._note(name), shard, self.partial)

    def load(self, name: str) -> FinishedShard | None:
        """The note of a shard; None if there is none or it is damaged."""
        return read_note(self._note(name), FinishedShard)

    def load_each(self, names: Sequence[str]) -> Iterator[FinishedShard | None]:
        """The note of each of these shards; several are asked for at a time where they lie in a store."""
        return prefetch(self.load, names, UNDER_WAY if isinstance(self.folder, ObjectPath) else 1)

    def all(self) -> dict[str, FinishedShard | None]:
        """All notes by the names of their shards; None for a damaged one."""
        notes: Sequence[Place] = list(self.folder.glob("*.json"))
        names = sorted(path.name.removesuffix(".json") for path in notes)
        return dict(zip(names, self.load_each(names), strict=True))

    def forget(self, name: str) -> None:
        """Remove the note of a shard."""
        self._note(name).unlink(missing_ok=True)

    def _note(self, name: str) -> Place:
        return self.folder / f"{name}.json"
