"""The index: where every example of the source is, in 32 bytes an example.

One entry holds the position of a record's payload, of the input inside it, its index in its file, and its class. The
same structured type serves for the index of one file (in file order) and for the slot table of a run (in slot order),
so that a shard reads one contiguous piece of one array.
"""

from collections.abc import Sequence
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


def slot_table(file_entries: Sequence[Entries], *, seed: int, limit: int | None) -> Entries:
    """ENTRY[N] in slot order: the first `limit` entries of the files in turn, in a keyed random order.

    Example i stands in the slot p with order[p] = i; the order depends on N and the seed alone.
    """
    entries = np.concatenate([np.empty(0, ENTRY), *file_entries])
    if limit is not None:
        entries = entries[:limit]
    return entries[permutation(len(entries), seed, "slots")]
