"""A pass over a dataset: where each of its records lies, and which example it is of.

Examples are numbered by their order in the source: those of the source itself, and the bases of shards of any number
and copy. So one order of numbers reads the same examples from all of them. Records are read at random: a shuffle buffer
would leave a sorted source nearly sorted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.mixing.slots import examples_in_slots, record_order, shard_tasks
from mixup_pipeline.records.framing import walk_records
from mixup_pipeline.sources.file_formats import payloads_of, readable
from mixup_pipeline.sources.index import ENTRY, Entries, NamedFile
from mixup_pipeline.sources.payloads import DAMAGED, read_payloads
from mixup_pipeline.spec import NO_CLASS
from mixup_pipeline.storage.places import place

_KEPT_PASSES = 16
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Located:
    """entries: ENTRY[n], sorted by file and offset. rows: int64[num_examples], the entry of each example."""

    entries: Entries
    rows: Numbers

    @property
    def in_order(self) -> Numbers:
        """The numbers of the examples in the order of the files."""
        return np.argsort(self.rows, kind="stable")


@dataclass(frozen=True, eq=False)
class Pass:
    """The files of a pass over a dataset. locate: finds their records, when they are first read. read: reads some."""

    files: tuple[NamedFile, ...]
    locate: Callable[[], Located]
    read: Callable[[Sequence[NamedFile], Entries], Iterator[bytes]] = payloads_of

    @property
    def paths(self) -> tuple[str, ...]:
        """Where the files are."""
        return tuple(file.path for file in self.files)

    @property
    def located(self) -> Located:
        """Where the records are. Of many passes those that were read last are remembered."""
        return _located(self)

    def payloads(self, examples: Numbers) -> list[bytes]:
        """The records of these examples, in their order.

        Raises RecordError for a record that is not as it was located, OSError if a file cannot be read.
        """
        located = self.located
        wanted, places = np.unique(located.rows[examples], return_inverse=True)
        found = list(self.read(self.files, located.entries[wanted]))
        return [found[place] for place in places.tolist()]

    def name_of(self, example: int) -> str:
        """The record of an example: its file and its number there."""
        entry = self.located.entries[self.located.rows[example]]
        file, record = self.files[entry["file"]], int(entry["record"])
        members = readable(file).members(place(file.path))
        return f"{file.name} record {record}" if members is None else f"{file.name}/{members[record]}"

    def part(self, examples: Numbers) -> "Pass":
        """Only these examples, ascending; they are numbered anew from 0."""
        return replace(self, locate=lambda: Located(self.located.entries, self.located.rows[examples]))


@lru_cache(maxsize=_KEPT_PASSES)
def _located(one: Pass) -> Located:
    return one.locate()


def source_pass(files: Sequence[NamedFile], entries: Iterable[Entries]) -> Pass:
    """A pass over a source. entries: of each file, in the order of its records."""
    parts = [part.copy() for part in entries]
    for number, part in enumerate(parts):
        part["file"] = number
    joined = np.concatenate(parts)
    return Pass(tuple(files), lambda: Located(joined, np.arange(len(joined))))


@dataclass(frozen=True)
class _Shard:
    """A shard file whose records can be read."""

    path: str
    format: str = "tfrecord"

    @property
    def name(self) -> str:
        return Path(self.path).name


def copy_pass(out: Path, manifest: Manifest, copy: int) -> Pass:
    """A pass over one copy of a mixed dataset, whose examples are the bases."""
    files = tuple(_Shard(str(out / shard.name)) for shard in manifest.shards if shard.copy == copy)
    return Pass(files, lambda: _located_shards(files, manifest, copy), partial(read_payloads, fault=DAMAGED))


def _located_shards(files: Sequence[_Shard], manifest: Manifest, copy: int) -> Located:
    """Walks the records, without reading their content."""
    count, seed, num_shards = manifest.source.examples, manifest.config.seed, len(files)
    entries = np.concatenate([_walked(number, file) for number, file in enumerate(files)])
    slots = [
        task.start + record_order(task, seed=seed, pass_index=copy, num_shards=num_shards)
        for task in shard_tasks(count, num_shards)
    ]
    rows = np.empty(count, np.int64)
    rows[examples_in_slots(count, seed)[np.concatenate(slots)]] = np.arange(count)
    return Located(entries, rows)


def _walked(number: int, file: _Shard) -> Entries:
    """The entries of a file, of which only the place of each record and its CRC are known."""
    records = enumerate(walk_records(Path(file.path), file.name))
    return np.fromiter(
        ((offset, length, 0, 0, record, number, NO_CLASS, crc) for record, (offset, length, _, crc) in records), ENTRY
    )
