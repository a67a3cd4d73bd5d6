"""Tables: Parquet and CSV files, an example a row. The input is an image, a list of numbers, or columns of numbers."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.records.images import IMAGE_SIGNATURES
from mixup_pipeline.sources.choosing import Described
from mixup_pipeline.sources.describing import described_source, plain_name
from mixup_pipeline.sources.feature import Feature
from mixup_pipeline.sources.file_formats import csv, parquet
from mixup_pipeline.sources.file_formats.image_list import NAMES as LISTS
from mixup_pipeline.sources.listed_files import in_order, matching_places, source_files
from mixup_pipeline.sources.source import Source, SourceFile, SourceKind
from mixup_pipeline.sources.split_names import of_one_split
from mixup_pipeline.sources.text_classes import text_classes
from mixup_pipeline.spec import counted
from mixup_pipeline.storage.places import Place, place

_FORMATS = {".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".csv.gz": "csv", ".tsv.gz": "csv"}
"""Formats by how the name of a file ends."""
_FROM = "the texts that occur"


def takes(config: SourceConfig) -> bool:
    """Whether src is a table, a pattern for tables, or a folder of nothing else."""
    if _format_of(config.src) is not None:
        return True
    path = place(config.src)
    if not path.is_dir():
        return False
    names = [found.name for found in path.iterdir() if not found.name.startswith(".")]
    return bool(names) and all(_format_of(name) is not None and name not in LISTS for name in names)


def open_tables(config: SourceConfig) -> Source:
    """Describe the files that match. Raises UsageError or SourceError that says what was found and expected."""
    if config.schema is not None:
        raise UsageError(f"--schema is for TFRecord files, but --src {config.src} is a table: leave out --schema")
    paths, split, notes = of_one_split(_matching(config), config)
    files = source_files(paths, _format)
    kinds = {file.format for file in files}
    if len(kinds) > 1:
        raise UsageError(f"--src {config.src}: matches Parquet and CSV files: give a pattern for one of them")
    try:
        described, more = (_parquet if kinds == {"parquet"} else _csv)(files, config)
    except OSError as error:
        raise SourceError(f"{error.filename or config.src}: cannot be read ({error.strerror or error})") from error
    name = plain_name(paths[0].name)
    return described_source(config, described, name=name, split=split, files=files, notes=(*notes, *more))


def table_files(config: SourceConfig) -> tuple[SourceFile, ...]:
    """The files that match, in the order of their names."""
    return source_files(of_one_split(_matching(config), config)[0], _format)


def _format_of(name: str) -> str | None:
    return next((kind for suffix, kind in _FORMATS.items() if name.lower().endswith(suffix)), None)


def _matching(config: SourceConfig) -> list[Place]:
    path = place(config.src)
    if not path.is_dir():
        return matching_places(config)
    return in_order([found for found in path.iterdir() if _format_of(found.name)], config)


def _format(path: Place) -> str:
    return _format_of(path.name) or "csv"


# CSV


def _csv(files: Sequence[SourceFile], config: SourceConfig) -> tuple[Described, list[str]]:
    where = files[0].name
    names, delimiter = csv.header_of(place(files[0].path), where)
    columns = {name: csv.Column() for name in names}
    for file in files:
        found, mark = csv.header_of(place(file.path), file.name)
        if (found, mark) != (names, delimiter):
            raise SourceError(f"{file.name}: has columns {', '.join(found)}, {where} has {', '.join(names)}")
        csv.scan_columns(place(file.path), file.name, columns)
    if not any(column.values for column in columns.values()):
        raise SourceError(f"{where}: holds no row below its first line")
    paths = [(place(file.path), file.name) for file in files]
    described = Described(
        schema={name: _csv_feature(column) for name, column in columns.items()},
        where=where,
        class_texts=partial(csv.column_texts, paths),
        texts_from=_FROM,
        packs_columns=True,
    )
    return described, [] if delimiter == "," else [f"columns are separated by {delimiter!r}"]


def _csv_feature(column: csv.Column) -> Feature:
    if column.is_integer:
        return Feature(text="column of integers", label_kind="class", is_number=True)
    if column.is_number:
        return Feature(text="column of numbers", is_number=True)
    if 2 * column.commas > column.values:
        return Feature(text="column of numbers with a decimal comma: write them with a point")
    return Feature(text="column of texts", label_kind="class", is_text=True)


# Parquet


def _parquet(files: Sequence[SourceFile], config: SourceConfig) -> tuple[Described, list[str]]:
    where = files[0].name
    with parquet.opened(place(files[0].path), where) as table:
        schema = table.schema_arrow
        names = parquet.class_names_of(schema)
        features = {field.name: _parquet_feature(table, field, names.get(field.name)) for field in schema}
    for file in files[1:]:
        with parquet.opened(place(file.path), file.name) as table:
            if not table.schema_arrow.equals(schema):
                raise SourceError(f"{file.name}: its columns are not those of {where}: give files of one table")
    described = Described(
        schema=features,
        where=where,
        class_names=names.get,
        class_texts=partial(text_classes, files),
        texts_from=_FROM,
        packs_columns=True,
    )
    return described, []


def _parquet_feature(table: Any, field: Any, names: tuple[str, ...] | None) -> Feature:
    from pyarrow import types

    kind, text = field.type, f"column {field.type}"
    if types.is_struct(kind):
        is_image = {"bytes", "path"} <= {part.name for part in kind}
        return (
            Feature(text="image file", input_kind="encoded", shape=(None, None, None))
            if is_image
            else Feature(text=text)
        )
    if types.is_binary(kind) or types.is_large_binary(kind):
        first = next(iter(parquet.first_values(table, field.name)), b"")
        if first.startswith(IMAGE_SIGNATURES):
            return Feature(text="image file", input_kind="encoded", shape=(None, None, None))
        return Feature(text=text)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _list_feature(table, field, text)
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


def _list_feature(table: Any, field: Any, text: str) -> Feature:
    """A list of numbers, whose length is that of the first rows. Lists of other lengths are bad records."""
    from pyarrow import types

    inner = field.type.value_type
    if not (types.is_floating(inner) or types.is_integer(inner) or types.is_boolean(inner)):
        return Feature(text=text)
    lengths = {len(value) for value in parquet.first_values(table, field.name)}
    if len(lengths) > 1:
        kind = "class-list" if types.is_integer(inner) else None
        return Feature(text=f"{text} of several lengths", label_kind=kind)
    label_kind = "soft" if types.is_floating(inner) else "one-hot"
    return Feature(text=text, input_kind="vector", label_kind=label_kind, shape=tuple(lengths) or (None,))


KIND = SourceKind(takes=takes, open=open_tables, files=table_files)
