"""Tables: Parquet and CSV files, an example a row. The input is an image, a list of numbers, or columns of numbers."""

from collections.abc import Sequence
from functools import partial

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.sources.choosing import Described
from mixup_pipeline.sources.describing import described_source, name_of
from mixup_pipeline.sources.endings import TABLES, holds_other_examples, table_ending
from mixup_pipeline.sources.feature import Feature, listed
from mixup_pipeline.sources.file_formats import csv
from mixup_pipeline.sources.file_formats.image_list import FILE_NAME
from mixup_pipeline.sources.file_formats.image_list import NAMES as LISTS
from mixup_pipeline.sources.file_formats.text_numbers import Column
from mixup_pipeline.sources.listed_files import in_order, matching_places, source_files
from mixup_pipeline.sources.parquet_features import integer_range, parquet_features
from mixup_pipeline.sources.source import Source, SourceFile, SourceKind
from mixup_pipeline.sources.split_names import of_one_split
from mixup_pipeline.sources.text_classes import text_classes
from mixup_pipeline.storage.places import Place, place

_FROM = "the texts that occur"


def takes(config: SourceConfig) -> bool:
    """Whether src is a table, a pattern for tables, or a folder of them with no folders or other examples."""
    if _format_of(config.src) is not None:
        return True
    path = place(config.src)
    if not path.is_dir():
        return False
    return bool(_tables_in(path)) and not any(
        found.name in LISTS or holds_other_examples(found.name) or found.is_dir() for found in _visible(path)
    )


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
        _check_no_list(config)
        described, more = (_parquet if kinds == {"parquet"} else _csv)(files, config)
    except OSError as error:
        raise SourceError(f"{error.filename or config.src}: cannot be read ({error.strerror or error})") from error
    folder = place(config.src)
    others = sorted(path.name for path in _visible(folder) if not _format_of(path.name)) if folder.is_dir() else []
    more += [f"left out, as they are no tables: {listed(others)}"] if others else []
    name = name_of(paths[0])
    return described_source(config, described, name=name, split=split, files=files, notes=(*notes, *more))


def _check_no_list(config: SourceConfig) -> None:
    """Raise UsageError for a table whose name and columns tell that it lists images."""
    path = place(config.src)
    if path.name in LISTS and FILE_NAME in csv.header_of(path, path.name)[0]:
        raise UsageError(f"--src {config.src}: lists the images of its folder: give --src {path.parent}")


def table_files(config: SourceConfig) -> tuple[SourceFile, ...]:
    """The files that match, in the order of their names."""
    return source_files(of_one_split(_matching(config), config)[0], _format)


def _visible(folder: Place) -> list[Place]:
    return [found for found in folder.iterdir() if not found.name.startswith(".")]


def _tables_in(folder: Place) -> list[Place]:
    return [found for found in _visible(folder) if _format_of(found.name) is not None]


def _format_of(name: str) -> str | None:
    ending = table_ending(name)
    return None if ending is None else TABLES[ending]


def _matching(config: SourceConfig) -> list[Place]:
    path = place(config.src)
    if not path.is_dir():
        return matching_places(config)
    return in_order(_tables_in(path), config)


def _format(path: Place) -> str:
    return _format_of(path.name) or "csv"


def _csv(files: Sequence[SourceFile], config: SourceConfig) -> tuple[Described, list[str]]:
    where, rows = files[0].name, 0
    names, delimiter = csv.header_of(place(files[0].path), where)
    columns = {name: Column() for name in names}
    for file in files:
        found, mark = csv.header_of(place(file.path), file.name)
        if mark != delimiter:
            raise SourceError(f"{file.name}: its columns are separated by {mark!r}, those of {where} by {delimiter!r}")
        if found != names:
            raise SourceError(f"{file.name}: has columns {', '.join(found)}, {where} has {', '.join(names)}")
        rows += csv.scan_columns(place(file.path), file.name, columns)
    if not any(column.values for column in columns.values()):
        fault = f"none of its {rows:,} rows holds {len(names)} values" if rows else "holds no row below its first line"
        raise SourceError(f"{where}: {fault}, as its first line does")
    paths = [(place(file.path), file.name) for file in files]
    schema = {name: _csv_feature(column) for name, column in columns.items()}
    described = Described(
        schema=schema,
        where=where,
        class_texts=partial(csv.column_texts, paths),
        texts_from=_FROM,
        integers=lambda key: csv.column_range(paths, key) if key in columns and columns[key].is_integer else None,
        packs_columns=True,
    )
    commas = [name for name, column in columns.items() if 2 * column.commas > column.values]
    notes = [f"no numbers, as they have a decimal comma and no point: {listed(commas)}"] if commas else []
    return described, notes if delimiter == "," else [*notes, f"columns are separated by {delimiter!r}"]


def _csv_feature(column: Column) -> Feature:
    if column.is_integer:
        return Feature(text="column of integers", label_kind="class", is_number=True)
    if column.is_number:
        return Feature(text="column of numbers", is_number=True)
    if 2 * column.commas > column.values:
        return Feature(text="column of numbers with a decimal comma: write them with a point")
    return Feature(text="column of texts", label_kind="class", is_text=True)


def _parquet(files: Sequence[SourceFile], config: SourceConfig) -> tuple[Described, list[str]]:
    where = files[0].name
    features, names = parquet_features(files, config)
    described = Described(
        schema=features,
        where=where,
        class_names=names.get,
        class_texts=partial(text_classes, files),
        texts_from=_FROM,
        integers=partial(integer_range, files),
        packs_columns=True,
    )
    return described, []


KIND = SourceKind(takes=takes, open=open_tables, files=table_files)
