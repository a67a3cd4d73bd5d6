"""TFRecord files, given by a path or a pattern. A schema or the user's options describe their records."""

import re

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, StoreError, UsageError, record_error
from mixup_pipeline.records.framing import first_payload
from mixup_pipeline.records.tf_example import parse
from mixup_pipeline.sources.schema import Feature, Schema, read_schema, spec_of
from mixup_pipeline.sources.source import Source, SourceFile, SourceKind
from mixup_pipeline.storage.places import Place, matching, place

_GLOB_CHARACTERS = frozenset("*?[")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def open_tfrecord(config: SourceConfig) -> Source:
    """Describe the files that match. Without a schema, the first record shows the kinds of the features.

    Raises UsageError if nothing matches or an option is missing. Raises SourceError if the first record cannot be read.
    """
    files = matching_files(config)
    paths = [place(file.path) for file in files]
    schema = read_schema(config.schema) if config.schema is not None else _inferred_schema(paths, config)
    spec = spec_of(schema, config, where=config.schema or paths[0].name)
    word = _WORD.match(paths[0].name)
    return Source(name=word[0].lower() if word else "dataset", split=config.split, files=files, spec=spec)


def matching_files(config: SourceConfig) -> tuple[SourceFile, ...]:
    """The files that match the pattern, in the order of their names.

    Raises UsageError if there is none.
    """
    paths = matching(place(config.src))
    if not paths:
        raise UsageError(f"src {config.src}: no file matches this pattern")
    paths.sort(key=lambda path: (path.name, str(path)))
    return tuple(
        SourceFile(position=position, name=path.name, path=str(path.absolute())) for position, path in enumerate(paths)
    )


def _inferred_schema(paths: list[Place], config: SourceConfig) -> Schema:
    """Infer the schema from the first record of the first file that is not empty."""
    for path in paths:
        try:
            payload = first_payload(path, path.name)
        except OSError as error:
            raise SourceError(f"{path}: cannot be read ({error.strerror or error})") from error
        if payload:
            break
    else:
        raise SourceError(f"src {config.src}: no file holds a record, the source is empty")
    try:
        features = parse(payload)
    except ValueError as error:
        raise record_error(path.name, 0, 0, str(error)) from error
    schema = {}
    for key, feature in features.items():
        kind = feature.WhichOneof("kind")
        values = getattr(feature, kind).value if kind else []
        if kind == "bytes_list" and len(values) == 1 and key == (config.image_key or "image"):
            schema[key] = Feature(kind="image", shape=(None, None, None))
        elif kind == "float_list":
            schema[key] = Feature(kind="floats", shape=(len(values),))
        elif kind == "int64_list" and len(values) == 1:
            schema[key] = Feature(kind="integer")
        else:
            schema[key] = Feature(kind="other")
    return schema


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
        raise UsageError(f"src {config.src}: cannot be accessed ({error.strerror or error})") from error


KIND = SourceKind(takes=names_files, open=open_tfrecord, files=matching_files)
