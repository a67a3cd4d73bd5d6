"""The dataset_info.json of TFDS: name, version, splits with their files, and what the dataset calls input and label."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mixup_pipeline.errors import SourceError
from mixup_pipeline.storage.places import Place
from mixup_pipeline.storage.small_file import read_json

INFO_NAME = "dataset_info.json"

_DATASET_NAME = re.compile(r"\w[\w-]*")
_DEFAULT_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
_FIELD = re.compile(r"\{(DATASET|SPLIT|FILEFORMAT|SHARD_INDEX|NUM_SHARDS|SHARD_X_OF_Y)\}")
_TEMPLATE = re.compile(rf"([^{{}}]|{_FIELD.pattern})+")
_TEMPLATE_LETTERS = 255


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """The content of dataset_info.json.

    splits: (file name, number of records) of each file, by split; a name may have folders. supervised: the keys that
    the dataset itself calls input and label, None for what it does not say.
    """

    name: str
    version: str | None
    file_format: str
    splits: Mapping[str, Sequence[tuple[str, int]]]
    supervised: tuple[str | None, str | None]


def read_dataset_info(folder: Place) -> DatasetInfo:
    """Read the dataset_info.json of a folder.

    Raises SourceError if it is not one.
    """
    path = folder / INFO_NAME
    try:
        info: dict[str, Any] = read_json(path)
        name = str(info["name"])
        if not _DATASET_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a valid dataset name")
        file_format = str(info.get("fileFormat", "tfrecord"))
        known = {"DATASET": name, "FILEFORMAT": file_format}
        return DatasetInfo(
            name=name,
            version=_text_or_none(info.get("version")),
            file_format=file_format,
            splits={str(split["name"]): _split_files(known, split) for split in info.get("splits", [])},
            supervised=_supervised(info),
        )
    except (ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        raise SourceError(f"{path}: cannot be read as TFDS writes it ({type(error).__name__}: {error})") from error


def _supervised(info: Mapping[str, Any]) -> tuple[str | None, str | None]:
    items = info.get("supervisedKeys", {}).get("tuple", {}).get("items", [])
    if len(items) != 2:
        return None, None
    return _text_or_none(items[0].get("featureKey")), _text_or_none(items[1].get("featureKey"))


def _text_or_none(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _split_files(known: Mapping[str, str], split: dict[str, Any]) -> list[tuple[str, int]]:
    lengths = [int(length) for length in split.get("shardLengths", [])]
    template = split.get("filepathTemplate") or _DEFAULT_TEMPLATE
    if len(template) > _TEMPLATE_LETTERS or not _TEMPLATE.fullmatch(template):
        raise ValueError(f"{template[:80]!r} is not a template of file names")
    known = {**known, "SPLIT": str(split["name"]), "NUM_SHARDS": f"{len(lengths):05d}"}
    return [(_file_name(template, shard, known), length) for shard, length in enumerate(lengths)]


def _file_name(template: str, shard: int, known: Mapping[str, str]) -> str:
    """Fill in a template. (`str.format` would obey a width of a billion.) It must stay below its folder."""
    index, total = f"{shard:05d}", known["NUM_SHARDS"]
    values = {**known, "SHARD_INDEX": index, "SHARD_X_OF_Y": f"{index}-of-{total}"}
    name = _FIELD.sub(lambda field: values[field[1]], template)
    if {"", ".", ".."} & set(name.split("/")):
        raise ValueError(f"{template!r} is a template that leaves the folder")
    return name
