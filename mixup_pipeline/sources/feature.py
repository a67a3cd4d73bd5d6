"""A feature of a source's records, as a schema or the first record describes it, and what it can be used for."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One feature.

    text: what it is, for messages: "Image uint8 28x28x1".
    input_kind: the name in `config.registry.INPUT_KINDS` of what reads it as an input, None if it cannot be mixed.
    label_kind: the name in `config.registry.LABEL_KINDS` of what reads it as a label, None if it cannot be one.
    shape: its dimensions; an unknown one is None.
    class_label: whether it is declared to hold classes, and no other number.
    num_classes: the classes of a label, None if nothing says how many. classes_from: what says so.
    first_class: the integer that stands for class 0.
    """

    text: str
    input_kind: str | None = None
    label_kind: str | None = None
    shape: tuple[int | None, ...] = ()
    class_label: bool = False
    num_classes: int | None = None
    classes_from: str = ""
    first_class: int = 0


Schema = Mapping[str, Feature]
