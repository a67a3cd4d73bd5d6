"""The files of a source that is given by a path or a pattern, of one split."""

from collections.abc import Callable, Sequence

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import UsageError
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.storage.matching import matching
from mixup_pipeline.storage.places import Place, place


def matching_places(config: SourceConfig) -> list[Place]:
    """The files that match --src, in the order of their names. Raises UsageError if there are none."""
    return in_order(matching(place(config.src)), config)


def in_order(paths: Sequence[Place], config: SourceConfig) -> list[Place]:
    """These files in the order of their names. Raises UsageError if there are none."""
    if not paths:
        raise UsageError(f"--src {config.src}: no file matches this pattern")
    return sorted(paths, key=lambda path: (path.name, str(path)))


def source_files(paths: Sequence[Place], format_of: Callable[[Place], str]) -> tuple[SourceFile, ...]:
    """Source files that are called as these are. format_of: gives the format of each."""
    return tuple(
        SourceFile(position=position, name=path.name, path=str(path.absolute()), format=format_of(path))
        for position, path in enumerate(paths)
    )
