"""Folders of images with a metadata.csv or metadata.jsonl, which holds a label for each: SRC, or SRC/SPLIT."""

from collections.abc import Collection
from functools import partial
from pathlib import PurePosixPath

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, SplitError, UsageError
from mixup_pipeline.sources.choosing import Described
from mixup_pipeline.sources.describing import described_source, plain_name
from mixup_pipeline.sources.feature import Feature
from mixup_pipeline.sources.file_formats.class_folder import folder_content, is_hidden
from mixup_pipeline.sources.file_formats.image_list import FILE_NAME, NAMES, rows
from mixup_pipeline.sources.file_formats.listing import IMAGE_KEY
from mixup_pipeline.sources.seen_values import Values
from mixup_pipeline.sources.source import Source, SourceFile, SourceKind, is_text
from mixup_pipeline.sources.split_names import (
    check_evaluation,
    is_evaluation_folder,
    is_evaluation_split,
    is_training_split,
)
from mixup_pipeline.sources.text_counts import check_count
from mixup_pipeline.spec import counted
from mixup_pipeline.storage.places import Place, place

_SHOWN = 5
_JSON_LINES = NAMES[1]


def takes(config: SourceConfig) -> bool:
    """Whether src is a folder with a list of images, or with splits that have one.

    Folders are splits if one is asked for or called as one, or if each has a list. A list itself is refused later.
    """
    path = place(config.src)
    if not path.is_dir():
        return path.name == _JSON_LINES and path.is_file()
    lists = _lists(path)
    if "" in lists or config.split in lists:
        return True
    named = any(is_training_split(name) or is_evaluation_folder(name) for name in lists)
    return named or (bool(lists) and _folders(path) <= {*lists})


def open_image_list(config: SourceConfig) -> Source:
    """Describe the images of one split. Raises UsageError or SourceError that says what was found and expected."""
    if config.schema is not None:
        raise UsageError(f"--schema is for TFRecord files, but --src {config.src} is a folder: leave out --schema")
    files, split = _found(config)
    path = place(files[0].path)
    columns, names = _columns(path)
    features = {key: values.feature(config) for key, values in columns.items()}
    image = Feature(text="image file", input_kind="encoded", shape=(None, None, None))
    described = Described(
        schema={**features, IMAGE_KEY: image},
        where=str(path),
        class_texts=partial(_texts, path),
        texts_from="the texts that occur",
        integers=lambda key: columns[key].ends,
        several_columns=True,
    )
    hidden = [f"its column {IMAGE_KEY!r} is left out: the images are called so"] if IMAGE_KEY in columns else []
    name = plain_name(place(config.src).name or "images")
    notes = (*_other_splits(config, split), *hidden, *_unlisted(path, names))
    return described_source(config, described, name=name, split=split, files=files, notes=notes)


def image_list_files(config: SourceConfig) -> tuple[SourceFile, ...]:
    """The list, without a look at its rows."""
    return _found(config)[0]


def _lists(path: Place) -> dict[str, Place]:
    """The lists of a folder by their splits; that of the folder itself has none."""
    own = _list_in(path)
    if own is not None:
        return {"": own}
    below = sorted((folder for folder in path.iterdir() if folder.is_dir()), key=lambda folder: folder.name)
    return {folder.name: found for folder in below for found in [_list_in(folder)] if found is not None}


def _list_in(folder: Place) -> Place | None:
    found = [folder / name for name in NAMES if (folder / name).is_file()]
    if len(found) > 1:
        raise UsageError(f"{folder}: holds {' and '.join(NAMES)}, which may differ: remove one")
    return found[0] if found else None


def _folders(path: Place) -> set[str]:
    return {folder.name for folder in path.iterdir() if folder.is_dir() and not is_hidden(folder.name)}


def _other_splits(config: SourceConfig, split: str) -> list[str]:
    """A note on the folders beside that of a split."""
    path = place(config.src)
    others = set() if "" in _lists(path) else _folders(path) - {split}
    return [f"left out, as they are of other splits: {', '.join(sorted(others))}"] if others else []


def _unlisted(path: Place, listed: Collection[str]) -> list[str]:
    """A note on the images beside a list, or below, that it does not name."""
    there = folder_content(path.parent).images
    missing = [name for name in there if name not in listed]
    if not missing:
        return []
    shown = ", ".join(missing[:_SHOWN]) + (" …" if len(missing) > _SHOWN else "")
    return [f"{counted(len(missing), 'image')} left out, as {path.name} does not name them: {shown}"]


def _found(config: SourceConfig) -> tuple[tuple[SourceFile, ...], str]:
    path = place(config.src)
    if not path.is_dir():
        raise UsageError(f"--src {config.src}: lists the images of its folder: give --src {path.parent}")
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


def _columns(path: Place) -> tuple[dict[str, Values], set[str]]:
    """What the columns of a list hold, from all of its rows, and the images that it names."""
    columns: dict[str, Values] = {}
    names: set[str] = set()
    for row in rows(path):
        names.add(str(PurePosixPath(row[FILE_NAME])))
        for key, value in row.items():
            columns.setdefault(key, Values()).add(value, is_text=path.suffix == ".csv")
    if not columns:
        raise SourceError(f"{path}: lists no image")
    del columns[FILE_NAME]
    return columns, names


def _texts(path: Place, key: str) -> tuple[str, ...]:
    texts: set[str] = set()
    for row in rows(path):
        value = row.get(key)
        texts.update(text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str) and text)
        check_count(len(texts), key)
    return tuple(sorted(filter(is_text, texts)))


KIND = SourceKind(takes=takes, open=open_image_list, files=image_list_files)
