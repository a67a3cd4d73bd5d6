"""Frozen values to JSON and back, by their types (msgspec does it).

The JSON is that of format version 2. Two things came later, and are written only where the old form lacks words: an
option `method` other than mixup, and a `label_kind` other than "class" and "soft", which it writes as `soft_labels`.
"""

from typing import Any, TypeVar

import msgspec

Value = TypeVar("Value")

_UNSAID: dict[str, tuple[str, ...]] = {"method": ("mixup",), "label_kind": ("class", "soft")}
"""Keys that are left out where they have one of these values."""


def to_json(value: Any) -> Any:
    """A value as dicts, lists and scalars, in the order of its fields."""
    return _written(msgspec.to_builtins(value))


def from_json(value: Any, kind: type[Value]) -> Value:
    """The value of this type that dicts, lists and scalars describe.

    Raises msgspec.ValidationError where they describe none, and UsageError for an option out of its range.
    """
    return msgspec.convert(_read(value), kind)


def _written(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_written(item) for item in value]
    if not isinstance(value, dict):
        return value
    written: dict[str, Any] = {}
    for key, item in value.items():
        if key == "label_kind":
            written["soft_labels"] = item == "soft"
        if item not in _UNSAID.get(key, ()):
            written[key] = _written(item)
    return written


def _read(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    read = {key: _read(item) for key, item in value.items() if key != "soft_labels"}
    if "soft_labels" in value:
        read.setdefault("label_kind", "soft" if value["soft_labels"] else "class")
    return read
