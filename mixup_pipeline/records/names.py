"""Names in the output: ids of examples, and file names of shards.

The id of a source example consists of its file and the record's index there; that of a mixed example of its shard and
the record's index there.
"""

import re
from collections.abc import Container

SHARD_NUMBERS = r"\.tfrecord-[0-9]{5,}-of-[0-9]{5,}"
"""A regular expression for the end of a shard's name."""
SHARD_NAME = rf"[^/]+{SHARD_NUMBERS}"
"""A regular expression for the whole name of a shard."""
ID_SEPARATOR = "__"
INDEX_DIGITS = 10
"""The most digits that the record index in an id can have."""


def example_id(file_name: str, record: int, member: str = "") -> str:
    """The id of the example in this record of the file, such as train-00000__17.

    member: the name of the file that the record was, below the source file, which is a folder then: cat/017.jpg__17.
    """
    return f"{file_name}/{member}{ID_SEPARATOR}{record}" if member else f"{file_name}{ID_SEPARATOR}{record}"


def split_example_id(text: str) -> tuple[str, int] | None:
    """The file name and the record index in an id; None if `example_id` cannot have written the text."""
    name, separator, record = text.rpartition(ID_SEPARATOR)
    if not separator or not re.fullmatch(r"0|[1-9][0-9]{0,14}", record):
        return None
    return name, int(record)


def located(text: str, file_names: Container[str]) -> tuple[str, int] | None:
    """The source file and the record index that an id names; None if it names none of these source files.

    Where records were files of their own, the id goes on below the name of the source file.
    """
    parts = split_example_id(text)
    if parts is None:
        return None
    name, record = parts
    while name not in file_names:
        name, _, below = name.rpartition("/")
        if not name or not below:
            return None
    return name, record


def file_of(text: str) -> str:
    """The file name in an id, even if the record index is malformed."""
    return text.rpartition(ID_SEPARATOR)[0]


def id_bytes(file_name: str, member_bytes: int = 0) -> int:
    """The most bytes that the id of an example of this file can take. member_bytes: those of its longest member."""
    below = 1 + member_bytes if member_bytes else 0
    return len(file_name.encode()) + below + len(ID_SEPARATOR) + INDEX_DIGITS


def shard_name(name: str, split: str, number: int, total: int) -> str:
    """The file name of shard `number` of `total` over all copies."""
    return f"{name}-{split}.tfrecord-{number:05d}-of-{total:05d}"


def shard_pattern(name: str, split: str) -> str:
    """A glob for all shards of a dataset, finished or not."""
    return f"{name}-{split}.tfrecord-*"
