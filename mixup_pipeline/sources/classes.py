"""How many classes a label has, and what says so: --num-classes, the dataset, its class names, or its integers."""

from collections.abc import Callable, Collection
from dataclasses import replace

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.sources.feature import Feature
from mixup_pipeline.spec import MAX_CLASSES, counted

VECTOR_LABELS = ("soft", "one-hot", "multi-hot", "regression")
"""Label kinds whose number of values is that of the classes."""
Ends = Callable[[str], tuple[int, int] | None]


def with_integers(
    label: Feature, key: str, config: SourceConfig, where: str, ends: Ends, names: Collection[str] | None
) -> Feature:
    """A label of classes, with the first one, and with their number where all labels were looked at.

    ends: gives the least and the largest integer, None if not all were looked at.

    Raises UsageError for integers that count from elsewhere than 0, 1 or --first-class.
    """
    if label.label_kind not in ("class", "class-list") or label.is_text:
        if config.first_class is not None:
            raise UsageError(f"--first-class is for labels that are integers: {key!r} of {where} is {label.text}")
        return label
    if label.num_classes is not None:
        if config.first_class not in (None, label.first_class):
            raise UsageError(
                f"--first-class {config.first_class}: {where} says that {key!r} counts from {label.first_class}: leave "
                f"--first-class out"
            )
        return label
    count = len(names) if config.num_classes is None and names is not None else config.num_classes
    found = ends(key)
    if found is None:
        return replace(label, first_class=config.first_class or 0)
    least, largest = found
    if config.first_class is not None:
        first = config.first_class
    else:
        first = 1 if least == 1 and count in (None, largest) else 0
    if count is not None:
        return replace(label, first_class=first)
    if least < first or (config.first_class is None and least > 1):
        raise UsageError(
            f"label {key!r} of {where} holds integers from {least} to {largest}: classes count from 0 or 1: "
            f"--first-class {least} makes {least} the first one; --label-kind regression takes them as numbers"
        )
    told = f"the labels, from {least} to {largest}"
    return replace(label, num_classes=largest - first + 1, first_class=first, classes_from=told)


def num_classes(
    label: Feature, key: str, config: SourceConfig, where: str, names: Collection[str] | None
) -> tuple[int, str]:
    """The number of classes, and what says it."""
    soft = label.label_kind in VECTOR_LABELS
    described = (label.shape[0] if label.shape else 1) if soft else label.num_classes
    if label.is_text and described is not None and config.num_classes not in (None, described):
        raise UsageError(
            f"--num-classes {config.num_classes}: {where} has {counted(described, 'class')} ({label.classes_from}): "
            f"leave --num-classes out, or name all of them with --class-names"
        )
    if soft and described is not None and config.num_classes not in (None, described):
        raise UsageError(
            f"--num-classes {config.num_classes}: label {key!r} of {where} holds {counted(described, 'value')}: leave "
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
