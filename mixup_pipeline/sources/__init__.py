"""Sources: the kinds of datasets that can be read. Each is described as a `Source`.

Each kind has its own file and is registered in `config.registry.SOURCE_KINDS`.
"""

from dataclasses import replace

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import SOURCE_KINDS
from mixup_pipeline.config.source import IMAGE_OPTIONS
from mixup_pipeline.errors import StoreError, UsageError
from mixup_pipeline.sources.source import Source, SourceFile, SourceKind, check_split
from mixup_pipeline.sources.split_slices import slices_of


def open_source(config: SourceConfig) -> Source:
    """Find the source and read its description. A record is read only if there is no description.

    Raises UsageError or SourceError that says what was expected, where, and what to do.
    """
    check_split(config)
    kind, parts = kind_of(config), slices_of(config.split_name)
    if not kind.slices and (len(parts) > 1 or not parts[0].is_whole):
        raise UsageError(
            f"--split {config.split_name!r}: only TFDS datasets can be sliced: for fewer examples, mixup-augment has "
            f"--limit and mixup-compare --subset"
        )
    return kind.open(config)


def find_files(config: SourceConfig) -> tuple[SourceFile, ...]:
    """List the files of a source without reading their records.

    Raises the same errors as `open_source`, but for those of what the records hold.
    """
    return kind_of(config).files(config)


def evaluation_config(config: SourceConfig, src: str, *, split: str) -> SourceConfig:
    """The configuration of a source of clean examples for evaluation, based on that of the training source.

    If both sources are of the same kind, all options are the same. Otherwise only data_dir, the form of images and what
    labels and columns mean are kept, because the other options describe records of the other kind.

    Raises UsageError if a source cannot be accessed.
    """
    same_options = replace(config, src=src, split=split, allow_eval_split=True)
    kind = kind_of(config)
    if kind_of(same_options) is kind:
        other_keys = kind.keys_of_split and split != config.split_name
        return replace(same_options, image_key=None, label_key=None) if other_keys else same_options
    kept = {name: getattr(config, name) for name in (*IMAGE_OPTIONS, "label_kind", "class_names", "columns")}
    return SourceConfig(src=src, split=split, data_dir=config.data_dir, allow_eval_split=True, **kept)


def kind_of(config: SourceConfig) -> SourceKind:
    """The last registered kind that accepts the source.

    Raises UsageError if the source cannot be accessed.
    """
    kinds: list[SourceKind] = list(SOURCE_KINDS.values())
    try:
        return next(kind for kind in reversed(kinds) if kind.takes(config))
    except StoreError:
        raise
    except OSError as error:
        raise UsageError(f"--src {config.src}: cannot be accessed ({error.strerror or error})") from error
