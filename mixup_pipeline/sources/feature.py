"""A feature of a source's records, as a schema or the first record describes it, and what it can be used for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

SHOWN = 12
"""Features that a message lists at most."""

Role = Literal["image", "label"]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One feature.

    text: what it is, for messages: "Image uint8 28x28x1".
    input_kind: the name in `config.registry.INPUT_KINDS` of what reads it as an input, None if it cannot be mixed.
    label_kind: the name in `config.registry.LABEL_KINDS` of what reads it as a label, None if it is none unless
    --label-kind says so.
    shape: its dimensions; an unknown one is None.
    class_label: whether it is declared to hold classes, and no other number.
    num_classes: the classes of a label, None if nothing says how many. classes_from: what says so.
    first_class: the integer that stands for class 0.
    is_text: whether its classes are texts. It is a label only if it is called so.
    is_number: whether it is one number, which can be a column of the input.
    dtype: of stored numbers, where the input kind does not say it.
    """

    text: str
    input_kind: str | None = None
    label_kind: str | None = None
    shape: tuple[int | None, ...] = ()
    class_label: bool = False
    num_classes: int | None = None
    classes_from: str = ""
    first_class: int = 0
    is_text: bool = False
    is_number: bool = False
    dtype: str = "float32"

    @property
    def kept_as(self) -> str | None:
        """Its content if it goes along with an example; None if it is not one text or number."""
        if self.is_text:
            return "text"
        if self.label_kind == "class":
            return "int64"
        return "float32" if self.is_number else None

    def label_as(self, asked: str | None) -> str | None:
        """The name of the label kind under --label-kind; None if the feature cannot be that."""
        if asked is None:
            return self.label_kind
        if self.label_kind in ("soft", "one-hot"):
            return {"soft": self.label_kind, "multi-label": "multi-hot", "regression": "regression"}.get(asked)
        if self.label_kind == "class-list":
            return {"multi-label": "class-list"}.get(asked)
        if asked == "regression" and self.is_number:
            return "regression"
        return self.label_kind if asked == self.label_kind else None


Schema = Mapping[str, Feature]


def kind_for(feature: Feature, role: Role) -> str | None:
    """The name of what reads a feature in this role, None if it cannot have it."""
    return feature.input_kind if role == "image" else feature.label_kind


def is_usable(key: str, feature: Feature, role: Role) -> bool:
    """Whether a feature can have this role without being asked for: a text is a label only if it is called so."""
    return kind_for(feature, role) is not None and (role == "image" or not feature.is_text or key == role)


def listed(keys: Collection[str]) -> str:
    """Keys as text, no more than a message takes."""
    more = len(keys) - SHOWN
    return ", ".join([*keys][:SHOWN]) + (f" and {more} more" if more > 0 else "")


def features_text(schema: Schema) -> str:
    """The features with what they are, which is said once for those that are the same: "a, c (integer), b (Text)"."""
    alike: dict[str, list[str]] = {}
    for key in sorted(schema)[:SHOWN]:
        alike.setdefault(schema[key].text, []).append(key)
    more = len(schema) - SHOWN
    found = ", ".join(f"{', '.join(keys)} ({text})" for text, keys in alike.items()) or "none"
    return found + (f" and {more} more" if more > 0 else "")
