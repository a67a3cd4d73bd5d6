"""The optimizer. What is minimized belongs to the task."""

from typing import Any

from mixup_pipeline.training.tensorflow_import import import_keras
from mixup_pipeline.training.train_config import TrainConfig


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
