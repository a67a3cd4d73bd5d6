"""Training end to end on what is no image of one class: several classes at once, real values, planes of numbers."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.cli import train as command
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.training import devices
from mixup_pipeline.training.interface import Interface
from mixup_pipeline.training.learner import Learner, Learners
from mixup_pipeline.training.loop import Trainer
from mixup_pipeline.training.models import MODELS, build_model, check_model
from mixup_pipeline.training.prepare import prepare
from mixup_pipeline.training.run_folder import RunFolder
from mixup_pipeline.training.tensorflow_import import import_keras
from mixup_pipeline.training.train import train as train_prepared
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.train_request import TrainRequest
from mixup_pipeline.training.watch import Stopped
from tests.labelled import multi_label, regression, spectrogram
from tests.training.test_commands import accepted, refused

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas/train_result.schema.json").read_text())
HERE = "tests.training.test_other_labels"
Make = Callable[..., SourceConfig]
CASES: list[tuple[Make, TrainConfig, str, float]] = [
    (multi_label, TrainConfig(model="mlp", epochs=6, batch_size=50), "map", 0.95),
    (regression, TrainConfig(model="mlp", epochs=12, batch_size=50), "r2", 0.9),
    (spectrogram, TrainConfig(model="cnn2d", epochs=6, batch_size=50), "accuracy", 0.95),
]
IDS = [make.__name__ for make, *_ in CASES]


def train(asked: TrainRequest, out: Path, **hooks: Any) -> dict[str, Any]:
    return train_prepared(prepare(asked, out), out, Learners(devices.choose_devices("cpu")), **hooks)


@pytest.mark.parametrize(("make", "config", "measure", "least"), CASES, ids=IDS)
def test_shards_are_learned(make: Make, config: TrainConfig, measure: str, least: float, tmp_path: Path) -> None:
    source, test = make(tmp_path, "train", 600), make(tmp_path, "test", 200)
    augment(source, tmp_path / "shards", MixConfig(copies=2))
    asked = TrainRequest(shards=tmp_path / "shards", evaluation=test, config=config)
    result = train(asked, tmp_path / "run")
    Draft202012Validator(SCHEMA).validate(result)
    assert result["best"][measure] >= least
    assert result["best"][measure] == max(row[measure] for row in RunFolder(tmp_path / "run").load_history())
    assert train(asked, tmp_path / "run") == result  # complete: nothing is trained again
    assert result.get("task", "classification") == prepare(asked, tmp_path / "run").job.train.task.name


@pytest.mark.slow
@pytest.mark.parametrize(("make", "config"), [case[:2] for case in CASES[1:]], ids=IDS[1:])
def test_a_stopped_run_ends_like_one_that_was_not(make: Make, config: TrainConfig, tmp_path: Path) -> None:
    source, test = make(tmp_path, "train", 300), make(tmp_path, "test", 60)
    asked = TrainRequest(src=source, evaluation=test, config=replace(config, epochs=2), mix_online=0.4)

    def stop(trainer: Trainer, notes: Any) -> None:
        trainer.stop_after = 4

    with pytest.raises(Stopped):
        train(asked, tmp_path / "stopped", on_start=stop)
    train(asked, tmp_path / "stopped")
    train(asked, tmp_path / "whole")
    states = [RunFolder(tmp_path / name).load_state() for name in ("whole", "stopped")]
    assert states[0] is not None
    assert states[1] is not None
    assert all((a == b).all() for a, b in zip(states[0].arrays, states[1].arrays, strict=True))


def test_labels_of_any_scale_train_alike(tmp_path: Path) -> None:
    """The model's outputs are in the units of the labels, and the loss is taken in their spreads."""
    learners: list[Learner] = []

    def look(trainer: Trainer, notes: Any) -> None:
        learners.append(trainer.learner)

    found = []
    config = TrainConfig(model="mlp", epochs=2, batch_size=50, standardize=True)
    for scale in (1, 3000):
        folder = tmp_path / str(scale)
        source, test = (regression(folder, split, 300, values=2, scale=scale) for split in ("train", "test"))
        asked = TrainRequest(src=source, evaluation=test, config=config)
        found.append(train(asked, folder / "run", on_start=look)["last"])
        layer = learners[-1].model.layers[-1]
        np.testing.assert_allclose(np.asarray(layer.mean), 5000, atol=0.5 * scale)
        np.testing.assert_allclose(np.asarray(layer.spread), scale * np.sqrt(3), rtol=0.2)
    small, large = found
    assert small["loss"] == pytest.approx(large["loss"], rel=0.02)
    assert small["r2"] == pytest.approx(large["r2"], abs=0.02)
    assert large["mse"] == pytest.approx(3000**2 * small["mse"], rel=0.1)
    assert large["mean_absolute_error"] == pytest.approx(3000 * small["mean_absolute_error"], rel=0.05)


