"""What can be read, each described as a `Source`.

One file for each kind, registered in `config.registry.SOURCE_KINDS`.
"""

from dataclasses import replace

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import SOURCE_KINDS
from mixup_pipeline.sources.source import Source, SourceFile, SourceKind, check_split


def open_source(config: SourceConfig) -> Source:
    """Find the source and read its description; no record of a described source is read yet.

    Raises UsageError or SourceError saying what was looked for, where, and what to do.
    """
    check_split(config)
    return kind_of(config).open(config)


def find_files(config: SourceConfig) -> tuple[SourceFile, ...]:
    """The files of a source, without looking into them.

    Raises as `open_source` does.
    """
    return kind_of(config).files(config)


def read_alike(config: SourceConfig, src: str, *, split: str) -> SourceConfig:
    """A source of clean examples to evaluate on, read as another is described.

    What describes one kind of source is not said of another.

    Raises UsageError as `open_source` does.
    """
    alike = replace(config, src=src, split=split, allow_eval_split=True)
    if kind_of(alike) is kind_of(config):
        return alike
    return SourceConfig(src=src, split=split, data_dir=config.data_dir, allow_eval_split=True)


def kind_of(config: SourceConfig) -> SourceKind:
    """The last registered kind that takes the source.

    Raises UsageError where it cannot be looked up.
    """
    kinds: list[SourceKind] = list(SOURCE_KINDS.values())
    return next(kind for kind in reversed(kinds) if kind.takes(config))
