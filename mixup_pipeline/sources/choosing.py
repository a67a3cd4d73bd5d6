"""Which features of a record are the input and the label, by rules that can be said, and what is left out.

A key that the user gives goes first, then what the dataset itself names, then the feature called `image` or `label`,
then the only one that can be it. Where none of these holds, the user has to choose.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import INPUT_KINDS
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.sources.feature import Feature, Schema
from mixup_pipeline.spec import MAX_CLASSES, ExampleSpec

_IMAGE_RANK = 3
_SHOWN = 12
_ALLOWED = {
    "image": "allowed are image files (JPEG, PNG, WebP, GIF, BMP, TIFF), uint8 tensors height x width x channels "
    "stored as bytes or zlib, and float32 vectors",
    "label": "allowed are one integer, and a float32 vector that sums to 1",
}

Role = Literal["image", "label"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The spec of the records, and the rules by which it was found.

    class_names: the names of the classes, None if there are none or their number is another one.
    input_rule, label_rule: why these features. classes_from: what says how many classes there are.
    dropped: the keys of all other features. notes: what else was chosen.
    """

    spec: ExampleSpec
    class_names: tuple[str, ...] | None
    input_rule: str
    label_rule: str
    classes_from: str
    dropped: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Described:
    """What describes the records of a source.

    where: what holds the description, for messages. supervised: the keys that the dataset itself names as input and
    label. class_names: gives the names of the classes of a label, None if there are none.
    """

    schema: Schema
    where: str
    supervised: tuple[str | None, str | None] = (None, None)
    class_names: Callable[[str], tuple[str, ...] | None] = lambda label_key: None


def choose(described: Described, config: SourceConfig) -> Choice:
    """Choose the input and the label.

    Raises UsageError that says what was found, what is allowed and which option decides.
    """
    schema, (first, second) = described.schema, described.supervised
    label_key = label_rule = ""
    if config.label_key is not None:
        label_key, label_rule = _asked(described, "label", config.label_key)
    input_key, input_rule = _chosen(described, "image", config.image_key, first, {label_key, "label"})
    if not label_key:
        label_key, label_rule = _chosen(described, "label", None, second, {input_key})
    feature, label = schema[input_key], schema[label_key]
    names = described.class_names(label_key)
    num_classes, classes_from = _num_classes(label, label_key, config, described.where, names)
    notes: tuple[str, ...] = ()
    if names is not None and len(names) != num_classes:
        notes, names = (f"class names left out: there are {len(names):,} for {num_classes:,} classes",), None
    if label.first_class:
        notes = (*notes, f"labels count from {label.first_class}: they are stored from 0")
    spec = ExampleSpec(
        input_key=input_key,
        label_key=label_key,
        encoding=feature.input_kind or "",
        shape=feature.shape,
        num_classes=num_classes,
        label_kind=label.label_kind or "",
        first_class=label.first_class,
        images=config.images,
    )
    INPUT_KINDS[spec.encoding].check(spec)
    return Choice(
        spec=spec,
        class_names=names,
        input_rule=f"{feature.text}, {input_rule}",
        label_rule=f"{label.text}, {label_rule}",
        classes_from=classes_from,
        dropped=tuple(sorted(set(schema) - {input_key, label_key})),
        notes=notes,
    )


def _chosen(
    described: Described, role: Role, asked: str | None, supervised: str | None, other: Collection[str]
) -> tuple[str, str]:
    """The key of a role and the rule that chose it. other: keys that have another role."""
    if asked is not None:
        return _asked(described, role, asked)
    schema = described.schema
    if supervised is not None and supervised in schema and _kind(schema[supervised], role) is not None:
        return supervised, "named by the dataset"
    usable = [key for key, feature in schema.items() if _kind(feature, role) is not None and key not in other]
    if role in usable:
        return role, f"called {role}" + (f", before {_listed(_without(usable, role))}" if len(usable) > 1 else "")
    what, candidates = _narrowed(schema, role, usable)
    if len(candidates) == 1:
        more = _without(usable, candidates[0])
        return candidates[0], f"the only {what}" + (f", before {_listed(more)}" if more else "")
    if candidates:
        found = ", ".join(f"{key} ({schema[key].text})" for key in sorted(candidates)[:_SHOWN])
        raise UsageError(f"--{role}-key is needed: {described.where} has {len(candidates)} that it could be: {found}")
    word = "can be mixed" if role == "image" else "can be the label"
    raise UsageError(f"no feature of {described.where} {word}: it has {_features(schema)}: {_ALLOWED[role]}")


def _asked(described: Described, role: Role, key: str) -> tuple[str, str]:
    schema, where = described.schema, described.where
    if key not in schema:
        raise UsageError(f"--{role}-key {key}: {where} has no feature {key!r}; it has {_features(schema)}")
    if _kind(schema[key], role) is None:
        word = "cannot be mixed" if role == "image" else "cannot be a label"
        raise UsageError(f"--{role}-key {key}: {where} says {schema[key].text}, which {word}: {_ALLOWED[role]}")
    return key, f"asked for by --{role}-key"


def _kind(feature: Feature, role: Role) -> str | None:
    return feature.input_kind if role == "image" else feature.label_kind


def _narrowed(schema: Schema, role: Role, usable: list[str]) -> tuple[str, list[str]]:
    """Of the usable features those that are most surely meant, and what they are."""
    if role == "image":
        images = [key for key in usable if len(schema[key].shape) == _IMAGE_RANK]
        return ("image", images) if images else ("vector", usable)
    classes = [key for key in usable if schema[key].class_label]
    if classes:
        return "label with classes", classes
    integers = [key for key in usable if schema[key].label_kind == "class"]
    return ("integer", integers) if integers else ("vector", usable)


def _without(keys: Collection[str], key: str) -> list[str]:
    return sorted(set(keys) - {key})


def _listed(keys: Collection[str]) -> str:
    more = len(keys) - _SHOWN
    return ", ".join([*keys][:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _features(schema: Schema) -> str:
    return _listed([f"{key} ({schema[key].text})" for key in sorted(schema)]) or "none"


def _num_classes(
    label: Feature, key: str, config: SourceConfig, where: str, names: Collection[str] | None
) -> tuple[int, str]:
    """The number of classes, and what says it."""
    soft = label.label_kind == "soft"
    described = label.shape[0] if soft else label.num_classes
    if soft and described not in (None, config.num_classes or described):
        raise UsageError(
            f"--num-classes {config.num_classes}: soft label {key!r} of {where} holds {described} values: leave "
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
