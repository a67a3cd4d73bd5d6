"""The optimizer and its learning rate. What is minimized belongs to the task."""

from typing import Any

from mixup_pipeline.training.tensorflow_import import import_keras
from mixup_pipeline.training.train_config import TrainConfig

_NOT_DECAYED = ("bias", "gamma", "beta")
"""Variables that only shift and scale. Decaying them does not make a function simpler (He et al. 2019, section 3.1)."""


def optimizer(config: TrainConfig, total_steps: int) -> Any:
    """The optimizer of a configuration. A schedule counts total_steps."""
    keras, rate = import_keras(), learning_rate(config, total_steps)
    if config.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    if config.optimizer == "sgd":
        made = keras.optimizers.SGD(rate, momentum=0.9, weight_decay=config.weight_decay or None)
    else:
        made = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    if config.weight_decay:
        made.exclude_from_weight_decay(var_names=[*_NOT_DECAYED])
    return made


def learning_rate(config: TrainConfig, total_steps: int) -> Any:
    """A number, or a schedule: a linear rise from 0 for a share `warmup` of the steps, then constant, or a cosine to 0.

    total_steps: of the run.
    """
    schedules, rate = import_keras().optimizers.schedules, config.learning_rate
    rising = round(config.warmup * total_steps)
    if config.schedule == "cosine":
        falling = total_steps - rising
        if not rising:
            return schedules.CosineDecay(rate, falling)
        return schedules.CosineDecay(0.0, falling, warmup_target=rate, warmup_steps=rising)
    return schedules.PolynomialDecay(0.0, rising, rate) if rising else rate
