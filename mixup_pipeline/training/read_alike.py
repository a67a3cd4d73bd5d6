"""Clean examples to evaluate on are read as those that are trained on, where they do not say otherwise themselves."""

from dataclasses import replace

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import SOURCE_KINDS
from mixup_pipeline.sources import kind_of
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.training.tasks import task_of


def read_alike(config: SourceConfig, spec: ExampleSpec, asked: SourceConfig | None) -> SourceConfig:
    """The configuration of clean examples: --label-kind, --columns, the classes that texts and integers stand for, and
    --label-key where both are of one kind.

    spec: of the examples that are trained on. asked: how these were asked for, None if nothing says it.
    """
    task = task_of(spec.label_kind).name
    label_kind = config.label_kind or (None if task == "classification" else task)
    columns = config.columns
    if columns is None and config.image_key is None and not any("," in name for name in spec.columns):
        columns = ",".join(spec.columns) or None
    class_names = config.class_names
    if class_names is None and not any("," in text or not text for text in spec.class_texts):
        class_names = ",".join(spec.class_texts) or None
    label_key, kind = config.label_key, kind_of(config)
    if label_key is None and asked is not None and asked.label_key is not None:
        label_key = asked.label_key if kind is kind_of(asked) and not kind.keys_of_split else None
    config = replace(config, label_kind=label_kind, columns=columns, class_names=class_names, label_key=label_key)
    says_classes = config.num_classes is not None or config.schema is not None or kind is SOURCE_KINDS["tfds"]
    if says_classes or spec.class_texts or spec.label_kind not in ("class", "class-list"):
        return config
    return replace(config, num_classes=spec.num_classes, first_class=spec.first_class or None)
