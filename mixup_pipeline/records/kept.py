"""Features of the source that go along: `base/KEY` and `partner/KEY` in a mixed record.

A kept feature is one text, integer or float in each record of the source. `spec.keep` lists them with their content.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.fields import Content, Field
from mixup_pipeline.records.ids import Ids
from mixup_pipeline.records.tf_example import single_value

Kept = Mapping[str, Any]
"""For each kept key: Ids of n texts, int64[n] or float32[n]."""
Rows = npt.NDArray[np.int64]

SIDES = ("base", "partner")
_LISTS = {"text": "bytes_list", "int64": "int64_list", "float32": "float_list"}


def kept_fields(keep: Sequence[tuple[str, str]]) -> tuple[Field, ...]:
    """The features of a mixed record that hold what is kept."""
    return tuple(Field(f"{side}/{key}", _content(content)) for side in SIDES for key, content in keep)


def kept_values(features: Mapping[str, Any], keep: Sequence[tuple[str, str]]) -> tuple[Any, ...]:
    """The kept values of one record. Raises ValueError for one that is missing."""
    return tuple(single_value(features, key, _LISTS[content]) for key, content in keep)


def kept_columns(values: Sequence[tuple[Any, ...]], keep: Sequence[tuple[str, str]]) -> Kept:
    """The kept values of n records by their keys."""
    columns = zip(*values, strict=True) if values else ((),) * len(keep)
    return {
        key: Ids.of(list(column)) if content == "text" else np.array(column, content)
        for (key, content), column in zip(keep, columns, strict=True)
    }


def kept_of(kept: Kept, base: Rows, partner: Rows) -> dict[str, Any]:
    """The columns of n mixed examples."""
    return {
        f"{side}/{key}": column[rows]
        for side, rows in zip(SIDES, (base, partner), strict=True)
        for key, column in kept.items()
    }


def kept_value(column: Any, row: int) -> Any:
    """One value of a kept column: bytes, an integer or a float."""
    return column.text[row, : column.lengths[row]].tobytes() if isinstance(column, Ids) else column[row].item()


def group_hash(features: Mapping[str, Any], key: str) -> int:
    """An int64 for the value of a feature, equal for equal values. Of 64 bits two values hardly ever share all.

    Raises ValueError if it is missing, or not one value.
    """
    feature = features.get(key)
    kind = "bytes_list" if feature is None else feature.WhichOneof("kind") or "bytes_list"
    value = single_value(features, key, kind)
    text = value if isinstance(value, bytes) else repr(value).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little", signed=True)


def _content(content: str) -> Content:
    return next(known for known in get_args(Content) if known == content)
