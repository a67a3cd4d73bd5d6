"""Names that stand in the output: ids of examples, and shards.

An example of the source is called by its file and its record there, a mixed example by its shard and its record.
"""

import re

SHARD_NUMBERS = r"\.tfrecord-[0-9]{5,}-of-[0-9]{5,}"
"""How the name of a shard ends, as a regular expression."""
SHARD_NAME = rf"[^/]+{SHARD_NUMBERS}"
"""The whole name."""
_BETWEEN = "__"
INDEX_DIGITS = 10
"""How long the record's index in an id can be."""


def example_id(file_name: str, record: int) -> str:
    """The id of the example in a record of a file: train-00000__17."""
    return f"{file_name}{_BETWEEN}{record}"


def split_example_id(text: str) -> tuple[str, int] | None:
    """File name and record index of an id; None where it is no id as `example_id` writes them."""
    name, between, record = text.rpartition(_BETWEEN)
    if not between or not re.fullmatch(r"0|[1-9][0-9]{0,14}", record):
        return None
    return name, int(record)


def file_of(text: str) -> str:
    """What stands for the file in an id, be the rest right or not."""
    return text.rpartition(_BETWEEN)[0]


def id_bytes(file_name: str) -> int:
    """At most so many bytes has the id of an example of this file."""
    return len(file_name.encode()) + len(_BETWEEN) + INDEX_DIGITS


def shard_name(name: str, split: str, number: int, total: int) -> str:
    """The file name of shard `number` of `total` over all copies."""
    return f"{name}-{split}.tfrecord-{number:05d}-of-{total:05d}"


def shard_pattern(name: str, split: str) -> str:
    """A glob for all shards of a dataset, finished or not."""
    return f"{name}-{split}.tfrecord-*"
