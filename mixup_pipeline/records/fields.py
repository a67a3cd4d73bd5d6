"""A field: one feature of a record. All code that writes, reads or describes the feature uses the same field."""

import math
from dataclasses import dataclass
from typing import Literal

ListKind = Literal["bytes_list", "float_list", "int64_list"]
Content = Literal["uint8", "file", "text", "float32", "int64"]

_LISTS: dict[Content, ListKind] = {
    "uint8": "bytes_list",
    "file": "bytes_list",
    "text": "bytes_list",
    "float32": "float_list",
    "int64": "int64_list",
}


@dataclass(frozen=True)
class Field:
    """One feature of a record.

    content: "uint8" is the bytes of an array of `shape`, "file" an encoded image of `shape`, "text" a UTF-8 string,
    "float32" and "int64" are numbers of `shape`. shape: () for a single value.
    """

    key: str
    content: Content
    shape: tuple[int, ...] = ()

    @property
    def list_kind(self) -> ListKind:
        """The kind of tf.Example list that holds the feature."""
        return _LISTS[self.content]

    @property
    def num_values(self) -> int:
        """The number of values in that list."""
        return 1 if self.list_kind == "bytes_list" else math.prod(self.shape)
