"""How many classes a label has, and what says so: --num-classes, the dataset, its class names, or its integers."""

from collections.abc import Callable, Collection
from dataclasses import replace

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.sources.feature import Feature
from mixup_pipeline.spec import MAX_CLASSES

VECTOR_LABELS = ("soft", "one-hot", "multi-hot", "regression")
"""Label kinds whose number of values is that of the classes."""
Ends = Callable[[str], tuple[int, int] | None]


def with_range(label: Feature, key: str, config: SourceConfig, where: str, ends: Ends) -> Feature:
    """A label of integers, with the classes that they tell where all were looked at and nothing else says how many.

    ends: gives the least and the largest integer, None if not all were looked at.

    Raises UsageError for integers that do not count from 0 or 1.
    """
    if label.label_kind not in ("class", "class-list") or (label.num_classes or config.num_classes) is not None:
        return label
    found = ends(key)
    if found is None:
        return label
    least, largest = found
    if least not in (0, 1):
        raise UsageError(
            f"label {key!r} of {where} holds integers from {least} to {largest}: classes count from 0 or 1: "
            f"--num-classes says how many there are from 0 on; --label-kind regression takes them as numbers"
        )
    told = f"the labels, from {least} to {largest}"
    return replace(label, num_classes=largest - least + 1, first_class=least, classes_from=told)


def num_classes(
    label: Feature, key: str, config: SourceConfig, where: str, names: Collection[str] | None
) -> tuple[int, str]:
    """The number of classes, and what says it."""
    soft = label.label_kind in VECTOR_LABELS
    described = (label.shape[0] if label.shape else 1) if soft else label.num_classes
    if label.is_text and config.num_classes not in (None, described):
        raise UsageError(
            f"--num-classes {config.num_classes}: {where} has {described} classes ({label.classes_from}): leave "
            f"--num-classes out, or name all of them with --class-names"
        )
    if soft and described not in (None, config.num_classes or described):
        raise UsageError(
            f"--num-classes {config.num_classes}: label {key!r} of {where} holds {described} values: leave "
            f"--num-classes out"
        )
    if config.num_classes is not None:
        count, classes_from = config.num_classes, "--num-classes"
    elif described is not None:
        count, classes_from = described, "its length" if soft else label.classes_from
    elif names:
        count, classes_from = len(names), "the number of class names"
    else:
        raise UsageError(f"--num-classes is needed: {where} does not say how many classes {key!r} has ({label.text})")
    if not 1 <= count <= MAX_CLASSES:
        raise SourceError(f"{where}: label {key!r} has {count:,} classes: allowed are 1 to {MAX_CLASSES:,}")
    return count, classes_from
