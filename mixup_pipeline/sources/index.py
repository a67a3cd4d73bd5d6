"""The index: where every example of the source is, in 32 bytes an example.

One entry holds the position of a record's payload, of the input inside it, its index in its file, and its class. The
same structured type serves for the index of one file (in file order) and for the slot table of a run (in slot order),
so that a shard reads one contiguous piece of one array.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

ENTRY = np.dtype(
    [
        ("offset", "<i8"),  # of the payload in its file, bytes
        ("length", "<i4"),  # of the payload, bytes
        ("input_start", "<i4"),  # of the image or vector, bytes from the start of the payload
        ("input_length", "<i4"),  # bytes
        ("record", "<i4"),  # index of the record in its file
        ("file", "<i4"),  # position of the file in the source
        ("class_id", "<i4"),  # NO_CLASS where labels have none
    ]
)

Entries = npt.NDArray[Any]
"""ENTRY[n]"""


@dataclass(frozen=True, kw_only=True)
class IndexedFile:
    """One source file after indexing.

    examples, skipped: records kept and left out.
    fingerprint: sha256 over the length and the CRC of every record read.
    shape: of its examples, as found at record `first_record`; None where it has none.
    """

    name: str
    path: str
    examples: int
    skipped: int
    fingerprint: str
    shape: tuple[int, ...] | None
    first_record: int


class NamedFile(Protocol):
    """A file whose records can be read: its name in ids, and where it is."""

    @property
    def name(self) -> str:
        """The file's name in ids."""

    @property
    def path(self) -> str:
        """Where the file is; not compressed."""
