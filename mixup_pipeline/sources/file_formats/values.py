"""Values of tables and of JSON as features of a record: which a spec wants besides the input, and each in its form."""

import json
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.sources.file_formats.text_numbers import is_integer, is_number
from mixup_pipeline.spec import ExampleSpec

Plain = str | int | list[str] | list[int] | list[float]
"""A text, an integer, or a list."""
Feature = bytes | list[bytes] | list[int] | npt.NDArray[np.float32]

LARGEST = float(np.finfo(np.float32).max)
EXACT = 1 << 24
"""All integers up to this are exact in float32."""
INEXACT = "is an integer beyond 2^24, which float32 may not hold exactly: leave the column out"
_INT64 = range(-(1 << 63), 1 << 63)
_SHOWN = 40


def contents_of(spec: ExampleSpec) -> dict[str, str]:
    """What a record holds besides its input: the content of each feature by its key.

    text, int64 and float32 are one value; texts, integers and numbers are a list of them.
    """
    contents = dict(spec.keep)
    if spec.group_key:
        contents.setdefault(spec.group_key, "text")
    contents[spec.label_key] = {
        "class": "text" if spec.class_texts else "int64",
        "class-list": "texts" if spec.class_texts else "integers",
    }.get(spec.label_kind, "numbers")
    return contents


def plain(value: Any, content: str, *, is_text: bool = False) -> Plain:
    """A value in the form that a content has. is_text: whether numbers are written as texts, as in CSV.

    Raises ValueError that says what is wrong with it.
    """
    if content in ("texts", "integers"):
        value = [value] if content == "texts" and isinstance(value, str) else value
        if not isinstance(value, list):
            raise ValueError(f"{_shown(value)} is no list")
        if content == "texts":
            return [_text(item) for item in value]
        return [_integer(item, is_text=is_text) for item in value]
    if content == "numbers":
        values = value if isinstance(value, list) else [value]
        return [_number(item, is_text=is_text) for item in values]
    if value is None or value == "":
        raise ValueError("is empty")
    if content == "text":
        return _text(value)
    return _integer(value, is_text=is_text) if content == "int64" else [_number(value, is_text=is_text)]


def feature_of(value: Plain) -> Feature:
    """A plain value as `tf_example.serialize` takes it."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, int):
        return [value]
    if value and isinstance(value[0], str):
        return [str(text).encode() for text in value]
    if all(isinstance(item, int) for item in value):
        return [int(item) for item in value]
    return np.array(value, np.float32)


def exact(value: float, text: str) -> float:
    """A number of the input. Raises ValueError for an integer beyond `EXACT`."""
    if abs(value) > EXACT and is_integer(text.strip()):
        raise ValueError(f"{text.strip()} {INEXACT}")
    return value


def number_in(text: str) -> float:
    """The number that a text is. Raises ValueError for another text, and for one that is not finite as float32."""
    return _number(text, is_text=True)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if not text.strip():
        raise ValueError("is empty")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{text[:_SHOWN]!a} is no UTF-8 text") from None
    return text


def _integer(value: Any, *, is_text: bool) -> int:
    if is_text and isinstance(value, str) and is_integer(value.strip()):
        return int(value)
    if not isinstance(value, int):
        raise ValueError(f"{_shown(value)} is no integer")
    if value not in _INT64:
        raise ValueError(f"{value} is an integer of more than 64 bits")
    return int(value)


def _number(value: Any, *, is_text: bool) -> float:
    shown = value
    if is_text and isinstance(value, str):
        shown = value.strip()
        if not shown:
            raise ValueError("is empty")
        if not is_number(shown):
            raise ValueError(f"{_shown(shown)} is no number")
        value = float(shown)
    if not isinstance(value, (int, float, Decimal)):
        raise ValueError("is empty" if value is None else f"{_shown(value)} is no number")
    if not -LARGEST <= value <= LARGEST:
        raise ValueError(f"{str(shown)[:_SHOWN]} is not finite as float32")
    return float(value)


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) and len(value) <= _SHOWN else repr(value)[:_SHOWN]
