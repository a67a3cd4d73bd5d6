"""A field: one feature of a record, said once for all who write, read or describe it."""

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

    content: "uint8" is the bytes of an array of `shape`, "file" an encoded image of `shape`, "text" UTF-8, "float32"
    and "int64" numbers of `shape`. shape: () of a single value.
    """

    key: str
    content: Content
    shape: tuple[int, ...] = ()

    @property
    def list_kind(self) -> ListKind:
        """The list of tf.Example that holds it."""
        return _LISTS[self.content]

    @property
    def num_values(self) -> int:
        """How many values that list holds."""
        return 1 if self.list_kind == "bytes_list" else math.prod(self.shape)
