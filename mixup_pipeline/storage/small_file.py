"""Small files from outside, read whole: JSON, schemas, lists of names. Regular files only, and of a bounded size."""

import json
import math
from typing import Any

from mixup_pipeline.storage.places import Place
from mixup_pipeline.storage.range_reader import RangeReader

SMALL_FILE_BYTES = 8 << 20
"""JSON takes up to sixty times its bytes once it is parsed."""


def read_small(path: Place, most_bytes: int = SMALL_FILE_BYTES) -> bytes:
    """Read a file that must not be larger than this.

    Raises OSError where it cannot be read or is no regular file, and ValueError where it is larger.
    """
    with RangeReader(path) as file:
        if file.size > most_bytes:
            raise ValueError(f"it has {file.size:,} bytes, at most {most_bytes >> 20} MiB are allowed")
        return file.read(most_bytes, 0)


def read_json(path: Place, most_bytes: int = SMALL_FILE_BYTES) -> Any:
    """Read a JSON file. Raises OSError as `read_small` does, and ValueError for what is not strictly JSON in UTF-8."""
    return parse_json(read_small(path, most_bytes))


def parse_json(text: bytes) -> Any:
    """The values of a JSON text. Raises ValueError where it is not UTF-8, not JSON, too deep, or holds no number."""
    try:
        return json.loads(text.decode(), parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number
