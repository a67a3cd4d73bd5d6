"""TFRecord files, given by a path or a pattern. A schema or the user's options describe their records."""

import codecs
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import RecordError, SourceError, StoreError, UsageError, record_error
from mixup_pipeline.records.framing import first_payload
from mixup_pipeline.records.images import IMAGE_SIGNATURES
from mixup_pipeline.records.tf_example import parse
from mixup_pipeline.sources.choosing import Described
from mixup_pipeline.sources.describing import described_source, plain_name
from mixup_pipeline.sources.feature import Feature, Schema
from mixup_pipeline.sources.listed_files import matching_places, source_files
from mixup_pipeline.sources.lists import Lists
from mixup_pipeline.sources.schema import read_class_names, read_schema
from mixup_pipeline.sources.source import Source, SourceFile, SourceKind
from mixup_pipeline.sources.split_names import of_one_split
from mixup_pipeline.sources.text_classes import text_classes
from mixup_pipeline.sources.tfds import described_folder
from mixup_pipeline.sources.tfds_features import FEATURES_NAME
from mixup_pipeline.storage.places import Place, place

_GLOB_CHARACTERS = frozenset("*?[")
_WORDS = {"bytes_list": "byte strings", "int64_list": "integers", "float_list": "floats"}
_TEXT_BYTES = 20
_OTHER_KINDS = (".txt", ".json", ".jsonl", ".xml", ".xls", ".xlsx", ".feather", ".h5", ".mat", ".pkl", ".pt", ".zip")
"""Endings of files that are surely something else."""
_READ = "TFRecord, .parquet, .csv, .tsv, .npz, .npy or .tar"


def open_tfrecord(config: SourceConfig) -> Source:
    """Describe the files that match. Without a schema, a features.json beside them, else the first record, is asked.

    Raises UsageError if nothing matches or an option is missing. Raises SourceError if the first record cannot be read.
    """
    if config.src.lower().endswith(_OTHER_KINDS):
        raise UsageError(f"--src {config.src}: files of this kind are not read: make it {_READ}, or a folder of images")
    paths, split, notes = of_one_split(matching_places(config), config)
    files = source_files(paths, _format)
    return described_source(
        config,
        replace(_described(paths, config), class_texts=partial(text_classes, files)),
        name=plain_name(paths[0].name),
        split=split,
        files=files,
        notes=tuple(notes),
    )


def _described(paths: list[Place], config: SourceConfig) -> Described:
    """What describes the records: the schema that is given, that of TFDS beside the files, or the first record."""
    if config.schema is not None:
        path = place(config.schema)
        described = Described(schema=read_schema(config.schema), where=f"--schema {config.schema}")
        beside = partial(read_class_names, path.parent)
        return replace(described, class_names=beside) if path.is_file() else described  # not of one that ships
    folders = sorted({path.parent for path in paths}, key=str)
    with_features = [folder for folder in folders if (folder / FEATURES_NAME).is_file()]
    if with_features:
        found = [described_folder(folder) for folder in with_features]
        if len(with_features) < len(folders) or any(other.schema != found[0].schema for other in found):
            raise UsageError(
                f"--src {config.src}: its files are in {len(folders)} folders, whose {FEATURES_NAME} differ: describe "
                f"them with --schema"
            )
        return found[0]
    return Described(schema=_inferred_schema(paths, config), where=paths[0].name)


def matching_files(config: SourceConfig) -> tuple[SourceFile, ...]:
    """The files that match the pattern, in the order of their names.

    Raises UsageError if there is none, or they are of several splits.
    """
    return source_files(of_one_split(matching_places(config), config)[0], _format)


def _format(path: Place) -> str:
    return "tfrecord"


def _inferred_schema(paths: list[Place], config: SourceConfig) -> Schema:
    """Infer the schema from the first record of the first file that is not empty."""
    for path in paths:
        try:
            payload = first_payload(path, path.name)
        except OSError as error:
            raise SourceError(f"{path}: cannot be read ({error.strerror or error})") from error
        except RecordError as error:
            if "record" in path.name.lower():
                raise
            raise RecordError(f"{error}; what is read is {_READ}, or a folder of images") from error
        if payload:
            break
    else:
        raise SourceError(f"--src {config.src}: no file holds a record, the source is empty")
    try:
        features = parse(payload)
    except ValueError as error:
        raise record_error(path.name, 0, 0, str(error)) from error
    return {key: _feature(key, feature, config) for key, feature in features.items()}


def _feature(key: str, feature: Any, config: SourceConfig) -> Feature:
    """What one record shows of a feature."""
    kind = feature.WhichOneof("kind")
    values = getattr(feature, kind).value if kind else []
    count = f"{len(values)} " if len(values) != 1 else ""
    if kind == "bytes_list" and len(values) == 1:
        is_image = values[0].startswith(IMAGE_SIGNATURES)
        if is_image or key == (config.image_key or "image"):  # what is no image is said of its record
            return Feature(text="image file", input_kind="encoded", shape=(None, None, None))
        text = _bytes_text(values[0])
        label_kind = "class-list" if config.label_kind == "multi-label" else "class"
        return Feature(text=text, label_kind=label_kind if text.startswith("text") else None, is_text=True)
    if kind == "bytes_list" and values and all(_bytes_text(value).startswith("text") for value in values):
        return Feature(text=f"{count}texts", label_kind="class-list", is_text=True)
    if kind == "float_list" and values:
        soft = "soft" if len(values) > 1 else None
        text, shape = f"{count}float", (len(values),)
        return Feature(text=text, input_kind="vector", label_kind=soft, shape=shape, is_number=len(values) == 1)
    if kind == "int64_list" and (values or config.label_kind == "multi-label"):  # of no class is a label too
        return _integers(values, count, config)
    return Feature(text=f"{count}{_WORDS.get(kind, 'empty')}")


def _integers(values: Sequence[int], count: str, config: SourceConfig) -> Feature:
    """A class, a list of classes, or a vector."""
    if len(values) == 1 and config.label_kind != "multi-label":
        return Feature(text="integer", label_kind="class", is_number=True)
    lists = Lists()
    lists.add(values)
    return lists.feature(config, integers_kind="numbers", text=f"{count}integers" if count else "integer")


def _bytes_text(value: bytes) -> str:
    """Text if it begins as UTF-8 that can be printed, else how many bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        text = decoder.decode(value[:_TEXT_BYTES], final=len(value) <= _TEXT_BYTES)
    except UnicodeDecodeError:
        text = ""
    return f"text {text!r}" if text and text.isprintable() else f"{len(value):,} bytes, no image file"


def names_files(config: SourceConfig) -> bool:
    """Whether src is a TFRecord file or a pattern for such files.

    Raises UsageError if src cannot be accessed.
    """
    path = place(config.src)
    try:
        if _GLOB_CHARACTERS & set(config.src):
            return not path.is_dir()
        return path.is_file()
    except StoreError:
        raise
    except OSError as error:
        raise UsageError(f"--src {config.src}: cannot be accessed ({error.strerror or error})") from error


KIND = SourceKind(takes=names_files, open=open_tfrecord, files=matching_files)
