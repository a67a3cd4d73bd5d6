"""A source: its description, which is the same for every kind, and the rules for splits."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.sources.split_names import is_evaluation_split
from mixup_pipeline.sources.split_slices import slices_of
from mixup_pipeline.spec import ExampleSpec


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file of the source.

    position: its index among the source's files. name: its name in ids. format: the name of its format in
    `config.registry.FILE_FORMATS`. declared_records: the number of records that the source declares for it, None if it
    declares none. records: the records [first, stop) that are used, None if all are.
    """

    position: int
    name: str
    path: str
    format: str = "tfrecord"
    declared_records: int | None = None
    records: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What was asked for, and what was chosen for it. It decides no byte of a shard, and says how to find it again.

    asked: the source as the user described it. src: the --src that finds it again, with the version that was found.
    version: of a TFDS dataset, None if it has none.
    input_rule, label_rule: why these features are input and label. classes_from: what says how many classes there are.
    dropped: the features that do not travel. notes: what else was chosen.
    """

    asked: SourceConfig
    src: str
    version: str | None = None
    input_rule: str
    label_rule: str
    classes_from: str
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source that can be read: its files, in the order of their names, and the spec of their records.

    Two sources are equal if they are the same files, read in the same way, however they were asked for.
    """

    name: str
    split: str
    files: tuple[SourceFile, ...]
    spec: ExampleSpec
    class_names: tuple[str, ...] | None = None
    origin: Origin | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        names = [file.name for file in self.files]
        if not names:
            raise SourceError(f"{self.name}: split {self.split!r} has no files")
        unnameable = next((name for name in (self.name, self.split, *names) if not is_text(name)), None)
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
    keys_of_split: whether input and label have other keys in another split. slices: whether splits can be sliced.
    All raise UsageError or SourceError that says what was expected and where.
    """

    takes: Callable[[SourceConfig], bool]
    open: Callable[[SourceConfig], Source]
    files: Callable[[SourceConfig], tuple[SourceFile, ...]]
    keys_of_split: bool = False
    slices: bool = False


def is_text(name: str) -> bool:
    """Whether the name can be written as UTF-8. Python holds other bytes of a file name as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_split(config: SourceConfig) -> None:
    """Raise UsageError for what is no split, and for evaluation splits unless they are allowed."""
    for part in slices_of(config.split_name):
        if is_evaluation_split(part.split) and not config.allow_eval_split:
            raise UsageError(
                f"--split {part.split!r} is for evaluation, and mixed examples must not enter it: use --split train, "
                f"or --allow-eval-split if you mean it"
            )
