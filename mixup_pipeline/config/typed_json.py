"""Frozen values to JSON and back, driven by their types; msgspec does the work.

The JSON is that of format versions 2 and 3. A `method` is written only if it is not mixup, a `label_kind` only if it is
neither "class" nor "soft", which are written as `soft_labels`: false or true. Version 2 has no `origin`.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

Value = TypeVar("Value")

_OMITTED: dict[str, tuple[Any, ...]] = {
    "method": ("mixup",),
    "label_kind": ("class", "soft"),
    "origin": (None,),
    "images": ({},),
    "class_texts": ([],),
    "columns": ([],),
    "keep": ([],),
    "group_key": ("",),
    "dtype": ("float32",),
    "format": ("tfrecord",),
    "member_bytes": (0,),
    "first_record": (0,),
    "records": (None,),
    "size": (None,),
    "image_size": (None,),
    "resize": (None, "crop"),
    "channels": (None,),
    "exif": (None, "apply"),
    "quality": (None,),
    "bandwidth": (None,),
    "augment": (None,),
    "census": (None,),
    "left_out": (None,),
}
"""A key is left out if it has one of these values."""
_ASKED = "asked"
_OMITTED_IF_ASKED = dict.fromkeys(("class_names", "label_kind", "columns", "keep", "group_key", "first_class"), (None,))
"""The same, of the source as the user described it."""


def to_json(value: Any) -> Any:
    """Convert a value to dicts, lists and scalars, in the order of its fields."""
    return _written(msgspec.to_builtins(value), _OMITTED)


def from_json(value: Any, kind: type[Value]) -> Value:
    """Convert dicts, lists and scalars to a value of this type.

    Raises msgspec.ValidationError if they do not fit the type, and UsageError if an option is out of range.
    """
    try:
        return msgspec.convert(_read(value), kind)
    except UnicodeEncodeError as error:
        raise msgspec.ValidationError("a text is not valid Unicode") from error
    except RecursionError as error:
        raise msgspec.ValidationError("it is nested too deeply") from error


def _written(value: Any, omitted: Mapping[str, tuple[Any, ...]]) -> Any:
    if isinstance(value, tuple):
        return [_written(item, omitted) for item in value]
    if not isinstance(value, dict):
        return value
    written: dict[str, Any] = {}
    for key, item in value.items():
        if key == "label_kind" and omitted is _OMITTED:
            written["soft_labels"] = item == "soft"
        made = _written(item, _OMITTED | _OMITTED_IF_ASKED if key == _ASKED else omitted)
        if made not in omitted.get(key, ()):
            written[key] = made
    return written


def _read(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    read = {key: _read(item) for key, item in value.items() if key != "soft_labels"}
    if "soft_labels" in value:
        read.setdefault("label_kind", "soft" if value["soft_labels"] else "class")
    return read
