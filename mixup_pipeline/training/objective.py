"""The loss, the optimizer, and two accuracies for soft labels."""

from typing import Any

from mixup_pipeline.training.tensorflow_import import import_keras
from mixup_pipeline.training.train_config import TrainConfig


def weighted_accuracy(labels: Any, outputs: Any) -> Any:
    """The weight that the soft label gives to the predicted class: λ or 1−λ of a mixed example, or 0."""
    ops = import_keras().ops
    return ops.sum(labels * ops.one_hot(ops.argmax(outputs, -1), labels.shape[-1], dtype=labels.dtype), -1)


def dominant_accuracy(labels: Any, outputs: Any) -> Any:
    """Whether the predicted class is the heaviest of the soft label."""
    ops = import_keras().ops
    return ops.cast(ops.equal(ops.argmax(outputs, -1), ops.argmax(labels, -1)), "float32")


def loss(config: TrainConfig, from_logits: bool) -> Any:
    """Categorical cross-entropy in float32."""
    return import_keras().losses.CategoricalCrossentropy(
        from_logits=from_logits, label_smoothing=config.label_smoothing, dtype="float32"
    )


def optimizer(config: TrainConfig, total_steps: int) -> Any:
    """The optimizer of a configuration. A cosine schedule ends at total_steps."""
    keras = import_keras()
    rate: Any = config.learning_rate
    if config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, total_steps)
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=config.weight_decay or None)
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    return keras.optimizers.Adam(rate)
