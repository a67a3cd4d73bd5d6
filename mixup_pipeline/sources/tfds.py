"""TFDS datasets: prepared directories, described by their JSON files. Neither TFDS nor TensorFlow is imported."""

import logging
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.process.children import kept_alive, python_command
from mixup_pipeline.sources.schema import read_features_json, spec_of
from mixup_pipeline.sources.source import Source, SourceFile, SourceKind
from mixup_pipeline.storage.places import ObjectPath, Place, place
from mixup_pipeline.storage.small_file import read_json, read_small

BUNDLED = "mnist_sample"
INFO_NAME = "dataset_info.json"
FEATURES_NAME = "features.json"

_NAME = re.compile(r"[a-z]\w*([/:][\w.+-]+)*", re.IGNORECASE)
_DATASET_NAME = re.compile(r"\w[\w-]*")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_DEFAULT_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
_FIELD = re.compile(r"\{(DATASET|SPLIT|FILEFORMAT|SHARD_INDEX|NUM_SHARDS|SHARD_X_OF_Y)\}")
_TEMPLATE = re.compile(rf"([^{{}}/]|{_FIELD.pattern})+")
_TEMPLATE_LETTERS = 255
_DOWNLOAD = "from mixup_pipeline.sources.download import main; sys.exit(main(*sys.argv[1:]))"


def tfds_directory(config: SourceConfig) -> Place:
    """The directory of a dataset that is given by its path or TFDS name. It is downloaded if it is not prepared yet.

    Raises UsageError or SourceError that says where it was expected.
    """
    found = prepared_directory(config)
    if found is not None:
        return found
    path = place(config.src)
    if path.is_dir():
        found = _prepared(path, None)
        if found is None:
            raise UsageError(
                f"src {config.src}: no TFDS dataset in this folder (no features.json): for TFRecord files "
                f"give a pattern such as '{config.src.rstrip('/')}/*.tfrecord*'"
            )
        return found
    if path.exists():
        raise UsageError(f"src {config.src}: is neither a regular file nor a folder")
    if not _NAME.fullmatch(config.src):
        raise UsageError(f"src {config.src}: no such file or folder")
    return _download(config)


def prepared_directory(config: SourceConfig) -> Place | None:
    """The directory in which the dataset is prepared; None if it is not prepared, or src is not a TFDS name."""
    if not _NAME.fullmatch(config.src):
        return None
    version, parts = _version(config.src), _without_version(config.src)
    folders = (_prepared(root.joinpath(*parts), version) for root in data_dirs(config))
    return next((folder for folder in folders if folder is not None), None)


def data_dirs(config: SourceConfig) -> list[Place]:
    """The directories that are searched for prepared datasets, in this order."""
    chosen = config.data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return [place(chosen), Path(str(resources.files("mixup_pipeline") / "data"))]


def open_tfds(config: SourceConfig) -> Source:
    """Describe one split of a dataset, given by its name or directory. It is downloaded if it is not prepared yet.

    Raises UsageError for an unknown split or feature. Raises SourceError if the directory is not as TFDS writes it.
    """
    if config.schema is not None:
        raise UsageError(
            f"schema is for TFRecord files, but src {config.src!r} is not a file: leave out --schema, or give a pattern"
        )
    folder = tfds_directory(config)
    info = _read_info(folder)
    if config.split not in info.splits:
        raise UsageError(f"split {config.split!r}: {info.name} has {', '.join(sorted(info.splits)) or 'no splits'}")
    if info.file_format != "tfrecord":
        raise SourceError(
            f"{folder}: is stored as {info.file_format}, only tfrecord can be read: prepare it as tfrecord"
        )
    label_hint = info.label_key if config.label_key is None else None
    spec = spec_of(read_features_json(folder / FEATURES_NAME), config, where=str(folder), label_hint=label_hint)
    files = tuple(
        SourceFile(position=shard, name=name, path=str((folder / name).absolute()), declared_records=num_records)
        for shard, (name, num_records) in enumerate(info.splits[config.split])
    )
    present = {path.name for path in folder.iterdir()}
    for file in files:
        if file.name not in present:
            raise SourceError(f"{file.path}: is missing, although {INFO_NAME} lists it: prepare the dataset again")
    return Source(
        name=info.name,
        split=config.split,
        files=files,
        spec=spec,
        class_names=_class_names(folder, spec.label_key, spec.num_classes),
    )


@dataclass(frozen=True, kw_only=True)
class _Info:
    """The content of dataset_info.json. splits: (file name, number of records) of each file, by split."""

    name: str
    file_format: str
    splits: dict[str, list[tuple[str, int]]]
    label_key: str | None


