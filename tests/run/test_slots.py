"""The slot table: every entry once, in an order that depends only on the number of examples and the seed."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixup_pipeline.mixing.randomness import permutation
from mixup_pipeline.run.slots import slot_table
from mixup_pipeline.sources.index import ENTRY, Entries
from mixup_pipeline.spec import NO_CLASS


def entries_of(count: int, *, file: int = 0) -> Entries:
    entries = np.zeros(count, ENTRY)
    entries["record"] = np.arange(count)
    entries["offset"] = 1000 * np.arange(count) + 12
    entries["file"] = file
    entries["class_id"] = np.arange(count) % 3
    return entries


def table(files: list[Entries], *, seed: int, limit: int | None = None) -> Entries:
    found = sum(map(len, files))
    return slot_table(iter(files), num_examples=found if limit is None else min(found, limit), seed=seed)


def test_an_entry_takes_32_bytes() -> None:
    assert ENTRY.itemsize == 36


@pytest.mark.parametrize(
    ("field", "largest"),
    [
        ("offset", 2**63 - 1),
        ("length", 2**31 - 1),
        ("record", 2**31 - 1),
        ("class_id", 2**31 - 1),
        ("class_id", NO_CLASS),
    ],
)
def test_an_entry_holds_the_largest_values(field: str, largest: int) -> None:
    entry = np.zeros(1, ENTRY)
    entry[field] = largest
    assert entry[field].tolist() == [largest]


@given(st.lists(st.integers(0, 40), max_size=5), st.integers(0, 2**63 - 1), st.none() | st.integers(1, 100))
@settings(max_examples=60)
def test_slots_hold_the_first_entries_of_the_files_in_keyed_order(
    counts: list[int], seed: int, limit: int | None
) -> None:
    files = [entries_of(count, file=number) for number, count in enumerate(counts)]
    in_order = [entry for file in files for entry in file.tolist()][:limit]
    slots = table(files, seed=seed, limit=limit)
    assert slots.dtype == ENTRY
    assert slots.tolist() == [in_order[example] for example in permutation(len(in_order), seed, "slots")]


def slot_offsets(slots: Entries) -> npt.NDArray[np.int64]:
    offsets: npt.NDArray[np.int64] = slots["offset"]
    return offsets


def test_the_order_does_not_depend_on_where_files_begin() -> None:
    entries = entries_of(50)
    whole = table([entries], seed=3)
    split = table([entries[:1], entries[1:1], entries[1:33], entries[33:]], seed=3)
    np.testing.assert_array_equal(slot_offsets(whole), slot_offsets(split))


def test_the_order_depends_on_the_seed_and_on_the_number_of_examples() -> None:
    tables = [
        table([entries_of(50)], seed=3),
        table([entries_of(50)], seed=4),
        table([entries_of(50)], seed=3, limit=49),
    ]
    orders = {tuple(slots["record"].tolist()) for slots in tables}
    assert len(orders) == 3


def test_slots_are_pinned() -> None:
    assert table([entries_of(10)], seed=0)["record"].tolist() == [3, 2, 9, 1, 6, 4, 0, 7, 5, 8]
