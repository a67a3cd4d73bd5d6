"""Which features of a record are the input and the label, by rules that can be said, and what is left out.

A key that the user gives goes first, then what the dataset itself names, then the feature called `image` or `label`,
then the only one that can be it. Where none of these holds, the user has to choose.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import INPUT_KINDS
from mixup_pipeline.errors import UsageError
from mixup_pipeline.sources.classes import num_classes, with_integers
from mixup_pipeline.sources.columns import (
    asked_columns,
    group_feature,
    kept_features,
    label_columns,
    number_columns,
    together,
    with_label,
    without_label,
)
from mixup_pipeline.sources.feature import Feature, Role, Schema, features_text, is_usable, kind_for, listed
from mixup_pipeline.sources.schema import given_class_names
from mixup_pipeline.spec import ExampleSpec, counted

_IMAGE_RANK = 3
_ALLOWED = {
    "image": "allowed are image files (JPEG, PNG, WebP, GIF, BMP, TIFF), uint8 tensors height x width x channels, "
    "tensors of numbers, and --columns of single numbers",
    "label": "allowed are one integer or text, and a vector that sums to 1; with --label-kind multi-label a vector "
    "of 0 and 1, or a list of classes; with --label-kind regression numbers",
}

_READ_AS = {"multi-hot": ", a 0 or 1 for each class", "class-list": ", which name classes"}
_TOKENS = re.compile(r"(^|[_/])(input_?|token_?|word_?|piece_?)?(ids|tokens)$", re.IGNORECASE)


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
    label. class_names: gives the names of the classes of a label, None if there are none. class_texts: gives the texts
    that occur in a label of texts, in their order. texts_from: what says so. integers: gives the least and the largest
    integer of a label, None if not all were looked at. packs_columns: whether this is a table, whose columns of numbers
    are the input where no other is. several_columns: whether several columns can make up the label.
    """

    schema: Schema
    where: str
    supervised: tuple[str | None, str | None] = (None, None)
    class_names: Callable[[str], tuple[str, ...] | None] = lambda label_key: None
    class_texts: Callable[[str], tuple[str, ...]] = lambda label_key: ()
    texts_from: str = "the labels that occur"
    integers: Callable[[str], tuple[int, int] | None] = lambda label_key: None
    packs_columns: bool = False
    several_columns: bool = False
    supervised_rule: str = "named by the dataset"


def choose(described: Described, config: SourceConfig) -> Choice:
    """Choose the input and the label.

    Raises UsageError that says what was found, what is allowed and which option decides.
    """
    asked_schema: Schema = {key: _without_tokens(key, feature) for key, feature in described.schema.items()}
    if config.label_key is not None and (described.packs_columns or described.several_columns):
        asked_schema = with_label(asked_schema, described.where, config.label_key)
    of_label = label_columns(config.label_key or "", described.schema)
    described = replace(described, schema=_labels_as_asked(asked_schema, config.label_kind))
    schema, (first, second) = described.schema, described.supervised
    label_key = label_rule = ""
    if config.label_key is not None:
        label_key, label_rule = _asked(described, "label", config.label_key)
    columns = asked_columns(described.schema, described.where, config, label_key, table=described.packs_columns)
    if columns is None:
        input_key, input_rule = _chosen(described, "image", config.image_key, first, {label_key, "label"})
        feature = schema[input_key]
    if not label_key:
        label_key, label_rule = _chosen(described, "label", None, second, set() if columns is not None else {input_key})
    if columns is not None:
        columns = columns or number_columns(schema, described.where, {label_key, *of_label})
        columns = without_label(columns, described.where, {label_key, *of_label})
        input_key, input_rule, feature = together(columns, schema, table=described.packs_columns)
    label = schema[label_key]
    if label.label_kind == "regression":  # its integers are numbers, also where they are kept
        asked_schema = {**asked_schema, label_key: replace(asked_schema[label_key], label_kind=None)}
    given = None if config.class_names is None else given_class_names(config.class_names)
    names: tuple[str, ...] | None
    if label.is_text:
        names = given or described.class_texts(label_key)
        label = replace(label, num_classes=len(names), classes_from="--class-names" if given else described.texts_from)
    else:
        names = given or described.class_names(label_key)
        if names is None and len(of_label) > 1 and label.label_kind != "regression":
            names = of_label
    label = with_integers(label, label_key, config, described.where, described.integers, names)
    classes, classes_from = num_classes(label, label_key, config, described.where, names)
    if given is not None and len(given) != classes:
        raise UsageError(
            f"--class-names: {counted(len(given), 'name')} for {counted(classes, 'class')} ({classes_from})"
        )
    notes: tuple[str, ...] = ()
    if names is not None and len(names) != classes:
        notes, names = (f"class names left out: there are {len(names):,} for {counted(classes, 'class')}",), None
    if label.first_class:
        notes = (*notes, f"labels count from {label.first_class}: they are stored from 0")
    spec = ExampleSpec(
        input_key=input_key,
        label_key=label_key,
        encoding=feature.input_kind or "",
        shape=feature.shape,
        num_classes=classes,
        label_kind=label.label_kind or "",
        first_class=label.first_class,
        class_texts=names if label.is_text and names is not None else (),
        images=config.images,
        columns=columns or (),
        dtype=feature.dtype,
        keep=kept_features(asked_schema, described.where, config.keep),
        group_key=group_feature(asked_schema, described.where, config.group_key),
    )
    INPUT_KINDS[spec.encoding].check(spec)
    return Choice(
        spec=spec,
        class_names=names,
        input_rule=f"{feature.text}, {input_rule}",
        label_rule=f"{label.text}{_READ_AS.get(spec.label_kind, '')}, {label_rule}",
        classes_from=classes_from,
        dropped=tuple(sorted(set(schema) - {input_key, label_key, *of_label, *(columns or ()), *dict(spec.keep)})),
        notes=notes,
    )