def test_the_printed_lines_name_the_measures_of_the_task(tmp_path: Path) -> None:
    for make, epoch, last in (
        (multi_label, r"loss [\d.]+  binary accuracy [\d.]+  \|  clean mAP [\d.]+  micro F1 [\d.]+  nll [\d.]+", "mAP"),
        (regression, r"loss [\d.]+  MAE [\d.]+  \|  clean R² -?[\d.]+  MSE [\d.e+]+  MAE [\d.]+", "R²"),
    ):
        source, test = make(tmp_path, "train", 120), make(tmp_path, "test", 40)
        augment(source, tmp_path / make.__name__, MixConfig())
        reading = ("--image-key", "x", "--label-key", "y") if make is regression else ("--num-classes", "3")
        args = ("--shards", tmp_path / make.__name__, "--eval-src", test.src, *reading, "--model", "mlp")
        printed = accepted(command.main, (*args, "--epochs", "1", "--device", "cpu", "--out", tmp_path / last))
        assert re.search(rf"^epoch   1  {epoch}  [\d.]+ s$", printed, re.MULTILINE)
        assert re.search(
            rf"clean {last} -?[\d.]+ at the last epoch, -?[\d.]+ at the best, chosen on these very examples \(1\)$",
            printed,
            re.MULTILINE,
        )


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    values, spots = regression(tmp_path, "train", 60), multi_label(tmp_path, "train", 60)
    test = regression(tmp_path, "test", 30)
    config = TrainConfig(model="mlp", epochs=1, batch_size=10)

    def said(**changes: Any) -> str:
        asked: dict[str, Any] = {"src": values, "evaluation": test, "config": config, **changes}
        with pytest.raises((UsageError, SourceError)) as error:
            train(TrainRequest(**asked), tmp_path / "run")
        assert not RunFolder(tmp_path / "run").is_claimed
        return str(error.value)

    assert said(config=replace(config, label_smoothing=0.1)).startswith(
        "--label-smoothing is for labels that are classes"
    )
    assert said(config=replace(config, model="tutorial-cnn")) == (
        "--model tutorial-cnn: takes images of at least 8x8, these examples are numbers 6: use mlp"
    )
    assert said(src=spots).startswith("shape differs")


def test_shares_may_be_smoothed(tmp_path: Path) -> None:
    source, test = multi_label(tmp_path, "train", 60), multi_label(tmp_path, "test", 30)
    config = TrainConfig(model="mlp", epochs=1, batch_size=10, label_smoothing=0.1)
    assert train(TrainRequest(src=source, evaluation=test, config=config), tmp_path / "run")["steps"] == 6


def test_labels_that_tell_nothing_are_refused_before_the_first_step(tmp_path: Path) -> None:
    source, test = regression(tmp_path, "train", 60), regression(tmp_path, "test", 1)
    config = TrainConfig(model="mlp", epochs=1, batch_size=10)
    with pytest.raises(SourceError, match="the evaluation examples of sums: their labels are all equal"):
        train(TrainRequest(src=source, evaluation=test, config=config), tmp_path / "run")


