"""Splits that the names of files tell: so that evaluation examples do not slip into what is mixed.

A pattern over a folder matches whatever lies there. Where names say of which split a file is, as those of TFDS and of
most scripts do, and one of these splits is for evaluation or has no labels, the files of one split are taken.
"""

import re
from collections.abc import Sequence

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import UsageError
from mixup_pipeline.storage.places import Place

_FOR_EVALUATION = "(test|testing|val|valid|validation|eval|evaluation|dev|holdout)"
_EVALUATION = re.compile(rf"{_FOR_EVALUATION}(?![a-z])", re.IGNORECASE)
_EVALUATION_FOLDER = re.compile(rf"{_FOR_EVALUATION}[-_ ]?(set|split|data|images)?[-_ ]?[0-9]*", re.IGNORECASE)
_UNLABELLED = re.compile(r"(unlabell?ed|unsupervised)(?![a-z])", re.IGNORECASE)
_TRAINING = re.compile(r"(train|training)(?![a-z])", re.IGNORECASE)
_TFDS = re.compile(r".*-(?P<split>\w+)\.(tfrecord|array_record)-\d{5}-of-\d{5}")
_WORD = re.compile(r"[A-Za-z]+[0-9]*")


def is_evaluation_split(split: str) -> bool:
    """Whether the name of a split says that it is for evaluation."""
    return _EVALUATION.match(split) is not None


def is_evaluation_folder(name: str) -> bool:
    """Whether a folder is surely called as one of evaluation data: "test", "val2017", "test_set"; not "test tubes"."""
    return _EVALUATION_FOLDER.fullmatch(name) is not None


def is_training_split(split: str) -> bool:
    """Whether the name of a split says that it is for training."""
    return _TRAINING.fullmatch(split) is not None


def check_evaluation(told: str | None, config: SourceConfig) -> None:
    """Raise UsageError if names tell that files are for evaluation, unless that is allowed."""
    if told is not None and is_evaluation_split(told) and not config.allow_eval_split:
        raise UsageError(
            f"--src {config.src}: its files are of split {told!r}, which is for evaluation, and mixed examples must "
            f"not enter it: give the files of another split, or --allow-eval-split if you mean it"
        )


def split_of(file_name: str) -> str | None:
    """The split that the name of a file tells; None if it tells none."""
    tfds = _TFDS.fullmatch(file_name)
    if tfds:
        return tfds["split"]
    words: list[str] = _WORD.findall(file_name)
    kinds = (_TRAINING, _EVALUATION, _UNLABELLED)
    return next((word for kind in kinds for word in words if kind.fullmatch(word.rstrip("0123456789"))), None)


def of_one_split(paths: Sequence[Place], config: SourceConfig) -> tuple[list[Place], str, list[str]]:
    """The files of one split, its name, and notes on files that are left out.

    Raises UsageError if the files are of several splits, one of them not for training, and none is chosen; or if the
    one they are of is for evaluation, unless that is allowed.
    """
    by_split: dict[str | None, list[Place]] = {}
    for path in paths:
        by_split.setdefault(split_of(path.name), []).append(path)
    named = sorted(split for split in by_split if split is not None)
    notes = []
    if config.split in named and len(by_split) > 1:
        others = {split: files for split, files in by_split.items() if split != config.split}
        notes.append(f"left out: {_counted(others)}")
        by_split = {config.split: by_split[config.split]}
    elif len(by_split) > 1 and any(_is_special(split) for split in named):
        other = "" if config.split is None else f", none of them {config.split!r}"
        best = next((split for split in named if not _is_special(split)), named[0])
        raise UsageError(
            f"--src {config.src}: matches files of several splits ({_counted(by_split)}{other}): choose one with "
            f"--split {best}, or give a narrower pattern"
        )
    told = next(iter(by_split)) if len(by_split) == 1 else None
    check_evaluation(told, config)
    kept = [path for path in paths if split_of(path.name) in by_split]
    return kept, _output_split(told, config), notes


def _output_split(told: str | None, config: SourceConfig) -> str:
    """The split that was asked for; where none was, evaluation examples are not called train."""
    if config.split is not None:
        return config.split
    return told if told is not None and is_evaluation_split(told) else config.split_name


def _is_special(split: str) -> bool:
    return is_evaluation_split(split) or _UNLABELLED.match(split) is not None


def _counted(files: "dict[str | None, list[Place]]") -> str:
    """How many files there are of each split, as text."""
    counts = sorted((split or "no split", len(paths)) for split, paths in files.items())
    return ", ".join(f"{count} {'file' if count == 1 else 'files'} of {split}" for split, count in counts)
