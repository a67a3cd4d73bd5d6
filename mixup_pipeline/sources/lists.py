"""Lists of numbers or texts, as labels and inputs: what they are is told by the lists that were looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.sources.feature import Feature
from mixup_pipeline.sources.schema import given_class_names


@dataclass
class Lists:
    """What the lists of one feature hold. least, largest: of their integers."""

    lengths: set[int] = field(default_factory=set)
    types: set[type] = field(default_factory=set)
    least: int = 0
    largest: int = 0
    found: bool = False

    def add(self, values: Sequence[Any]) -> None:
        """Add one list. What is missing in it is told by the pass that reads records."""
        self.lengths.add(len(values))
        values = [value for value in values if value is not None]
        self.types.update(map(type, values))
        if values and self.types <= {int, bool}:
            first, last = min(values), max(values)
            self.least, self.largest = (
                (min(self.least, first), max(self.largest, last)) if self.found else (int(first), int(last))
            )
            self.found = True

    @property
    def ends(self) -> tuple[int, int] | None:
        """The least and the largest integer, None if there is none."""
        return (self.least, self.largest) if self.found else None

    def feature(self, config: SourceConfig, *, integers_kind: str | None = "vector", text: str = "") -> Feature:
        """What they can be used for. integers_kind: the input kind of integers. text: what they are called."""
        if self.types == {str}:
            return Feature(text=text or "list of texts", label_kind="class-list", is_text=True)
        if not self.types <= {int, bool, float}:
            return Feature(text=text or "list")
        integers, asked = float not in self.types, config.label_kind == "multi-label"
        several = len(self.lengths) != 1
        length = 0 if several else next(iter(self.lengths))
        told = text or f"list of {'' if several else f'{length} '}{'integers' if integers else 'numbers'}"
        if integers and (several or not length or (asked and self._are_class_lists(length, config))):
            return Feature(text=told, label_kind="class-list" if asked or several else None)
        if several:
            return Feature(text=told)
        label_kind = "one-hot" if integers else "soft"
        return Feature(
            text=told, input_kind=integers_kind if integers else "vector", label_kind=label_kind, shape=(length,)
        )

    def _are_class_lists(self, length: int, config: SourceConfig) -> bool:
        """Whether lists of one length name classes, and are no vectors of 0 and 1 with a value for each class."""
        names = None if config.class_names is None else len(given_class_names(config.class_names))
        classes = names if config.num_classes is None else config.num_classes
        return length == 1 or classes not in (None, length) or not 0 <= self.least <= self.largest <= 1
