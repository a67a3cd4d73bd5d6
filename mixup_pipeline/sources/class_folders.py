"""Folders of images, one folder a class: SRC/CLASS/*, or SRC/SPLIT/CLASS/* where there are splits.

Each class folder is a file of the source, whose records are its images, at any depth, in the order of their names. So
the id of an example starts with the image's path below SRC.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, SplitError, UsageError
from mixup_pipeline.sources.choosing import Described
from mixup_pipeline.sources.describing import described_source, plain_name
from mixup_pipeline.sources.endings import TABLES
from mixup_pipeline.sources.feature import Feature
from mixup_pipeline.sources.file_formats.class_folder import FolderContent, folder_content, holds_an_image, is_hidden
from mixup_pipeline.sources.file_formats.listing import IMAGE_KEY, LABEL_KEY
from mixup_pipeline.sources.source import Source, SourceFile, SourceKind
from mixup_pipeline.sources.split_names import (
    check_evaluation,
    is_evaluation_folder,
    is_evaluation_split,
    is_training_split,
    split_of,
)
from mixup_pipeline.sources.tfds_directory import is_prepared, prepared_directory
from mixup_pipeline.storage.places import Place, place

_SHOWN = 5
_TABLES = (*TABLES, ".jsonl")


@dataclass(frozen=True, kw_only=True)
class _Folders:
    """What was found below --src. split: what the output is called. classes: the class folders, by the class.

    below: the name of the split's folder and a slash, empty if there are no splits. known: the classes of all splits.
    """

    split: str
    below: str
    classes: dict[str, Place]
    known: tuple[str, ...]


def takes(config: SourceConfig) -> bool:
    """Whether src is a folder of folders of images."""
    if prepared_directory(config) is not None:
        return False
    path = place(config.src)
    return path.is_dir() and not is_prepared(path) and bool(_splits(path) or _class_folders(path))


def open_class_folders(config: SourceConfig) -> Source:
    """Describe the images of one split. Raises UsageError or SourceError that says what was found and expected."""
    _check_options(config)
    found = _found(config)
    contents = {name: folder_content(folder) for name, folder in found.classes.items()}
    _check_no_evaluation(config, found, contents)
    _check_several(config, found)
    empty = next((name for name, content in contents.items() if not content.images), None)
    if empty is not None:
        raise SourceError(f"{found.classes[empty]}: this class folder holds no images: put images there, or remove it")
    feature = Feature(text="image file", input_kind="encoded", shape=(None, None, None))
    label = Feature(text="name of the folder", label_kind="class", class_label=True, is_text=True)
    described = Described(
        schema={IMAGE_KEY: feature, LABEL_KEY: label},
        where=config.src,
        class_texts=lambda label_key: found.known,
        texts_from="the class folders",
    )
    return described_source(
        config,
        described,
        name=plain_name(place(config.src).name or "images"),
        split=found.split,
        files=_files(found),
        notes=_notes(config, found, contents),
    )


def _check_no_evaluation(config: SourceConfig, found: _Folders, contents: Mapping[str, FolderContent]) -> None:
    """Raise UsageError where a folder that is called as evaluation data lies among those of classes, or below one.

    Beside a folder of training data, more names tell so: "test_stg1".
    """
    deepest = {f"{name}/{image}".rpartition("/")[0] for name, content in contents.items() for image in content.images}
    folders = sorted({path for end in deepest for path in itertools.accumulate(end.split("/"), "{}/{}".format)})
    parts = [path.rpartition("/") for path in folders]
    training = {above: path for path, (above, _, name) in zip(folders, parts, strict=True) if is_training_split(name)}
    evaluation = next(
        (
            (above, name)
            for above, _, name in parts
            if is_evaluation_folder(name) or (above in training and is_evaluation_split(name))
        ),
        None,
    )
    if evaluation is not None and not config.allow_eval_split:
        above, name = evaluation
        around, beside = f"{config.src.rstrip('/')}/{found.below}", training.get(above)
        has_classes = beside is not None and _class_folders(place(f"{around}{beside}"))
        remedy = f"--src {around}{beside}" if has_classes else "a folder of training data, with one folder a class"
        raise UsageError(
            f"--src {config.src}: the folder {name} in {around}{above and above + '/'} is called as data for "
            f"evaluation, which must not be mixed, but classes are around it: give {remedy}, or --allow-eval-split if "
            f"it is a class"
        )


def _check_several(config: SourceConfig, found: _Folders) -> None:
    """Raise UsageError for one folder beside a table: the table says the classes then, and no folder does."""
    tables = [name for name in _files_beside(config, found) if name.lower().endswith(_TABLES)]
    if len(found.known) == 1 and tables:
        raise UsageError(
            f"--src {config.src}: has one folder of images, {found.known[0]}, beside {tables[0]}: if that says the "
            f"classes, write a metadata.csv, whose column file_name names the images with their endings"
        )


def _files_beside(config: SourceConfig, found: _Folders) -> list[str]:
    """The files beside the class folders, and beside the splits."""
    folders = {above: place(config.src).joinpath(above) for above in ("", found.below)}
    return sorted(above + path.name for above, folder in folders.items() for path in folder.iterdir() if path.is_file())


def class_folder_files(config: SourceConfig) -> tuple[SourceFile, ...]:
    """The class folders, without a look at the images."""
    return _files(_found(config))


def _files(found: _Folders) -> tuple[SourceFile, ...]:
    return tuple(
        SourceFile(position=position, name=found.below + name, path=str(folder.absolute()), format="class-folder")
        for position, (name, folder) in enumerate(found.classes.items())
    )


def _found(config: SourceConfig) -> _Folders:
    path = place(config.src)
    splits = _splits(path)
    if not splits:
        told = split_of(path.name) if is_evaluation_split(path.name) else None
        check_evaluation(told, config)
        classes = _class_folders(path)
        split = config.split or (told if told is not None else config.split_name)
        return _Folders(split=split, below="", classes=classes, known=tuple(classes))
    split = config.split_name
    if split not in splits:
        raise SplitError(f"--split {split!r}: {config.src} has {', '.join(splits)}")
    known = sorted({name for classes in splits.values() for name in classes})
    return _Folders(split=split, below=f"{split}/", classes=splits[split], known=tuple(known))


def _splits(path: Place) -> dict[str, dict[str, Place]]:
    """The class folders of each split, by its name; none if the folders below are not called as splits are.

    One of them must be for training, and there may be no others than splits beside it.
    """
    folders = {folder.name: folder for folder in _visible_folders(path)}
    if not any(is_training_split(name) for name in folders):
        return {}
    if not all(is_training_split(name) or split_of(name) is not None for name in folders):
        return {}
    found = {name: _class_folders(folder) for name, folder in sorted(folders.items())}
    return {name: classes for name, classes in found.items() if classes}


def _class_folders(path: Place) -> dict[str, Place]:
    """The folders below, by their names in their order, if there is an image in any of them."""
    folders = {folder.name: folder for folder in sorted(_visible_folders(path), key=lambda folder: folder.name)}
    return folders if any(holds_an_image(folder) for folder in folders.values()) else {}


def _visible_folders(path: Place) -> list[Place]:
    return [folder for folder in path.iterdir() if folder.is_dir() and not is_hidden(folder.name)]


def _notes(config: SourceConfig, found: _Folders, contents: dict[str, FolderContent]) -> tuple[str, ...]:
    """What is left out: files that are in no class folder or no images, and classes that this split does not have."""
    others = _files_beside(config, found)
    others += [f"{found.below}{name}/{other}" for name, content in contents.items() for other in content.others]
    notes = []
    if found.below:
        other = sorted({folder.name for folder in _visible_folders(place(config.src))} - {found.split})
        notes += [f"left out, as they are of other splits: {', '.join(other)}"] if other else []
    if others:
        more = f" and {len(others) - _SHOWN:,} more" if len(others) > _SHOWN else ""
        notes.append(f"left out, as they are no images in a class folder: {', '.join(others[:_SHOWN])}{more}")
    missing = [name for name in found.known if name not in found.classes]
    if missing:
        notes.append(f"{found.split} has no images of {', '.join(missing[:_SHOWN])}, which another split has")
    return tuple(notes)


def _check_options(config: SourceConfig) -> None:
    given = (("schema", config.schema, ""), ("image-key", config.image_key, IMAGE_KEY))
    for option, value, own in (*given, ("label-key", config.label_key, LABEL_KEY)):
        if value not in (None, own):
            raise UsageError(f"--{option} {value}: is not for folders of images: leave it out")


KIND = SourceKind(takes=takes, open=open_class_folders, files=class_folder_files)