SHAPES: list[tuple[Interface, set[str]]] = [
    (Interface(shape=(28, 28, 1), num_classes=3), {"tutorial-cnn", "resnet20", "resnet18", "mlp"}),
    (Interface(shape=(6, 28, 1), num_classes=3), {"mlp"}),
    (Interface(shape=(28, 28, 1), num_classes=3, is_image=False), {"mlp", "cnn2d"}),
    (Interface(shape=(16, 12), num_classes=3, is_image=False), {"mlp", "cnn1d", "cnn2d"}),
    (Interface(shape=(16, 2), num_classes=3, is_image=False), {"mlp", "cnn1d"}),
    (Interface(shape=(64,), num_classes=3, is_image=False), {"mlp", "cnn1d"}),
    (Interface(shape=(5,), num_classes=3, is_image=False), {"mlp"}),
    (Interface(shape=(9, 9, 9, 9), num_classes=3, is_image=False), {"mlp"}),
]


@pytest.mark.parametrize("task", ["classification", "multi-label", "regression"])
@pytest.mark.parametrize(("interface", "fitting"), SHAPES, ids=[str(interface) for interface, _ in SHAPES])
def test_models_take_what_they_say(interface: Interface, fitting: set[str], task: str) -> None:
    asked = replace(interface, task_name=task)
    for name in MODELS:
        if name in fitting:
            outputs = np.asarray(build_model(name, asked)(asked.zeros(2)))
            assert outputs.shape == (2, 3)
            assert not asked.task.gives_logits(build_model(name, asked), outputs)
        else:
            with pytest.raises(UsageError, match=f"--model {name}: takes ") as refusal:
                check_model(name, asked)
            assert set(str(refusal.value).rpartition(": use ")[2].split(" or ")) == fitting


def with_logits(shape: tuple[int, ...], num_classes: int) -> Any:
    """A function of a user whose outputs are logits."""
    keras = import_keras()
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(num_classes)]
    return keras.Sequential([keras.Input(shape, dtype="uint8"), *layers])


def test_a_users_model_may_give_logits_of_several_classes(tmp_path: Path) -> None:
    source, test = multi_label(tmp_path, "train", 300), multi_label(tmp_path, "test", 100)
    config = TrainConfig(model=f"{HERE}:with_logits", epochs=6, batch_size=50)
    result = train(TrainRequest(src=source, evaluation=test, config=config), tmp_path / "run")
    assert result["last"]["map"] > 0.9
    assert result["last"]["nll"] < 0.5


def test_planes_are_standardized_value_by_value(tmp_path: Path) -> None:
    source, test = spectrogram(tmp_path, "train", 90), spectrogram(tmp_path, "test", 30)
    config = TrainConfig(model="cnn2d", epochs=1, batch_size=30, standardize=True)
    scales = prepare(TrainRequest(src=source, evaluation=test, config=config), tmp_path / "run").job.scales
    assert scales is not None
    assert scales.mean.shape == scales.spread.shape == (16, 12)
    np.testing.assert_allclose(scales.mean[:15], 1, atol=0.7)
    np.testing.assert_allclose(scales.mean[15], 0, atol=0.5)


def test_the_kind_of_labels_is_refused_in_words_where_it_differs(tmp_path: Path) -> None:
    source, test = multi_label(tmp_path, "train", 60), multi_label(tmp_path, "test", 30)
    asked = TrainRequest(
        src=source, evaluation=replace(test, label_kind="regression"), config=TrainConfig(model="mlp", batch_size=10)
    )
    with pytest.raises(UsageError, match=r"what is learned \(--label-kind\) differs: spots has multi-label, the"):
        train(asked, tmp_path / "run")


def test_a_model_of_vectors_is_refused_for_images_in_one_line(tmp_path: Path) -> None:
    args = ("--src", "mnist_sample", "--eval-src", "mnist_sample", "--model", "cnn1d", "--out", tmp_path / "run")
    line = refused(command.main, args, 2)
    assert "--model cnn1d: takes series of at least 8 numbers" in line
    assert line.rstrip().endswith("these examples are 28x28x1: use tutorial-cnn or resnet20 or resnet18 or mlp")
