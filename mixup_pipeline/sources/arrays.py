"""NumPy arrays: an .npz, whose keys are features, or an .npy with the labels in another file beside it.

Which array is the label of which is told by their names: x and y, images and labels. Arrays that are called as those of
another split (x_test) are left out.
"""

import re
from collections.abc import Collection, Mapping
from functools import partial

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import FILE_FORMATS
from mixup_pipeline.errors import SourceError, SplitError, UsageError
from mixup_pipeline.sources.choosing import Described
from mixup_pipeline.sources.describing import described_source, plain_name
from mixup_pipeline.sources.feature import SHOWN, Feature, listed
from mixup_pipeline.sources.file_formats.arrays import SUFFIX, Arrays, check_together, needed
from mixup_pipeline.sources.file_formats.npy import Header
from mixup_pipeline.sources.listed_files import matching_places, source_files
from mixup_pipeline.sources.source import Source, SourceFile, SourceKind
from mixup_pipeline.sources.split_names import check_evaluation, is_training_split, of_one_split, split_of
from mixup_pipeline.sources.text_classes import text_classes
from mixup_pipeline.sources.tfrecord import names_files
from mixup_pipeline.storage.places import Place

_SUFFIXES = (".npz", SUFFIX)
_PAIRS = (
    ("x", "y"),
    ("X", "y"),
    ("X", "Y"),
    *((word, label) for word in ("images", "data", "features", "inputs") for label in ("labels", "targets", "target")),
    ("image", "label"),
)
"""What arrays of inputs and their labels are called."""


def takes(config: SourceConfig) -> bool:
    """Whether src is a file of arrays, or a pattern for such files. Raises UsageError if src cannot be accessed."""
    return config.src.lower().endswith(_SUFFIXES) and names_files(config)


def open_arrays(config: SourceConfig) -> Source:
    """Describe the arrays of one split.

    Raises UsageError if nothing matches or an option is missing, SourceError for arrays that cannot be read or do not
    belong together.
    """
    if config.schema is not None:
        raise UsageError(f"--schema is for TFRecord files, but --src {config.src} holds arrays: leave out --schema")
    paths, split, notes = of_one_split(_matching(config), config)
    files, name = source_files(paths, _format), paths[0].name
    try:
        file_format = _format_at(paths[0])
        keys, asked = file_format.keys(paths[0], name), config.image_key
        if files[0].format == "npy":
            asked, keys = name, _beside(keys, name, config)
        else:
            keys, split, left_out = _of_split(keys, split, name, config)
            notes += left_out
        headers = file_format.headers(paths[0], name, keys)
        image, label = _pair(keys, asked)
        _check_usable(headers, name, asked or image, config.label_key or label)
        schema = {key: _feature(header) for key, header in headers.items()}
    except OSError as error:
        raise SourceError(f"{error.filename or paths[0]}: cannot be read ({error.strerror or error})") from error
    texts = partial(text_classes, files)
    described = Described(
        schema=schema,
        where=name,
        supervised=(image, label),
        supervised_rule="paired by name",
        class_texts=texts,
        integers=partial(_ends, paths),
    )
    source = described_source(config, described, name=plain_name(name), split=split, files=files, notes=tuple(notes))
    used = {key: headers[key] for key in needed(source.spec)}
    check_together(used, name)
    for path in paths[1:]:
        _check_alike(used, name, file_format.headers(path, path.name, list(used)), path.name)
    return source


def array_files(config: SourceConfig) -> tuple[SourceFile, ...]:
    """The files that match, in the order of their names."""
    return source_files(of_one_split(_matching(config), config)[0], _format)


def _matching(config: SourceConfig) -> list[Place]:
    paths = matching_places(config)
    if len(paths) > 1 and config.src.lower().endswith(SUFFIX):
        raise UsageError(f"--src {config.src}: matches {len(paths):,} .npy files: give one, or store them as one .npz")
    return paths


def _format(path: Place) -> str:
    return path.name.lower()[-3:]


def _format_at(path: Place) -> Arrays:
    file_format: Arrays = FILE_FORMATS[_format(path)]
    return file_format


