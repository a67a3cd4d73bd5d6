"""Folders of images with a metadata.csv or metadata.jsonl, which holds a label for each: SRC, or SRC/SPLIT."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, SplitError, UsageError
from mixup_pipeline.sources.choosing import Described
from mixup_pipeline.sources.describing import described_source, plain_name
from mixup_pipeline.sources.feature import Feature
from mixup_pipeline.sources.file_formats.csv import Column
from mixup_pipeline.sources.file_formats.image_list import FILE_NAME, NAMES, rows
from mixup_pipeline.sources.file_formats.listing import IMAGE_KEY
from mixup_pipeline.sources.source import Source, SourceFile, SourceKind
from mixup_pipeline.sources.split_names import check_evaluation, is_evaluation_split
from mixup_pipeline.sources.text_counts import check_count
from mixup_pipeline.storage.places import Place, place


def takes(config: SourceConfig) -> bool:
    """Whether src is a folder with a list of images, or with splits that have one."""
    path = place(config.src)
    return path.is_dir() and bool(_lists(path))


def open_image_list(config: SourceConfig) -> Source:
    """Describe the images of one split. Raises UsageError or SourceError that says what was found and expected."""
    if config.schema is not None:
        raise UsageError(f"--schema is for TFRecord files, but --src {config.src} is a folder: leave out --schema")
    files, split = _found(config)
    path = place(files[0].path)
    features = _features(path)
    described = Described(
        schema={IMAGE_KEY: Feature(text="image file", input_kind="encoded", shape=(None, None, None)), **features},
        where=str(path),
        class_texts=partial(_texts, path),
        texts_from="the texts that occur",
    )
    name = plain_name(place(config.src).name or "images")
    return described_source(config, described, name=name, split=split, files=files)


def image_list_files(config: SourceConfig) -> tuple[SourceFile, ...]:
    """The list, without a look at its rows."""
    return _found(config)[0]


def _lists(path: Place) -> dict[str, Place]:
    """The lists of a folder by their splits; that of the folder itself has none."""
    own = [path / name for name in NAMES if (path / name).is_file()]
    if own:
        return {"": own[0]}
    below = sorted((folder for folder in path.iterdir() if folder.is_dir()), key=lambda folder: folder.name)
    return {folder.name: folder / name for folder in below for name in NAMES if (folder / name).is_file()}


def _found(config: SourceConfig) -> tuple[tuple[SourceFile, ...], str]:
    path = place(config.src)
    lists, split = _lists(path), config.split_name
    if "" in lists:
        told = path.name if is_evaluation_split(path.name) else None
        check_evaluation(told, config)
        split = config.split or told or split
        return _file(lists[""], path.name or "images"), split
    if split not in lists:
        raise SplitError(f"--split {split!r}: {config.src} has {', '.join(lists)}")
    return _file(lists[split], split), split


def _file(path: Place, name: str) -> tuple[SourceFile, ...]:
    return (SourceFile(position=0, name=name, path=str(path.absolute()), format="image-list"),)


def _features(path: Place) -> dict[str, Feature]:
    """What the columns of a list hold, from all of its rows."""
    columns: dict[str, Column] = {}
    examples: dict[str, Any] = {}
    for row in rows(path):
        for key, value in row.items():
            examples.setdefault(key, value)
            if isinstance(value, (str, int, float)):
                columns.setdefault(key, Column()).add(str(value))
    if not examples:
        raise SourceError(f"{path}: lists no image")
    return {key: _feature(value, columns.get(key)) for key, value in examples.items() if key != FILE_NAME}


def _feature(value: Any, column: Column | None) -> Feature:
    if isinstance(value, list):
        return _list_feature(value)
    if column is None:
        return Feature(text=type(value).__name__)
    if isinstance(value, bool):
        return Feature(text="column of true and false", label_kind="class", num_classes=2, classes_from="bool")
    if column.is_integer:
        return Feature(text="column of integers", label_kind="class", is_number=True)
    if column.is_number:
        return Feature(text="column of numbers", is_number=True)
    return Feature(text="column of texts", label_kind="class", is_text=True)


def _list_feature(value: Sequence[Any]) -> Feature:
    if all(isinstance(item, int) for item in value):
        return Feature(text="list of integers", label_kind="class-list")
    if all(isinstance(item, (int, float)) for item in value):
        return Feature(text=f"{len(value)} numbers", label_kind="soft", shape=(len(value),))
    return Feature(text="list")


def _texts(path: Place, key: str) -> tuple[str, ...]:
    texts: set[str] = set()
    for row in rows(path):
        if isinstance(row.get(key), str):
            texts.add(row[key])
            check_count(len(texts), key)
    return tuple(sorted(texts))


KIND = SourceKind(takes=takes, open=open_image_list, files=image_list_files)
