"""Learning rates over the steps, and what is decayed."""

import math
from typing import Any

import numpy as np
import pytest

from mixup_pipeline.training import objective
from mixup_pipeline.training.built_in import resnet18
from mixup_pipeline.training.tensorflow_import import import_keras
from mixup_pipeline.training.train_config import TrainConfig


def rates(total: int, **options: Any) -> list[float]:
    rate = objective.learning_rate(TrainConfig(learning_rate=0.1, **options), total)
    return [rate if isinstance(rate, float) else float(rate(step)) for step in range(total + 1)]


def test_without_a_schedule_the_rate_stays() -> None:
    assert rates(10) == [0.1] * 11


def test_a_warm_up_rises_from_0_and_stays() -> None:
    np.testing.assert_allclose(rates(10, warmup=0.4), [0, 0.025, 0.05, 0.075, *[0.1] * 7], rtol=1e-6)


@pytest.mark.parametrize("warmup", [0.0, 0.2])
def test_a_cosine_falls_from_the_end_of_the_warm_up_to_0(warmup: float) -> None:
    rising = round(100 * warmup)
    expected = [0.1 * step / rising for step in range(rising)]
    expected += [0.05 * (1 + math.cos(math.pi * step / (100 - rising))) for step in range(101 - rising)]
    np.testing.assert_allclose(rates(100, warmup=warmup, schedule="cosine"), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_only_kernels_are_decayed(name: str) -> None:
    """Without a gradient nothing but the decay changes a variable."""
    keras = import_keras()
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), layers.Conv2D(2, 3), layers.BatchNormalization(), layers.Dense(3)]
    )
    model.layers[1].gamma.assign([0.5, 2.0])
    for variable in model.trainable_variables:
        if "bias" in variable.path or "beta" in variable.path:
            variable.assign(np.ones(variable.shape))
    before = {variable.path: np.array(variable) for variable in model.trainable_variables}
    made = objective.optimizer(TrainConfig(optimizer=name, weight_decay=0.1, learning_rate=0.5), 1)
    made.build(model.trainable_variables)
    made.apply([keras.ops.zeros(variable.shape) for variable in model.trainable_variables])
    decayed = {path for path, values in before.items() if (np.array(_by_path(model, path)) != values).any()}
    assert decayed == {path for path in before if path.endswith("kernel")}
    assert len(decayed) == 2


def _by_path(model: Any, path: str) -> Any:
    return next(variable for variable in model.trainable_variables if variable.path == path)


@pytest.mark.parametrize(
    ("shape", "classes", "parameters"), [((32, 32, 3), 10, 11_173_962), ((224, 224, 3), 1000, 11_689_512)]
)
def test_resnet18_has_the_parameters_of_the_paper(shape: Any, classes: int, parameters: int) -> None:
    """Those that are trained: 11.17 million as for CIFAR-10, 11.69 million as for ImageNet."""
    model = resnet18(shape, classes)
    assert sum(math.prod(variable.shape) for variable in model.trainable_variables) == parameters
    inputs = np.zeros((2, *shape), np.uint8)
    inputs[1] = 255
    outputs = np.array(model(inputs, training=False))
    assert outputs.shape == (2, classes)
    np.testing.assert_allclose(outputs.sum(1), 1, atol=1e-5)
