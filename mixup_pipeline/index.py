"""The index: where every example of the source is, in 32 bytes an example.

One entry holds the position of a record's payload, of the input inside it, its index in its file, and its class. The
same structured type serves for the index of one file (in file order) and for the slot table of a run (in slot order),
so that a shard reads one contiguous piece of one array.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.randomness import permutation

ENTRY = np.dtype(
    [
        ("offset", "<i8"),  # of the payload in its file, bytes
        ("length", "<i4"),  # of the payload, bytes
        ("input_start", "<i4"),  # of the image or vector, bytes from the start of the payload
        ("input_length", "<i4"),  # bytes
        ("record", "<i4"),  # index of the record in its file
        ("file", "<i4"),  # position of the file in the source
        ("label", "<i4"),  # class id, or NO_CLASS where labels are soft
    ]
)
NO_CLASS = -1

Entries = npt.NDArray[Any]
"""ENTRY[n]"""


def slot_table(file_entries: Iterable[Entries], *, num_examples: int, seed: int) -> Entries:
    """ENTRY[num_examples] in slot order: the first entries of the files in turn, in a keyed random order.

    Example i stands in the slot p with order[p] = i; the order depends on their number and the seed alone. Files are
    taken one at a time, so that beside the table little is held.
    """
    slot_of = np.empty(num_examples, np.int32)
    slot_of[permutation(num_examples, seed, "slots")] = np.arange(num_examples, dtype=np.int32)
    slots = np.empty(num_examples, ENTRY)
    done = 0
    for entries in file_entries:
        taken = entries[: num_examples - done]
        slots[slot_of[done : done + len(taken)]] = taken
        done += len(taken)
    return slots
