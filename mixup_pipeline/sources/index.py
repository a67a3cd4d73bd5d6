"""The index: the location of every example of the source, in 36 bytes per example.

An entry holds the position of a record's payload and its CRC, the position of the input inside it, the record's index
in its file, and its class id. The CRC ties what is mixed to what was indexed: a record that was exchanged in between is
noticed when it is read. The index of a file (in file order) and the slot table of a run (in slot order) have the same
structured type. So a shard reads one contiguous piece of one array.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mixup_pipeline.storage.stamps import Stamp

ENTRY = np.dtype(
    [
        ("offset", "<i8"),  # first byte of the payload in its file
        ("length", "<i4"),  # bytes of the payload
        ("input_start", "<i4"),  # first byte of the image or vector in the payload
        ("input_length", "<i4"),  # bytes of the image or vector
        ("record", "<i4"),  # index of the record in its file
        ("file", "<i4"),  # position of the file in the source
        ("class_id", "<i4"),  # NO_CLASS if it has none; of a real-valued label the bits of the first value as float32
        ("crc", "<u4"),  # of the payload, masked as TFRecord stores it
    ]
)

Entries = npt.NDArray[Any]
"""ENTRY[n]"""


Groups = npt.NDArray[np.int64]
"""int64[n]: what tells the group of each example of a file; empty if there are no groups."""


def group_ids(groups: Sequence[Groups]) -> npt.NDArray[np.int32]:
    """int32[N]: the groups of all examples, as numbers from 0."""
    return np.unique(np.concatenate(groups), return_inverse=True)[1].astype(np.int32)


@dataclass(frozen=True, kw_only=True)
class IndexedFile:
    """One source file after indexing.

    examples: the number of records used. skipped: the number of bad records left out.
    fingerprint: sha256 over the length and the CRC of every record read.
    format: how its records are stored where `path` says, in `config.registry.FILE_FORMATS`.
    member_bytes: the bytes of the longest name of a record that was a file of its own, 0 if records were no files.
    first_record: the first record that was read, of a slice.
    stamp: the file's stamp before it was read, see `storage.stamps`.
    """

    name: str
    path: str
    examples: int
    skipped: int
    fingerprint: str
    format: str = "tfrecord"
    member_bytes: int = 0
    first_record: int = 0
    stamp: Stamp = ()


class NamedFile(Protocol):
    """A file whose records can be read."""

    @property
    def name(self) -> str:
        """The file's name in ids."""

    @property
    def path(self) -> str:
        """The location of the file."""

    @property
    def format(self) -> str:
        """The name of its format in `config.registry.FILE_FORMATS`."""