def _without_tokens(key: str, feature: Feature) -> Feature:
    """Integers that are called as token ids are cannot be mixed: half of a word and half of another is a third one."""
    if feature.input_kind != "numbers" or not _TOKENS.search(key):
        return feature
    return replace(feature, input_kind=None, text=f"{feature.text}: token ids, mix embeddings instead")


def _labels_as_asked(schema: Schema, asked: str | None) -> Schema:
    """The features with the label kind that each has under --label-kind."""
    return {key: replace(feature, label_kind=feature.label_as(asked)) for key, feature in schema.items()}


def _chosen(
    described: Described, role: Role, asked: str | None, supervised: str | None, other: Collection[str]
) -> tuple[str, str]:
    """The key of a role and the rule that chose it. other: keys that have another role."""
    if asked is not None:
        return _asked(described, role, asked)
    schema = described.schema
    if supervised is not None and supervised in schema and kind_for(schema[supervised], role) is not None:
        return supervised, described.supervised_rule
    usable = [key for key, feature in schema.items() if is_usable(key, feature, role) and key not in other]
    if role in usable:
        return role, f"called {role}" + (f", before {listed(_without(usable, role))}" if len(usable) > 1 else "")
    what, candidates = _narrowed(schema, role, usable)
    if role == "label" and described.packs_columns and what != "label with classes":  # a number is rather an input
        candidates = [key for key, feature in schema.items() if kind_for(feature, role) is not None]
    elif len(candidates) == 1:
        more = _without(usable, candidates[0])
        return candidates[0], f"the only {what}" + (f", before {listed(more)}" if more else "")
    if candidates:
        found = features_text({key: schema[key] for key in candidates})
        several = role == "image" and all(schema[key].is_number for key in candidates)
        remedy = f", or --columns {','.join(candidates[:2])} for several" if several else ""
        count = "one" if len(candidates) == 1 else len(candidates)
        raise UsageError(f"--{role}-key is needed{remedy}: {described.where} has {count} that it could be: {found}")
    word = "can be mixed" if role == "image" else "can be the label"
    raise UsageError(f"no feature of {described.where} {word}: it has {features_text(schema)}: {_ALLOWED[role]}")


def _asked(described: Described, role: Role, key: str) -> tuple[str, str]:
    schema, where = described.schema, described.where
    if key not in schema:
        raise UsageError(f"--{role}-key {key}: {where} has no feature {key!r}; it has {features_text(schema)}")
    if kind_for(schema[key], role) is None:
        word = "cannot be mixed" if role == "image" else "cannot be a label"
        raise UsageError(f"--{role}-key {key}: {where} says {schema[key].text}, which {word}: {_ALLOWED[role]}")
    return key, f"asked for by --{role}-key"


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
