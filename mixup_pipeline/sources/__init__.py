"""What can be read: TFDS datasets and TFRecord files, each described as a `Source`."""

from dataclasses import replace

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import StoreError, UsageError
from mixup_pipeline.sources.source import Source, SourceFile, check_split
from mixup_pipeline.sources.tfds import open_tfds, prepared_directory, tfds_directory
from mixup_pipeline.sources.tfrecord import matching_files, open_tfrecord
from mixup_pipeline.storage.places import place

__all__ = ["Source", "find_files", "open_source", "prepared_directory", "read_alike"]

_GLOB_CHARACTERS = frozenset("*?[")


def open_source(config: SourceConfig) -> Source:
    """Find the source and read its description; no record of a described source is read yet.

    Raises UsageError or SourceError saying what was looked for, where, and what to do.
    """
    check_split(config)
    if _names_files(config):
        return open_tfrecord(config)
    if config.schema is not None:
        raise UsageError(
            f"schema is for TFRecord files, but src {config.src!r} is not one: leave it out, or give a pattern"
        )
    return open_tfds(config, tfds_directory(config))


def find_files(config: SourceConfig) -> tuple[SourceFile, ...]:
    """The files of a source, without looking into them.

    Raises as `open_source` does.
    """
    return matching_files(config) if _names_files(config) else open_tfds(config, tfds_directory(config)).files


def read_alike(config: SourceConfig, src: str, *, split: str) -> SourceConfig:
    """A source of clean examples to evaluate on, read as another is described.

    What describes TFRecord files is not said of a TFDS dataset, nor the other way round.

    Raises UsageError as `open_source` does.
    """
    alike = replace(config, src=src, split=split, allow_eval_split=True)
    if _names_files(alike) == _names_files(config):
        return alike
    return SourceConfig(src=src, split=split, data_dir=config.data_dir, allow_eval_split=True)


def _names_files(config: SourceConfig) -> bool:
    """Whether src is a TFRecord file or a pattern of them, rather than a TFDS dataset.

    Raises UsageError where it can be neither.
    """
    path = place(config.src)
    try:
        if _GLOB_CHARACTERS & set(config.src):
            return not path.is_dir()
        return path.is_file()
    except StoreError:
        raise
    except OSError as error:
        raise UsageError(f"src {config.src}: cannot be looked up ({error.strerror or error})") from error
