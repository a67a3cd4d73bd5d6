"""TFDS datasets: prepared directories, described by their JSON files. Neither TFDS nor TensorFlow is imported."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, SplitError, UsageError
from mixup_pipeline.sources.choosing import Described
from mixup_pipeline.sources.describing import described_source
from mixup_pipeline.sources.file_formats.array_record import check_local
from mixup_pipeline.sources.schema import read_class_names
from mixup_pipeline.sources.source import Source, SourceFile, SourceKind
from mixup_pipeline.sources.split_slices import Slice, slices_of
from mixup_pipeline.sources.tfds_directory import pinned_src, tfds_directory
from mixup_pipeline.sources.tfds_features import FEATURES_NAME, read_features_json
from mixup_pipeline.sources.tfds_info import INFO_NAME, DatasetInfo, read_dataset_info
from mixup_pipeline.storage.places import Place

_FORMATS = {"tfrecord": "tfrecord", "array_record": "array-record"}
"""What TFDS calls the file formats that can be read, and their names in `config.registry.FILE_FORMATS`."""


def open_tfds(config: SourceConfig) -> Source:
    """Describe one split of a dataset, given by its name or directory. It is downloaded if it is not prepared yet.

    Raises UsageError for an unknown split or feature. Raises SourceError if the directory is not as TFDS writes it.
    """
    folder, info = _prepared_split(config)
    return described_source(
        config,
        described_folder(folder, info.supervised),
        name=info.name,
        split="_".join(part.split for part in slices_of(config.split_name)),
        files=_files(folder, info, config),
        src=pinned_src(config, folder),
        version=info.version,
    )


def split_files(config: SourceConfig) -> tuple[SourceFile, ...]:
    """The files of one split, whatever its records are. Raises the same errors, but for those of features."""
    folder, info = _prepared_split(config)
    return _files(folder, info, config)


def _prepared_split(config: SourceConfig) -> tuple[Place, DatasetInfo]:
    """The directory of a dataset and what it says of itself, with the split that is asked for."""
    if config.schema is not None:
        raise UsageError(
            f"--schema is for TFRecord files, but --src {config.src!r} is not a file: leave out --schema, or give a "
            f"pattern"
        )
    folder = tfds_directory(config)
    info = read_dataset_info(folder)
    unknown = next((part.split for part in slices_of(config.split_name) if part.split not in info.splits), None)
    if unknown is not None:
        raise SplitError(f"--split {unknown!r}: {info.name} has {', '.join(sorted(info.splits)) or 'no splits'}")
    if info.file_format not in _FORMATS:
        raise SourceError(
            f"{folder}: is stored as {info.file_format}, only {' and '.join(_FORMATS)} can be read: prepare it as "
            f"{next(iter(_FORMATS))}"
        )
    if _FORMATS[info.file_format] == "array-record":
        check_local(folder)
    return folder, info


def described_folder(folder: Place, supervised: tuple[str | None, str | None] = (None, None)) -> Described:
    """The description of the records in a folder with a features.json.

    Raises SourceError if it cannot be read.
    """
    return Described(
        schema=read_features_json(folder / FEATURES_NAME),
        where=str(folder / FEATURES_NAME),
        supervised=supervised,
        class_names=partial(read_class_names, folder),
    )


def _files(folder: Place, info: DatasetInfo, config: SourceConfig) -> tuple[SourceFile, ...]:
    """The files of all splits that are asked for, in the order of their names. Of slices only those that are needed."""
    found = [
        file for part in slices_of(config.split_name) for file in _sliced(_split_files(folder, info, part.split), part)
    ]
    found.sort(key=lambda file: file.name)
    return tuple(replace(file, position=position) for position, file in enumerate(found))


def _sliced(files: tuple[SourceFile, ...], part: Slice) -> Iterator[SourceFile]:
    """The files that hold records of a slice, each with those that are used."""
    if part.is_whole:
        yield from files
        return
    first, stop = part.records(sum(file.declared_records or 0 for file in files))
    for file in files:
        count = file.declared_records or 0
        own = max(0, first), min(count, stop)
        if own[0] < own[1]:
            whole = own == (0, count)
            yield file if whole else replace(file, records=own, declared_records=own[1] - own[0])
        first, stop = first - count, stop - count


def _split_files(folder: Place, info: DatasetInfo, split: str) -> tuple[SourceFile, ...]:
    """The files of a split. Raises SourceError if one is missing."""
    files = tuple(
        SourceFile(
            position=shard,
            name=name,
            path=str((folder / name).absolute()),
            format=_FORMATS[info.file_format],
            declared_records=num_records,
        )
        for shard, (name, num_records) in enumerate(info.splits[split])
    )
    present: dict[Place, set[str]] = {}
    for file in files:
        parent = (folder / file.name).parent
        if parent not in present:
            present[parent] = {path.name for path in parent.iterdir()} if parent.is_dir() else set()
        if file.name.rpartition("/")[2] not in present[parent]:
            raise SourceError(f"{file.path}: is missing, although {INFO_NAME} lists it: prepare the dataset again")
    return files


KIND = SourceKind(takes=lambda config: True, open=open_tfds, files=split_files, slices=True)
