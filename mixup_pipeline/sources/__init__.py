"""What can be read: TFDS datasets and TFRecord files, each described as a `Source`."""

from pathlib import Path

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import UsageError
from mixup_pipeline.sources.source import Source, check_split
from mixup_pipeline.sources.tfds import open_tfds, tfds_directory
from mixup_pipeline.sources.tfrecord import open_tfrecord

__all__ = ["Source", "open_source"]

_GLOB_CHARACTERS = frozenset("*?[")


def open_source(config: SourceConfig) -> Source:
    """Find the source and read its description; no record of a described source is read yet.

    Raises UsageError or SourceError saying what was looked for, where, and what to do.
    """
    check_split(config)
    if "://" in config.src:
        raise UsageError(f"src {config.src}: object stores cannot be read yet: copy the files to a local folder")
    path = Path(config.src).expanduser()
    try:
        path.exists()
    except OSError as error:
        raise UsageError(f"src {config.src}: cannot be looked up ({error.strerror or error})") from error
    if path.is_file() or (_GLOB_CHARACTERS & set(config.src) and not path.is_dir()):
        return open_tfrecord(config)
    if config.schema is not None:
        raise UsageError(
            f"schema is for TFRecord files, but src {config.src!r} is not one: leave it out, or give a pattern"
        )
    return open_tfds(config, tfds_directory(config))
