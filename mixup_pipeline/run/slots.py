"""The slot table: the entries of all examples in slot order. For each copy there is also a table of partners.

A shard reads one contiguous piece of each table.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.mixing.slots import examples_in_slots
from mixup_pipeline.sources.index import ENTRY, Entries

PARTNER = np.dtype([*ENTRY.descr, ("slot", "<i4")])
"""A partner of a slot: the partner's entry and its slot."""
_JOINED = np.dtype([("entry", ENTRY), ("slot", "<i4")])  # the same bytes; this type is filled per entry, not per field
_CHUNK = 1 << 20
PartnerEntries = npt.NDArray[Any]
"""PARTNER[n]"""


def slot_table(file_entries: Iterable[Entries], *, num_examples: int, seed: int) -> Entries:
    """Build the slot table, ENTRY[num_examples]: the first entries of the files, in a keyed random order.

    Example i gets the slot p with order[p] = i. The order depends only on the number of examples and the seed. Files
    are read one at a time, so that little memory is needed besides the table.
    """
    slot_of = np.empty(num_examples, np.int32)
    slot_of[examples_in_slots(num_examples, seed)] = np.arange(num_examples, dtype=np.int32)
    slots = np.empty(num_examples, ENTRY)
    done = 0
    for entries in file_entries:
        taken = entries[: num_examples - done]
        np.put(slots, slot_of[done : done + len(taken)], taken)
        done += len(taken)
    return slots


def partner_entries(partners: npt.NDArray[np.integer[Any]], slots: Entries) -> Iterator[PartnerEntries]:
    """Build the table of partners, PARTNER[N], one piece at a time. partners: int[N] slots. slots: ENTRY[N]."""
    for first in range(0, len(partners), _CHUNK):
        part = partners[first : first + _CHUNK]
        rows = np.empty(len(part), _JOINED)
        rows["entry"], rows["slot"] = slots.take(part), part
        yield rows.view(PARTNER)


def rows_of(slots: npt.NDArray[np.int64], known: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The position of each slot in `known`, int64[m] ascending. All slots must be in it."""
    if len(known) == known[-1] - known[0] + 1:  # consecutive slots
        return slots - known[0]
    return np.searchsorted(known, slots)


@dataclass(frozen=True, kw_only=True)
class SlotEntries:
    """Entries of some slots. slots: int64[m], ascending. entries: ENTRY[m]."""

    slots: npt.NDArray[np.int64]
    entries: Entries

    def __getitem__(self, slots: npt.NDArray[np.int64]) -> Entries:
        """The entries of these slots. All of them must be in `self.slots`."""
        return self.entries[rows_of(slots, self.slots)]

    def joined(self, partners: PartnerEntries) -> "SlotEntries":
        """These entries, and those of the partners."""
        slots, first = np.unique(partners["slot"].astype(np.int64), return_index=True)
        new = ~np.isin(slots, self.slots, assume_unique=True)
        if not new.any():
            return self
        slots = np.concatenate([self.slots, slots[new]])
        added = np.empty(int(new.sum()), ENTRY)
        for name in ENTRY.names or ():
            added[name] = partners[name][first[new]]
        order = np.argsort(slots, kind="stable")
        return SlotEntries(slots=slots[order], entries=np.concatenate([self.entries, added])[order])
