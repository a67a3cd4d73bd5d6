"""Schemas: descriptions of the features of records.

A schema is a TFDS features.json, a TF Metadata .pbtxt, or the name of a schema that ships with the tool. Names of
classes lie in a file beside it.
"""

import re
from collections import Counter
from importlib import resources
from typing import Any

from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.sources.feature import Feature, Schema
from mixup_pipeline.sources.tfds_features import read_features_json
from mixup_pipeline.storage.places import Place, place
from mixup_pipeline.storage.small_file import read_small

_LOOKS_LIKE_A_FILE = re.compile(r"[^,]*(/[^,]*|\.(txt|csv|json))", re.IGNORECASE)


def read_schema(schema: str) -> Schema:
    """Read the features that a schema describes. schema: a file, or the name of a shipped schema.

    Raises UsageError or SourceError if it does not exist or cannot be read.
    """
    path = place(schema)
    if not path.is_file():
        shipped = resources.files("mixup_pipeline.schemas")
        names = sorted(item.name.removesuffix(".pbtxt") for item in shipped.iterdir() if item.name.endswith(".pbtxt"))
        if schema not in names:
            raise UsageError(f"--schema {schema!r}: no such file; shipped schemas are {', '.join(names)}")
        return _read_pbtxt((shipped / f"{schema}.pbtxt").read_text(), f"--schema {schema}")
    if path.suffix == ".json":
        return read_features_json(path)
    if path.suffix == ".pbtxt":
        try:
            return _read_pbtxt(read_small(path).decode(), path.name)
        except (ValueError, OSError) as error:
            raise SourceError(f"{path}: is not a TF Metadata schema ({error})") from error
    raise UsageError(f"--schema {schema}: its name must end in .json (TFDS features.json) or .pbtxt (TF Metadata)")


def read_class_names(folder: Place, label_key: str) -> tuple[str, ...] | None:
    """The class names in LABEL.labels.txt of a folder, as TFDS writes it; None if there is no such file.

    Raises SourceError if it cannot be read.
    """
    path = folder / f"{label_key.replace('/', '-')}.labels.txt"
    if not path.is_file():
        return None
    return _lines(path)


def given_class_names(text: str) -> tuple[str, ...]:
    """The names that --class-names gives: separated by commas, or on the lines of a file.

    Raises UsageError if there is no such file, there are no names, or one occurs twice, and SourceError if the file
    cannot be read.
    """
    path = place(text)
    if not path.is_file() and _LOOKS_LIKE_A_FILE.fullmatch(text):
        raise UsageError(f"--class-names {text}: no such file: give one, or names separated by commas")
    names = _lines(path) if path.is_file() else tuple(name.strip() for name in text.split(","))
    if not names or "" in names:
        raise UsageError(f"--class-names {text}: must be names separated by commas, or a file with one on each line")
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise UsageError(f"--class-names: {twice!r} occurs twice: each class has a name of its own")
    return names


def _lines(path: Place) -> tuple[str, ...]:
    """The lines of a small text file that are not empty."""
    try:
        lines = read_small(path).decode().split("\n")
    except ValueError as error:
        raise SourceError(f"{path}: is not UTF-8 text ({error})") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error})") from error
    return tuple(name.strip() for name in lines if name.strip())


def _read_pbtxt(text: str, where: str) -> Schema:
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        schema = text_format.Parse(text, schema_pb2.Schema())
    except (text_format.ParseError, RecursionError) as error:
        raise SourceError(f"{where}: is not a TF Metadata schema ({error})") from error
    return {feature.name: _metadata_feature(feature, where) for feature in schema.feature}


def _metadata_feature(feature: Any, where: str) -> Feature:
    from tensorflow_metadata.proto.v0 import schema_pb2

    sizes = tuple(int(dim.size) for dim in feature.shape.dim)
    if feature.type == schema_pb2.BYTES:
        if feature.HasField("image_domain"):
            return Feature(text="BYTES with image_domain", input_kind="encoded", shape=(None, None, None))
        return Feature(text="BYTES without image_domain")
    if feature.type == schema_pb2.FLOAT:
        return Feature(text="FLOAT", input_kind="vector", label_kind="soft", shape=sizes or (None,))
    if feature.type == schema_pb2.INT:
        domain = feature.int_domain
        known = domain.HasField("max")
        return Feature(
            text="INT",
            label_kind="class",
            class_label=known,
            num_classes=domain.max - domain.min + 1 if known else None,
            classes_from=f"int_domain of {where}" if known else "",
            first_class=int(domain.min),
        )
    return Feature(text="of no type")
