"""Columns: features of a record, or columns of a table, that make up one input together, or go along with it."""

from collections.abc import Collection

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import UsageError
from mixup_pipeline.sources.feature import Feature, Schema, features_text, is_usable, listed

_COLUMNS_KEY = "features"
"""The key of an input that is made of several columns, unless a column has it."""


def asked_columns(
    schema: Schema, where: str, config: SourceConfig, label_key: str, *, table: bool
) -> tuple[str, ...] | None:
    """The columns that make up the input; empty: all of numbers; None: the input is one feature.

    table: whether all columns of numbers are the input where no other is.

    Raises UsageError for a column that is not there, or holds no numbers.
    """
    if config.columns is None:
        usable = [key for key in schema if key != label_key and is_usable(key, schema[key], "image")]
        return () if table and config.image_key is None and not usable else None
    if config.image_key is not None:
        raise UsageError("--columns and --image-key both name the input: give one of them")
    columns = tuple(name.strip() for name in config.columns.split(","))
    for name in columns:
        if name not in schema:
            raise UsageError(f"--columns: {where} has no {name!r}; it has {features_text(schema)}")
        if not schema[name].is_number or name == label_key:
            what = "is the label" if name == label_key else f"is {schema[name].text}, which is no column of numbers"
            raise UsageError(f"--columns: {name!r} of {where} {what}: leave it out")
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"--columns: {twice!r} is given twice")
    return columns


def without_label(columns: tuple[str, ...], where: str, of_label: Collection[str]) -> tuple[str, ...]:
    """The columns. Raises UsageError if the label is one of them, where a rule has chosen it."""
    label = next((key for key in columns if key in of_label), None)
    if label is not None:
        raise UsageError(
            f"--columns: {label!r} of {where} is the label: leave it out, or name another label with --label-key"
        )
    return columns


def number_columns(schema: Schema, where: str, of_label: Collection[str]) -> tuple[str, ...]:
    """All columns of numbers but the label. Raises UsageError if there are none."""
    columns = tuple(key for key, feature in schema.items() if feature.is_number and key not in of_label)
    if not columns:
        raise UsageError(
            f"no column of {where} can be mixed: it has {features_text(schema)}: numbers are needed, or image files"
        )
    return columns


def together(columns: tuple[str, ...], schema: Schema, *, table: bool) -> tuple[str, str, Feature]:
    """Columns as one input: its key, which they are, and what it is. table: whether they are packed when converted."""
    key = _COLUMNS_KEY
    while key in schema:
        key += "_"
    kind = "vector" if table else "columns"
    text = "1 column" if len(columns) == 1 else f"{len(columns):,} columns"
    feature = Feature(text=text, input_kind=kind, shape=(len(columns),))
    return key, listed(columns), feature


def label_columns(label_key: str, schema: Collection[str]) -> tuple[str, ...]:
    """The columns that a label is made of: the one called so, or those that its key lists."""
    if label_key in schema or "," not in label_key:
        return (label_key,)
    return tuple(name.strip() for name in label_key.split(","))


def with_label(schema: Schema, where: str, label_key: str) -> Schema:
    """The columns of a table, with the label that several of them make up together, such as one for each class.

    Raises UsageError for one that is not there, is given twice, or holds no numbers.
    """
    names = label_columns(label_key, schema)
    if len(names) == 1:
        return schema
    for number, name in enumerate(names):
        if name not in schema:
            raise UsageError(f"--label-key: {where} has no {name!r}; it has {features_text(schema)}")
        if not schema[name].is_number or name in names[:number]:
            what = "is given twice" if name in names[:number] else f"is {schema[name].text}, which is no number"
            raise UsageError(f"--label-key: {name!r} of {where} {what}: leave it out")
    together = Feature(text=f"{len(names):,} columns", label_kind="soft", shape=(len(names),))
    return {**schema, label_key: together}


def kept_features(schema: Schema, where: str, asked: str | None) -> tuple[tuple[str, str], ...]:
    """The features that --keep names, each with its content. Raises UsageError for one that cannot go along."""
    if asked is None:
        return ()
    keys = tuple(key.strip() for key in asked.split(","))
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise UsageError(f"--keep: {twice!r} is given twice")
    return tuple((key, _content(schema, where, "keep", key)) for key in keys)


def group_feature(schema: Schema, where: str, asked: str | None) -> str:
    """The feature that --group-key names, empty if none. Raises UsageError for one that is not one value."""
    if asked is not None:
        _content(schema, where, "group-key", asked)
    return asked or ""


def _content(schema: Schema, where: str, option: str, key: str) -> str:
    feature = schema.get(key)
    if feature is None:
        raise UsageError(f"--{option}: {where} has no {key!r}; it has {features_text(schema)}")
    if feature.kept_as is None:
        raise UsageError(f"--{option}: {key!r} of {where} is {feature.text}: allowed are one text or number")
    return feature.kept_as
