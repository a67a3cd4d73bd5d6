"""Frozen values to JSON and back, by their types (msgspec does it)."""

from dataclasses import fields
from typing import Any, TypeVar

import msgspec

from mixup_pipeline.config import MixConfig

Value = TypeVar("Value")

_LATER_OPTIONS = {field.name: field.default for field in fields(MixConfig) if field.name == "method"}
"""Options that came after format version 2, with their defaults: JSON holds them only where they were set."""


def to_json(value: Any) -> Any:
    """A value as dicts, lists and scalars, in the order of its fields; a `config` without unset later options."""
    built = msgspec.to_builtins(value)
    if isinstance(built, dict) and isinstance(built.get("config"), dict):
        built["config"] = _without_unset(built["config"])
    return built


def config_json(config: MixConfig) -> dict[str, Any]:
    """The same for a configuration alone."""
    return _without_unset(msgspec.to_builtins(config))


def from_json(value: Any, kind: type[Value]) -> Value:
    """The value of this type that dicts, lists and scalars describe.

    Raises msgspec.ValidationError where they describe none, and UsageError for an option out of its range.
    """
    return msgspec.convert(value, kind)


def _without_unset(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if _LATER_OPTIONS.get(name, _LATER_OPTIONS) != value}
