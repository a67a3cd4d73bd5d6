"""What the columns of Parquet files can be used for, from their types, their metadata and, of lists, their values."""

from collections.abc import Mapping, Sequence
from typing import Any

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.images import IMAGE_SIGNATURES
from mixup_pipeline.sources.feature import Feature
from mixup_pipeline.sources.file_formats import parquet
from mixup_pipeline.sources.lists import Lists
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.spec import counted
from mixup_pipeline.storage.places import place

_IMAGE = Feature(text="image file", input_kind="encoded", shape=(None, None, None))
Names = Mapping[str, tuple[str, ...]]


def parquet_features(files: Sequence[SourceFile], config: SourceConfig) -> tuple[dict[str, Feature], Names]:
    """The features of all columns, and the names of classes by column.

    Raises SourceError for files whose columns, or names of classes, are not those of the first one.
    """
    first, *others = files
    with parquet.opened(place(first.path), first.name) as table:
        schema = table.schema_arrow
        twice = next((name for name in schema.names if schema.names.count(name) > 1), None)
        if twice is not None:
            raise SourceError(f"{first.name}: two columns are called {twice!r}: rename one")
    names = parquet.class_names_of(schema)
    for file in others:
        with parquet.opened(place(file.path), file.name) as table:
            if not table.schema_arrow.equals(schema):
                raise SourceError(f"{file.name}: its columns are not those of {first.name}: give files of one table")
            if parquet.class_names_of(table.schema_arrow) != names:
                raise SourceError(
                    f"{file.name}: its metadata name the classes otherwise than those of {first.name}: one number "
                    f"would be two classes"
                )
    return {field.name: _feature(files, field, names.get(field.name), config) for field in schema}, names


def integer_range(files: Sequence[SourceFile], key: str) -> tuple[int, int] | None:
    """The least and the largest integer of a column, of single ones or of lists; None if it holds none."""
    lists = Lists()
    for file in files:
        for integers in parquet.values_of(place(file.path), file.name, key):
            lists.add([item for value in integers for item in (value if isinstance(value, list) else [value])])
    return lists.ends


def _feature(files: Sequence[SourceFile], field: Any, names: tuple[str, ...] | None, config: SourceConfig) -> Feature:
    from pyarrow import types

    kind, text = parquet.plain_type(field.type), f"column {field.type}"
    if types.is_struct(kind):
        return _IMAGE if {"bytes", "path"} <= {part.name for part in kind} else Feature(text=text)
    if types.is_binary(kind) or types.is_large_binary(kind):
        first = next(iter(_first_values(files, field.name)), b"")
        return _IMAGE if first.startswith(IMAGE_SIGNATURES) else Feature(text=text)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _list_feature(files, field.name, kind.value_type, config)
    return _scalar_feature(kind, text, names)


def _scalar_feature(kind: Any, text: str, names: tuple[str, ...] | None) -> Feature:
    from pyarrow import types

    if types.is_boolean(kind):
        return Feature(text=text, label_kind="class", num_classes=2, classes_from="bool", is_number=True)
    if types.is_integer(kind):
        count = None if names is None else len(names)
        text = text if names is None else f"{text} of {counted(len(names), 'class')}"
        return Feature(
            text=text,
            label_kind="class",
            class_label=names is not None,
            num_classes=count,
            classes_from="the metadata of the file" if names else "",
            is_number=names is None,
        )
    if types.is_string(kind) or types.is_large_string(kind):
        return Feature(text=text, label_kind="class", is_text=True)
    return Feature(text=text, is_number=types.is_floating(kind) or types.is_decimal(kind))


def _list_feature(files: Sequence[SourceFile], key: str, inner: Any, config: SourceConfig) -> Feature:
    """A list. As a label of several classes it is told by all of its rows, else by the first; others are bad then."""
    from pyarrow import types

    text, inner = f"column of lists of {inner}", parquet.plain_type(inner)
    integers = types.is_integer(inner) or types.is_boolean(inner)
    if not (integers or types.is_floating(inner) or types.is_string(inner) or types.is_large_string(inner)):
        return Feature(text=text)
    lists = Lists()
    if config.label_kind == "multi-label" and config.label_key in (None, key) and not types.is_floating(inner):
        for file in files:
            for values in parquet.values_of(place(file.path), file.name, key):
                for value in values:
                    lists.add(value)
    else:
        for value in _first_values(files, key):
            lists.add(value)
    return lists.feature(config, text=text)


def _first_values(files: Sequence[SourceFile], key: str) -> list[Any]:
    """The first values of a column that are there, of the first file that has some."""
    for file in files:
        found = next(filter(None, parquet.values_of(place(file.path), file.name, key)), None)
        if found:
            return found
    return []
