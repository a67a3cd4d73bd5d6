"""A source: its description, which is the same for every kind, and the rules for splits."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.spec import ExampleSpec

_EVALUATION = re.compile(r"(test|val|valid|validation|eval|evaluation|dev)(?![a-z])", re.IGNORECASE)
_SPLIT = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file of the source.

    position: its index among the source's files. name: its name in ids. declared_records: the number of records that
    the source declares for it, None if it declares none.
    """

    position: int
    name: str
    path: str
    declared_records: int | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source that can be read: its files, in the order of their names, and the spec of their records."""

    name: str
    split: str
    files: tuple[SourceFile, ...]
    spec: ExampleSpec
    class_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        names = [file.name for file in self.files]
        if not names:
            raise SourceError(f"{self.name}: split {self.split!r} has no files")
        unnameable = next((name for name in (self.name, self.split, *names) if not _is_text(name)), None)
        if unnameable is not None:
            raise SourceError(f"{unnameable}: the name is not UTF-8, so that no id can hold it: rename it")
        duplicate = None
        if len(set(names)) < len(names):
            duplicate = next(name for name in names if names.count(name) > 1)
        if duplicate is not None:
            raise SourceError(f"two source files are called {duplicate}, so their ids would be equal: rename one")
        if names != sorted(names):
            raise SourceError("source files must be in the order of their names")


@dataclass(frozen=True, kw_only=True)
class SourceKind:
    """One kind of source.

    takes: whether a source is of this kind. open: describes the source. files: lists its files without reading records.
    All raise UsageError or SourceError that says what was expected and where.
    """

    takes: Callable[[SourceConfig], bool]
    open: Callable[[SourceConfig], Source]
    files: Callable[[SourceConfig], tuple[SourceFile, ...]]


def _is_text(name: str) -> bool:
    """Whether the name can be written as UTF-8. Python holds other bytes of a file name as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_evaluation_split(split: str) -> bool:
    """Whether the name of a split says that it is for evaluation."""
    return _EVALUATION.match(split) is not None


def check_split(config: SourceConfig) -> None:
    """Raise UsageError for a slice of a split, and for an evaluation split unless it is allowed."""
    if not _SPLIT.fullmatch(config.split):
        raise UsageError(
            f"split must be the name of one split such as 'train', got {config.split!r}: for fewer "
            f"examples, mixup-augment and mixup-compare have --limit"
        )
    if is_evaluation_split(config.split) and not config.allow_eval_split:
        raise UsageError(
            f"split {config.split!r} is for evaluation, and mixed examples must not enter it: use --split train, or "
            f"--allow-eval-split if you mean it"
        )
