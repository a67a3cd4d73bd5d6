"""How the names of tables end, and which files beside them show that a folder is none of tables."""

import re
from pathlib import PurePath

from mixup_pipeline.sources.file_formats.class_folder import IMAGE_SUFFIXES

TABLES = {".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".csv.gz": "csv", ".tsv.gz": "csv"}
"""Formats of tables by how the name of a file ends."""
_EXAMPLES = re.compile(r"\.(tfrecords?|tfrec|array_record|tar|tgz|npz|npy)\b|^features\.json$", re.IGNORECASE)


def table_ending(name: str) -> str | None:
    """How the name of a table ends; None if the file is no table."""
    return next((ending for ending in reversed(TABLES) if name.lower().endswith(ending)), None)


def holds_other_examples(name: str) -> bool:
    """Whether the name of a file tells that it is an image, or holds examples, and is no table."""
    return PurePath(name).suffix.lower() in IMAGE_SUFFIXES or _EXAMPLES.search(name) is not None
