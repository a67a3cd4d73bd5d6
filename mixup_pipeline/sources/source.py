"""What every kind of source has in common."""

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
    """One file of the source: its place in the order of files, its name in ids, and how many records it should hold."""

    position: int
    name: str
    path: str
    declared_records: int | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """A readable source: its files in the order of their names, and what their records look like."""

    name: str
    split: str
    files: tuple[SourceFile, ...]
    spec: ExampleSpec
    class_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        names = [file.name for file in self.files]
        if not names:
            raise SourceError(f"{self.name}: split {self.split!r} has no files")
        twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
        if twice is not None:
            raise SourceError(f"two source files are called {twice}, so ids would not tell them apart: rename one")
        if names != sorted(names):
            raise SourceError("source files must be in the order of their names")


@dataclass(frozen=True, kw_only=True)
class SourceKind:
    """One kind of source. takes: whether a `--src` is of this kind. open: describes it. files: its files, unopened.

    All raise UsageError or SourceError saying what was looked for and where.
    """

    takes: Callable[[SourceConfig], bool]
    open: Callable[[SourceConfig], Source]
    files: Callable[[SourceConfig], tuple[SourceFile, ...]]


def is_evaluation_split(split: str) -> bool:
    """Whether a split of this name is for evaluation."""
    return _EVALUATION.match(split) is not None


def check_split(config: SourceConfig) -> None:
    """Raises UsageError for a slice of a split, and for an evaluation split unless that is allowed."""
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
