"""What the values of one feature are, where all were looked at: texts, numbers, true and false, or lists."""

from dataclasses import dataclass, field
from typing import Any

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.sources.feature import Feature
from mixup_pipeline.sources.file_formats.text_numbers import Column, is_integer
from mixup_pipeline.sources.lists import Lists


@dataclass
class Values:
    """What was counted. column: of values that are no lists. integers: all integers, as lists of one."""

    column: Column = field(default_factory=Column)
    lists: Lists = field(default_factory=Lists)
    integers: Lists = field(default_factory=Lists)
    types: set[type] = field(default_factory=set)

    def add(self, value: Any, *, is_text: bool = False) -> None:
        """Add one. is_text: whether numbers are written as texts, as in CSV."""
        self.types.add(type(value))
        if isinstance(value, list):
            self.lists.add(value)
        elif isinstance(value, str) and not is_text:
            self.column.values += 1
            self.column.others += 1
        elif isinstance(value, (str, int, float)):
            self.column.add(str(value))
            if is_integer(str(value)):
                self.integers.add([int(value)])

    @property
    def ends(self) -> tuple[int, int] | None:
        """The least and the largest integer, of lists those in them; None if there is none."""
        return self.lists.ends if list in self.types else self.integers.ends

    def feature(self, config: SourceConfig) -> Feature:
        """What they can be used for."""
        if self.types == {list}:
            return self.lists.feature(config)
        if list in self.types or not self.types <= {str, int, float, bool}:
            return Feature(text=" or ".join(sorted(kind.__name__ for kind in self.types)))
        if self.types == {bool}:
            return Feature(text="column of true and false", label_kind="class", num_classes=2, classes_from="bool")
        if self.column.is_integer:
            return Feature(text="column of integers", label_kind="class", is_number=True)
        if self.column.is_number:
            return Feature(text="column of numbers", is_number=True)
        return Feature(text="column of texts", label_kind="class", is_text=True)
