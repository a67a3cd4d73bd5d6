"""Features to choose from."""

from typing import Any

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.sources.choosing import Described, choose
from mixup_pipeline.sources.feature import Feature, Schema
from mixup_pipeline.spec import ExampleSpec

IMAGE = Feature(text="Image", input_kind="encoded", shape=(None, None, 3))
PIXELS = Feature(text="pixels", input_kind="raw", shape=(4, 4, 1))
VECTOR = Feature(text="vector", input_kind="vector", label_kind="soft", shape=(8,))
CLASS = Feature(text="ClassLabel", label_kind="class", class_label=True, num_classes=10, classes_from="features.json")
INTEGER = Feature(text="integer", label_kind="class")
TEXT = Feature(text="Text")


def chosen(schema: Schema, hint: str | None = None, input_hint: str | None = None, **options: Any) -> ExampleSpec:
    """The spec that is chosen. hint, input_hint: what the dataset itself calls label and input."""
    described = Described(schema=schema, where="the schema", supervised=(input_hint, hint))
    return choose(described, SourceConfig(src="x", **options)).spec
