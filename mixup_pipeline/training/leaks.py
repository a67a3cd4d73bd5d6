"""Evaluation examples that are trained on, told by the content of their records, whatever their files are called."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import UsageError
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.passes import Pass

MOST_SHARED = 0.01
"""Real datasets hold a few examples twice. More than this share is no evaluation of what is new to a network."""
_CHOOSE = "choose others with --eval-split or --eval-src"
_TOGETHER = 1024
_OF_NOTHING = hashlib.sha256().hexdigest()
"""The fingerprint of a file without records."""


@dataclass(frozen=True)
class Leak:
    """count: how many evaluation examples are trained on. evaluated, trained: one of them, as "file record N"."""

    count: int
    evaluated: str
    trained: str


def shared_records(trained: Pass, evaluated: Pass) -> Leak | None:
    """The evaluation examples whose records are, byte for byte, records of the training examples; None if none is.

    Raises RecordError or OSError if a record that may be one cannot be read.
    """
    keys, others = _keys(trained), _keys(evaluated)
    alike = np.flatnonzero(np.isin(others, keys))
    order = np.argsort(keys, kind="stable")
    known = order[np.searchsorted(keys, others[alike], sorter=order)]  # the first of several with this key
    count, first = 0, None
    for start in range(0, len(alike), _TOGETHER):
        here, there = alike[start : start + _TOGETHER], known[start : start + _TOGETHER]
        pairs = zip(evaluated.payloads(here), trained.payloads(there), strict=True)
        same = np.flatnonzero([payload == other for payload, other in pairs])
        count += len(same)
        if first is None and len(same):
            first = int(here[same[0]]), int(there[same[0]])
    if first is None:
        return None
    return Leak(count, evaluated.name_of(first[0]), trained.name_of(first[1]))


def check_leaks(trained: Pass, evaluated: Pass) -> str | None:
    """What is said of evaluation examples that are trained on, if there are a few.

    Raises UsageError if there are more than `MOST_SHARED`.
    """
    leak = shared_records(trained, evaluated)
    if leak is None:
        return None
    total = len(evaluated.located.rows)
    said = (
        f"{leak.count:,} of {total:,} evaluation examples {'is' if leak.count == 1 else 'are'} trained on, such as "
        f"{leak.evaluated}, which is {leak.trained}"
    )
    if leak.count > MOST_SHARED * total:
        raise UsageError(f"{said}: {_CHOOSE}")
    return said


def check_copied(trained: Collection[str], evaluation: ExampleFiles) -> None:
    """Raise UsageError for an evaluation file that holds the records of a training file, whatever its name is.

    trained: fingerprints of the records of the training files.
    """
    for path, fingerprint in zip(evaluation.files, evaluation.fingerprints, strict=True):
        if fingerprint in trained and fingerprint != _OF_NOTHING:
            raise UsageError(f"the evaluation examples of {path} are those of a file that is trained on: {_CHOOSE}")


def _keys(one: Pass) -> npt.NDArray[np.int64]:
    """int64[n]: of each example a number that equal records have in common: their length and CRC."""
    entries = one.located.entries[one.located.rows]
    return entries["length"].astype(np.int64) << 32 | entries["crc"].astype(np.int64)
