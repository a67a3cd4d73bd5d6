"""Lists of numbers or texts, as labels and inputs: what they are is told by the lists that were looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.sources.feature import Feature
from mixup_pipeline.sources.schema import given_class_names


@dataclass
class Lists:
    """What the lists of one feature hold. ends: the least and the largest integer, None if there is none."""

    lengths: set[int] = field(default_factory=set)
    types: set[type] = field(default_factory=set)
    ends: tuple[int, int] | None = None

    def add(self, values: Sequence[Any]) -> None:
        """Add one list. What is missing in it is told by the pass that reads records."""
        self.lengths.add(len(values))
        values = [value for value in values if value is not None]
        self.types.update(map(type, values))
        if values and self.types <= {int, bool}:
            known = [int(value) for value in (min(values), max(values))] + [*(self.ends or ())]
            self.ends = min(known), max(known)

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
        return length == 1 or classes not in (None, length) or not {*(self.ends or ())} <= {0, 1}
