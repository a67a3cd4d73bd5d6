"""The attack: against a step taken by hand, and networks that only look robust."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline.comparison.attack import Attack
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.training.devices import choose_devices
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.learner import Learner, Learners
from mixup_pipeline.training.source_examples import source_examples
from mixup_pipeline.training.tensorflow_import import import_keras
from mixup_pipeline.training.train_config import TrainConfig
from tests.datasets import write_tfds

HERE = "tests.training.test_attack"
SHAPE = (9, 8, 1)


def _dense(shape: Any, num_classes: int, ending: list[Any]) -> Any:
    layers = import_keras().layers
    return import_keras().Sequential(
        [import_keras().Input(shape, dtype="uint8"), layers.Rescaling(1 / 255), layers.Flatten(), *ending]
    )


def with_activation(shape: Any, num_classes: int) -> Any:
    return _dense(shape, num_classes, [import_keras().layers.Dense(num_classes, "softmax")])


def with_layer(shape: Any, num_classes: int) -> Any:
    layers = import_keras().layers
    return _dense(shape, num_classes, [layers.Dense(num_classes), layers.Softmax()])


def of_logits(shape: Any, num_classes: int) -> Any:
    return _dense(shape, num_classes, [import_keras().layers.Dense(num_classes)])


def ending_otherwise(shape: Any, num_classes: int) -> Any:
    layers = import_keras().layers
    return _dense(shape, num_classes, [layers.Dense(num_classes), layers.Softmax(), layers.Identity()])


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    folder = tmp_path_factory.mktemp("attack") / "shapes/1.0.0"
    data = write_tfds(folder, num_examples=60, num_classes=4, shape=SHAPE)
    return Evaluation(source_examples(SourceConfig(src=str(data.folder))))


def learner_of(model: str, evaluation: Evaluation) -> Learner:
    config = TrainConfig(model=model)
    learner = Learners(choose_devices("cpu")).get(config, evaluation.records.interface, epoch_steps=1, total_steps=1)
    learner.begin(3)
    return learner


@pytest.mark.parametrize("model", ["with_activation", "with_layer", "of_logits", "ending_otherwise"])
def test_it_is_one_step_against_the_margin(model: str, evaluation: Evaluation) -> None:
    """By hand for a linear network, whose gradient is the difference of two columns of its weights."""
    learner = learner_of(f"{HERE}:{model}", evaluation)
    weights, bias = learner.model.get_weights()
    size, right = 0.03, 0
    for images, labels in evaluation.batches.as_numpy_iterator():
        pixels = images.reshape(len(images), -1).astype(np.float64) / 255
        truth = labels.argmax(1)
        logits = pixels @ weights + bias
        rivals = np.where(labels > 0, -np.inf, logits).argmax(1)
        step = np.sign(weights[:, truth] - weights[:, rivals]).T
        moved = np.clip(pixels - size * step, 0, 1)
        right += int(((moved @ weights + bias).argmax(1) == truth).sum())
    found = Attack(learner, SHAPE).measure(evaluation, size)
    assert found == {"accuracy": pytest.approx(right / 60, abs=1 / 60), "zero_gradients": 0.0}


@pytest.mark.parametrize("model", ["with_activation", "with_layer", "of_logits"])
def test_a_saturated_network_is_no_more_robust(model: str, evaluation: Evaluation) -> None:
    """Weights a hundred times as large make the same decisions with certainty."""
    learner = learner_of(f"{HERE}:{model}", evaluation)
    attack = Attack(learner, SHAPE)
    before = attack.measure(evaluation, 0.05)
    learner.model.set_weights([100 * weights for weights in learner.model.get_weights()])
    assert attack.measure(evaluation, 0.05) == before  # the twin has the new weights


def test_gradients_that_vanish_are_counted(evaluation: Evaluation) -> None:
    learner = learner_of(f"{HERE}:ending_otherwise", evaluation)
    learner.model.set_weights([10_000 * weights for weights in learner.model.get_weights()])
    assert Attack(learner, SHAPE).measure(evaluation, 0.05)["zero_gradients"] > 0.5


def test_models_of_this_package_can_be_attacked(tmp_path: Path) -> None:
    data = write_tfds(tmp_path / "shapes/1.0.0", num_examples=12, num_classes=4, shape=(32, 32, 3))
    evaluation = Evaluation(source_examples(SourceConfig(src=str(data.folder))))
    for model in ("tutorial-cnn", "resnet20", "resnet18", "mlp"):
        learner = learner_of(model, evaluation)
        found = Attack(learner, (32, 32, 3)).measure(evaluation, 0.1)
        assert found["zero_gradients"] == 0