def _beside(there: Collection[str], name: str, config: SourceConfig) -> list[str]:
    """The files that one .npy is read with: its labels, and what goes along."""
    if config.image_key not in (None, name):
        raise UsageError(f"--image-key {config.image_key}: the input is {name}: leave out --image-key")
    label = config.label_key or _pair(there, name)[1]
    others = ", ".join(sorted({*there} - {name})[:SHOWN]) or "no other"
    if label is None:
        raise UsageError(f"--label-key is needed: the .npy file that holds the labels of {name}; beside it is {others}")
    check_evaluation(split_of(label), config)
    texts = [config.keep, config.group_key, config.columns]
    wanted = {name, label, *(key.strip() for text in texts if text for key in text.split(","))}
    missing = next((key for key in sorted(wanted) if key not in there), None)
    if missing is not None:
        option = "--label-key" if missing == label else "--keep, --group-key or --columns"
        raise UsageError(f"{option} {missing}: there is no such file beside {name}; there is {others}")
    return sorted(wanted)


def _of_split(keys: list[str], split: str, name: str, config: SourceConfig) -> tuple[list[str], str, list[str]]:
    """The arrays of one split, its name, and a note on those left out. Raises SplitError if there is no such split."""
    by_split: dict[str | None, list[str]] = {}
    for key in keys:
        by_split.setdefault(split_of(key), []).append(key)
    if not keys:
        raise SourceError(f"{name}: holds no arrays")
    if {*by_split} == {None}:
        return keys, split, []
    asked = config.split_name
    of_split = by_split.get(asked, by_split.get(None, []) if is_training_split(asked) else [])
    if not of_split:
        told = ", ".join(sorted(other for other in by_split if other is not None))
        raise SplitError(f"--split {asked!r}: {name} has arrays of {told}")
    others = sorted({*keys} - {*of_split})
    return of_split, asked, [f"left out, as they are not of {asked}: {listed(others)}"] if others else []


def _pair(keys: Collection[str], asked: str | None) -> tuple[str | None, str | None]:
    """The input and its label by their names, None for what names do not tell. asked: the input, if it is given."""
    found = {
        (key, label)
        for key in (keys if asked is None else [asked])
        for word, other in _PAIRS
        for label in [re.sub(rf"(?<![A-Za-z]){word}(?![A-Za-z])", other, key)]
        if label != key and label in keys
    }
    return next(iter(found)) if len(found) == 1 else (asked, None)


def _check_usable(headers: Mapping[str, Header], name: str, image: str | None, label: str | None) -> None:
    """Raise SourceError for an array that is meant, and cannot be read."""
    for key in (image, label):
        if key is not None and key in headers and headers[key].content is None:
            check_together({key: headers[key]}, name)


def _feature(header: Header) -> Feature:
    """What an array can be used for."""
    kind, row = header.content, header.shape[1:]
    if kind is None:
        return Feature(text=header.problem or header.text)
    if kind == "image":
        return Feature(text=header.text, input_kind="raw", shape=(*row, 1) if len(row) == 2 else row)
    if kind == "text":
        return Feature(text="text", label_kind="class", is_text=True)
    if kind == "class":
        classes = 2 if header.dtype.kind == "b" else None
        return Feature(
            text=header.text, label_kind="class", num_classes=classes, classes_from="dtype bool", is_number=True
        )
    soft = "soft" if len(row) == 1 and row[0] > 1 else None
    return Feature(
        text=header.text, input_kind="vector", label_kind=soft, shape=row or (1,), is_number=header.is_single
    )


def _ends(paths: list[Place], key: str) -> tuple[int, int] | None:
    """The least and the largest integer of an array, of all files; None if it holds none."""
    parts = [part for path in paths for part in _format_at(path).values(path, path.name, key) if part.size]
    return (min(int(part.min()) for part in parts), max(int(part.max()) for part in parts)) if parts else None


def _check_alike(headers: Mapping[str, Header], name: str, others: Mapping[str, Header], other: str) -> None:
    """Raise SourceError for an array of another file whose rows are not those of the first one."""
    for key, header in headers.items():
        told, found = (f"{one.dtype} of {[*one.shape[1:]]}" for one in (header, others[key]))
        if told != found:
            raise SourceError(f"{other}: array {key!r} has rows of {found}, that of {name} has {told}")


KIND = SourceKind(takes=takes, open=open_arrays, files=array_files, keys_of_split=True)