def _read_info(folder: Place) -> _Info:
    path = folder / INFO_NAME
    try:
        info: dict[str, Any] = read_json(path)
        name = str(info["name"])
        if not _DATASET_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a valid dataset name")
        supervised = info.get("supervisedKeys", {}).get("tuple", {}).get("items", [])
        return _Info(
            name=name,
            file_format=str(info.get("fileFormat", "tfrecord")),
            splits={str(split["name"]): _split_files(name, split) for split in info.get("splits", [])},
            label_key=_text_or_none(supervised[1].get("featureKey")) if len(supervised) == 2 else None,
        )
    except (ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        raise SourceError(f"{path}: cannot be read as TFDS writes it ({type(error).__name__}: {error})") from error


def _text_or_none(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _split_files(name: str, split: dict[str, Any]) -> list[tuple[str, int]]:
    lengths = [int(length) for length in split.get("shardLengths", [])]
    template = split.get("filepathTemplate") or _DEFAULT_TEMPLATE
    if len(template) > _TEMPLATE_LETTERS or not _TEMPLATE.fullmatch(template):
        raise ValueError(f"{template[:80]!r} is not a template of file names")
    known = {"DATASET": name, "SPLIT": str(split["name"]), "NUM_SHARDS": f"{len(lengths):05d}"}
    return [(_file_name(template, shard, known), length) for shard, length in enumerate(lengths)]


def _file_name(template: str, shard: int, known: dict[str, str]) -> str:
    """Fill in a template. (`str.format` would obey a width of a billion.)"""
    index, total = f"{shard:05d}", known["NUM_SHARDS"]
    values = {**known, "FILEFORMAT": "tfrecord", "SHARD_INDEX": index, "SHARD_X_OF_Y": f"{index}-of-{total}"}
    return _FIELD.sub(lambda field: values[field[1]], template)


def _class_names(folder: Place, label_key: str, num_classes: int) -> tuple[str, ...] | None:
    path = folder / f"{label_key.replace('/', '-')}.labels.txt"
    if not path.is_file():
        return None
    try:
        names = tuple(read_small(path).decode().split("\n")[:num_classes])
    except ValueError as error:
        raise SourceError(f"{path}: is not UTF-8 text ({error})") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error})") from error
    return names if len(names) == num_classes else None


def _without_version(name: str) -> list[str]:
    parts = re.split("[/:]", name)
    return parts[:-1] if len(parts) > 1 and _VERSION.fullmatch(parts[-1]) else parts


def _version(name: str) -> str | None:
    last = re.split("[/:]", name)[-1]
    return last if _VERSION.fullmatch(last) else None


def _prepared(folder: Place, version: str | None) -> Place | None:
    """The dataset in this folder, or in a folder of a version below it: the given version, or the newest."""
    if version is None and (folder / FEATURES_NAME).is_file():
        return folder
    if not folder.is_dir():
        return None
    versions = [path for path in folder.iterdir() if _VERSION.fullmatch(path.name) and (path / FEATURES_NAME).is_file()]
    if version is not None:
        return next((path for path in versions if path.name == version), None)
    return max(versions, key=lambda path: [int(part) for part in path.name.split(".")], default=None)


def _download(config: SourceConfig) -> Place:
    """Let TFDS prepare the dataset, in a separate process because that imports TensorFlow."""
    data_dir = data_dirs(config)[0]
    if isinstance(data_dir, ObjectPath):
        raise UsageError(
            f"src {config.src}: is not prepared in {data_dir}: prepare it there, or name another --data-dir"
        )
    where = data_dir.joinpath(*_without_version(config.src))
    logging.getLogger(__name__).warning("%s is not prepared in %s: asking TFDS to download it", config.src, data_dir)
    version = _version(config.src)
    name = "/".join(_without_version(config.src)) + (f":{version}" if version else "")
    stderr = None if sys.stderr.isatty() else subprocess.PIPE
    command = python_command(_DOWNLOAD, name, str(data_dir))
    with kept_alive() as stdin:
        done = subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, text=True, check=False)
    answer = (
        done.stdout.strip().splitlines()[-1:]
        or (done.stderr or "").strip().splitlines()[-1:]
        or ["it ended without a message"]
    )
    found = _prepared(where, version)
    if done.returncode == 0 and found is not None:
        return found
    raise SourceError(
        f"src {config.src}: {answer[0]}; it was expected in {where}: put a prepared copy there, name its "
        f"parent with --data-dir, or try --src {BUNDLED}, which is bundled"
    )


KIND = SourceKind(takes=lambda config: True, open=open_tfds, files=lambda config: open_tfds(config).files)
