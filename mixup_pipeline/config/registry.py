"""What can be chosen by name: each name with the place of its code, which is loaded on first use.

So `--help` and the checks of options know all names without importing NumPy or Beam. Adding a choice is a file, a line
here and a test; a program that uses this package as a library may `register` its own before it calls `augment`.
"""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any


class Registry(Mapping[str, Any]):
    """Values by name, in the order in which they are offered. All values of a registry have one type."""

    def __init__(self, **places: str) -> None:
        """places: `module:NAME` below this package for each value; an underscore in a name stands for a hyphen."""
        self._places = {name.replace("_", "-"): place for name, place in places.items()}
        self._values: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            module, _, attribute = self._places[name].partition(":")
            self._values[name] = getattr(importlib.import_module(f"mixup_pipeline.{module}"), attribute)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places | self._values)

    def __len__(self) -> int:
        return len(self._places | self._values)

    def register(self, name: str, value: Any) -> None:
        """Offer one more value, in this process. Raises ValueError where the name is taken."""
        if name in self:
            raise ValueError(f"{name!r} is registered already")
        self._values[name] = value

    def unregister(self, name: str) -> None:
        """Take back what `register` offered."""
        del self._values[name]


PAIRINGS = Registry(
    any="mixing.pairing.any:POLICY",
    within_class="mixing.pairing.within_class:POLICY",
    cross_class="mixing.pairing.cross_class:POLICY",
)
"""`mixing.pairing.Policy`: who is mixed with whom."""

METHODS = Registry(mixup="mixing.methods.mixup:METHOD")
"""`mixing.methods.Method`: what is drawn, and how two inputs are mixed with it."""

INPUT_KINDS = Registry(
    encoded="records.inputs.encoded:KIND", raw="records.inputs.raw:KIND", vector="records.inputs.vector:KIND"
)
"""`records.inputs.InputKind`: how a record holds its input."""

LABEL_KINDS = Registry(**{"class": "records.labels.class_id:KIND"}, soft="records.labels.soft:KIND")
"""`records.labels.LabelKind`: what a label is, and how two of them mix."""

IMAGE_FORMATS = Registry(raw="records.image_formats.raw:FORMAT", png="records.image_formats.png:FORMAT")
"""`records.image_formats.ImageFormat`: how mixed images are stored."""

SOURCE_KINDS = Registry(tfds="sources.tfds:KIND", tfrecord="sources.tfrecord:KIND")
"""`sources.source.SourceKind`: what can be read. The last that takes a `--src` opens it; TFDS takes all."""
