"""Training runs end to end: the result, going on after a stop, and what is refused."""

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from mixup_pipeline import MixConfig, augment
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import MixupError, OutputError, SourceError, TrainingError
from mixup_pipeline.training import devices
from mixup_pipeline.training.learner import Learners
from mixup_pipeline.training.loop import Trainer
from mixup_pipeline.training.prepare import prepare
from mixup_pipeline.training.run_folder import RunFolder
from mixup_pipeline.training.saved_state import read_state
from mixup_pipeline.training.tensorflow_import import import_keras, import_tensorflow
from mixup_pipeline.training.train import train as train_prepared
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.train_request import TrainRequest
from mixup_pipeline.training.watch import Stopped

SCHEMA = Path(__file__).parents[2] / "schemas/train_result.schema.json"
EVALUATION = SourceConfig(src="mnist_sample", split="test")
NOWHERE = Path("nowhere")  # no image is brought to another size
CONFIG = TrainConfig(epochs=3, batch_size=50)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two copies of 600 mixed digits."""
    out = tmp_path_factory.mktemp("mixed") / "shards"
    augment("mnist_sample", out, MixConfig(limit=600, copies=2))
    return out


def request(made: Path, **changes: Any) -> TrainRequest:
    return TrainRequest(**{"shards": made, "evaluation": EVALUATION, "config": CONFIG, **changes})


def train(asked: TrainRequest, out: Path, **hooks: Any) -> dict[str, Any]:
    return train_prepared(prepare(asked, out), out, Learners(devices.choose_devices("cpu")), **hooks)


def weights(run: Path) -> list[Any]:
    return [np.int64((state := read_state(run / "state.npz")).step), *state.arrays]


def test_a_run_writes_its_result_and_history(shards: Path, tmp_path: Path) -> None:
    result = train(request(shards), tmp_path / "run")
    assert result == json.loads((tmp_path / "run/result.json").read_text())
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(result)
    assert (result["epochs"], result["steps"]) == (3, 36)
    assert result["data"]["run_id"] == json.loads((shards / "manifest.json").read_text())["run_id"]
    rows = list(csv.DictReader((tmp_path / "run/history.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["12", "24", "36"]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert result["last"]["accuracy"] == float(rows[-1]["accuracy"]) > 0.1
    assert (tmp_path / "run/best.weights.h5").is_file()
    assert (tmp_path / "run/last.weights.h5").is_file()
    assert train(request(shards), tmp_path / "run") == result  # complete: nothing is trained again


def test_tensorboard_reads_the_history(shards: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(request(shards), tmp_path / "run")
    history, found = RunFolder(tmp_path / "run").load_history(), EventAccumulator(str(tmp_path / "run/tensorboard"))
    found.Reload()
    value, events = import_tensorflow().make_ndarray, found.Tensors("clean/accuracy")
    assert [event.step for event in events] == [row["step"] for row in history]
    np.testing.assert_allclose(
        [value(event.tensor_proto) for event in events], [row["accuracy"] for row in history], rtol=1e-6
    )
    assert {"train/loss", "train/weighted_accuracy", "clean/ece"} <= set(found.Tags()["tensors"])


def test_a_stopped_run_ends_like_one_that_was_not(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_STEPS_TOGETHER", 4)
    train(request(shards), tmp_path / "whole")
    for stop_at in (4, 12, 20):  # inside an epoch, at its end, inside the next

        def stop(trainer: Trainer, notes: Any, stop_at: int = stop_at) -> None:
            trainer.stop_after = stop_at

        with pytest.raises(Stopped):
            train(request(shards), tmp_path / "stopped", on_start=stop)
    resumed = train(request(shards), tmp_path / "stopped")
    for expected, found in zip(weights(tmp_path / "whole"), weights(tmp_path / "stopped"), strict=True):
        assert (expected == found).all()
    same = ("epoch", "step", "loss", "accuracy", "nll", "weighted_accuracy", "dominant_accuracy")
    histories = [RunFolder(tmp_path / name).load_history() for name in ("whole", "stopped")]
    assert len(histories[1]) == 3
    for expected, found in zip(*histories, strict=True):
        assert [found[key] for key in same] == [expected[key] for key in same]
    assert resumed["last"] == histories[1][-1]


def test_baseline_and_mixed_runs_start_from_the_same_weights(shards: Path, tmp_path: Path) -> None:
    starts: list[list[Any]] = []

    def remember(trainer: Trainer, notes: Any) -> None:
        starts.append(trainer.learner.model.get_weights())
        raise Stopped("enough")

    source = SourceConfig(src="mnist_sample")
    arms: list[dict[str, Any]] = [{}, {"shards": None, "src": source}]
    for number, data in enumerate(arms):
        with pytest.raises(Stopped):
            train(request(shards, **data), tmp_path / str(number), on_start=remember)
    for first, second in zip(*starts, strict=True):
        assert (first == second).all()


def test_two_virtual_devices_train_like_one(shards: Path, tmp_path: Path) -> None:
    """In a process of its own, because devices are fixed once TensorFlow runs; GPUs are not at hand here."""
    import subprocess
    import sys

    code = """
import sys
from mixup_pipeline.training.tensorflow_import import import_tensorflow
tf = import_tensorflow()
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from pathlib import Path
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.training import devices
from mixup_pipeline.training import prepare as data
from mixup_pipeline.training import train as session
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.learner import Learners
learners = Learners(devices.choose_devices(names=["/CPU:0", "/CPU:1"]))
evaluation = SourceConfig(src="mnist_sample", split="test")
config = TrainConfig(epochs=2, batch_size=50, dropout=0.0)
request = data.TrainRequest(shards=Path(sys.argv[1]), evaluation=evaluation, config=config)
out = Path(sys.argv[2])
print(session.train(data.prepare(request, out), out, learners)["last"]["loss"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, shards, tmp_path / "two"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    config = TrainConfig(epochs=2, batch_size=50, dropout=0.0)
    one = train(request(shards, config=config), tmp_path / "one")
    assert float(done.stdout.splitlines()[-1]) == pytest.approx(one["last"]["loss"], rel=1e-3)


def diverging(shape: tuple[int, ...], num_classes: int) -> Any:
    """A model whose outputs soon are no numbers."""
    keras = import_keras()
    layers = [keras.layers.Rescaling(1e30), keras.layers.Flatten(), keras.layers.Dense(num_classes)]
    return keras.Sequential([keras.Input(shape, dtype="uint8"), *layers])


def test_a_loss_that_is_no_number_stops(shards: Path, tmp_path: Path) -> None:
    config = TrainConfig(epochs=3, batch_size=50, learning_rate=0.5, model="tests.training.test_train:diverging")
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) by step [0-9]+ \(learning rate 0.5\): use a lower"):
        train(request(shards, config=config), tmp_path / "run")


def test_outputs_that_are_no_numbers_after_the_last_step_are_no_result(shards: Path, tmp_path: Path) -> None:
    config = TrainConfig(steps=1, batch_size=50, optimizer="sgd", learning_rate=0.5, model=f"{HERE}:diverging")
    said = r"the model.s output is not a number by step 1 \(learning rate 0.5\): use a lower"
    with pytest.raises(TrainingError, match=said):
        train(request(shards, config=config), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def careless(shape: tuple[int, ...], num_classes: int) -> Any:
    """A function of a user that fails with several lines."""
    raise RuntimeError("no weights\nat all")


def for_vectors(shape: tuple[int, ...], num_classes: int) -> Any:
    """A model that does not take images."""
    keras = import_keras()
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(num_classes)])


def of_two_classes(shape: tuple[int, ...], num_classes: int) -> Any:
    """A model whose output does not fit."""
    keras = import_keras()
    return keras.Sequential([keras.Input(shape, dtype="uint8"), keras.layers.Flatten(), keras.layers.Dense(2)])


def subclassed(shape: tuple[int, ...], num_classes: int) -> Any:
    """A model that makes its variables when it is first called, and gives logits."""
    keras = import_keras()

    class Linear(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.prepare = keras.Sequential([keras.layers.Rescaling(1 / 255), keras.layers.Flatten()])
            self.classify = keras.layers.Dense(num_classes)

        def call(self, inputs: Any) -> Any:
            return self.classify(self.prepare(inputs))

    return Linear()


SRC = SourceConfig(src="mnist_sample")
HERE = "tests.training.test_train"
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"src": SourceConfig(src="mnist_sample")}, "give either --shards"),
    ({"shards": None}, "give either --shards"),
    ({"config": TrainConfig(label_smoothing=0.1)}, "label-smoothing works against mixup"),
    (
        {"shards": None, "src": SRC, "mix_online": 0.2, "config": TrainConfig(label_smoothing=0.1)},
        "label-smoothing works against mixup",
    ),
    ({"config": TrainConfig(batch_size=601)}, "batch-size must be from 1 to 600"),
    ({"config": TrainConfig(model="resnet99")}, "model 'resnet99': unknown: use tutorial-cnn, resnet20, resnet18, mlp"),
    ({"config": TrainConfig(model="no_such_module:build")}, "cannot be imported"),
    ({"config": TrainConfig(model="math:pi")}, "math has no function pi"),
    ({"config": TrainConfig(model="builtins:max")}, "raised TypeError"),
    ({"config": TrainConfig(model="builtins:print")}, "returned a NoneType, a keras.Model is needed"),
    ({"config": TrainConfig(model=f"{HERE}:careless")}, "careless: raised RuntimeError: no weights"),
    ({"config": TrainConfig(model=f"{HERE}:for_vectors")}, "the model does not take these examples, uint8 28x28x1: "),
    ({"config": TrainConfig(model=f"{HERE}:of_two_classes")}, "the model's output is (2,) an example, (10,) is needed"),
    ({"evaluation": SourceConfig(src="mnist_sample", split="train")}, "which is trained on"),
    (
        {"config": TrainConfig(augment="flip")},
        "the shards were mixed with --augment none: mix them anew, or leave it out",
    ),
]


@pytest.mark.parametrize(("changes", "said"), REFUSED, ids=[said[:30] for _, said in REFUSED])
def test_what_cannot_be_trained_is_refused(shards: Path, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(MixupError) as refused:
        train(request(shards, **changes), tmp_path / "run")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_a_subclassed_model_goes_on_after_a_stop(shards: Path, tmp_path: Path) -> None:
    asked = request(shards, config=TrainConfig(model=f"{HERE}:subclassed", epochs=2, batch_size=50))

    def stop(trainer: Trainer, notes: Any) -> None:
        trainer.stop_after = 12

    with pytest.raises(Stopped):
        train(asked, tmp_path / "stopped", on_start=stop)
    assert train(asked, tmp_path / "stopped")["last"]["loss"] == train(asked, tmp_path / "whole")["last"]["loss"]


def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(MixupError, match="TensorFlow sees no GPU here"):
        devices.choose_devices("gpu")


def test_one_process_at_a_time(shards: Path, tmp_path: Path) -> None:
    def begin_another(trainer: Trainer, notes: Any) -> None:
        with pytest.raises(MixupError, match="another mixup-train is writing here"):
            train(request(shards), tmp_path / "run")
        raise Stopped("enough")

    with pytest.raises(Stopped):
        train(request(shards), tmp_path / "run", on_start=begin_another)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_computes_small_and_keeps_the_loss_in_float32(
    shards: Path, tmp_path: Path, precision: Any
) -> None:
    learners = []

    def look(trainer: Trainer, notes: Any) -> None:
        learners.append(trainer.learner)

    config = TrainConfig(epochs=1, batch_size=50, precision=precision)
    result = train(request(shards, config=config), tmp_path / "run", on_start=look)
    model = learners[0].model
    hidden = [layer for layer in model.layers if "conv" in layer.name]
    assert {layer.compute_dtype for layer in hidden} == {precision}
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert model.outputs[0].dtype == "float32"
    full = train(request(shards, config=TrainConfig(epochs=1, batch_size=50)), tmp_path / "full")
    assert result["last"]["loss"] == pytest.approx(full["last"]["loss"], rel=0.02)
    assert result["last"]["loss"] != full["last"]["loss"]


def test_the_last_epochs_are_clean(tmp_path: Path) -> None:
    """Clean labels are hard, so that the weighted accuracy is the dominant one; mixed ones are not."""
    augment("mnist_sample", tmp_path / "shards")  # of all examples: clean epochs are of the whole source
    config = TrainConfig(model="mlp", epochs=3, clean_last_epochs=1, batch_size=500)
    train(request(tmp_path / "shards", config=config), tmp_path / "run")
    history = RunFolder(tmp_path / "run").load_history()
    assert [row["weighted_accuracy"] == row["dominant_accuracy"] for row in history] == [False, False, True]


def test_more_epochs_go_on_as_one_longer_run(shards: Path, tmp_path: Path) -> None:
    train(request(shards), tmp_path / "whole")
    train(request(shards, config=replace(CONFIG, epochs=2)), tmp_path / "grown")
    notes: list[str] = []
    grown = train(request(shards), tmp_path / "grown", on_note=notes.append)
    assert notes == [f"{tmp_path / 'grown'}: the run goes on after epoch 2"]
    assert (grown["epochs"], grown["config"]["epochs"]) == (3, 3)
    for expected, found in zip(weights(tmp_path / "whole"), weights(tmp_path / "grown"), strict=True):
        assert (expected == found).all()
    assert train(request(shards), tmp_path / "grown") == grown
    with pytest.raises(MixupError, match=r"--epochs is 3, asked is 2"):
        train(request(shards, config=replace(CONFIG, epochs=2)), tmp_path / "grown")


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ({"schedule": "cosine"}, {}, "--epochs is 1, asked is 3"),  # each step depends on how many there are
        ({"steps": 12}, {"steps": 24}, "--epochs is 1, asked is 3"),
        ({}, {"seed": 1}, "--seed is 0, asked is 1"),
    ],
)
def test_another_configuration_does_not_resume(
    shards: Path, tmp_path: Path, first: dict[str, Any], then: dict[str, Any], said: str
) -> None:
    config = TrainConfig(epochs=1, batch_size=50, **first)
    train(request(shards, config=config), tmp_path / "run")
    with pytest.raises(MixupError, match=rf"holds another training run \({said}\): choose another --out"):
        train(request(shards, config=replace(config, epochs=3, **then)), tmp_path / "run")


def test_changed_shards_are_refused(shards: Path, tmp_path: Path) -> None:
    shutil.copytree(shards, tmp_path / "copy")
    shard = sorted((tmp_path / "copy").glob("*.tfrecord-*"))[0]
    data = bytearray(shard.read_bytes())
    data[100] ^= 1
    shard.write_bytes(data)
    with pytest.raises(MixupError, match="CRC"):
        train(request(tmp_path / "copy", verify="full"), tmp_path / "run")
    shard.write_bytes(data[:-1])
    with pytest.raises(MixupError, match="bytes, the manifest says"):
        train(request(tmp_path / "copy"), tmp_path / "run")


def test_damage_met_while_training_is_one_line(shards: Path, tmp_path: Path) -> None:
    made = tmp_path / "shards"
    shutil.copytree(shards, made)
    shard = next(made.glob("*.tfrecord-00000-of-*"))
    damaged = bytearray(shard.read_bytes())
    damaged[2000] ^= 1
    shard.write_bytes(damaged)
    with pytest.raises(SourceError) as refused:
        train(request(made), tmp_path / "run")
    assert re.fullmatch(
        rf"{made}: cannot be read \({shard.name}: record \d+ at byte \d+: its data do not match their CRC\): "
        "mixup-verify names .*",
        str(refused.value),
    )


def test_no_room_for_the_weights_keeps_what_is_finished(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, run = request(shards), tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=100_000))
        with pytest.raises(OutputError, match=r"run/last\.weights\.h5: no space left on device: make room and run the"):
            train(asked, run)
    assert not list(run.glob("*.h5"))
    assert train(asked, run)["steps"] == 36


def test_a_tensorboard_folder_that_cannot_be_written_is_one_line(shards: Path, tmp_path: Path) -> None:
    asked, run = request(shards), tmp_path / "run"

    def be_in_the_way(trainer: Trainer, notes: Any) -> None:
        (run / "tensorboard").touch()

    with pytest.raises(OutputError, match=r"run/tensorboard: cannot be written \(not a directory\)"):
        train(asked, run, on_start=be_in_the_way)
    (run / "tensorboard").unlink()
    assert train(asked, run)["steps"] == 36


def test_examples_that_fill_no_batch_are_said(shards: Path) -> None:
    (note,) = prepare(request(shards, config=TrainConfig(batch_size=64)), NOWHERE).notes
    assert note == (
        "each epoch trains on 576 of 600 examples: the other 24, others in each epoch, do not fill a batch of 64: a "
        "smaller --batch-size leaves out fewer"
    )
    assert prepare(request(shards), NOWHERE).notes == ()


@pytest.mark.parametrize("batch_size", [6, 200])
def test_runs_of_the_same_steps_are_looked_at_as_often(shards: Path, batch_size: int) -> None:
    """Whatever the size of their training set; here of 600 examples, 100 or 3 steps an epoch."""
    job = prepare(request(shards, config=TrainConfig(steps=45, batch_size=batch_size)), NOWHERE).job
    assert job.looks == (5, 9, 14, 18, 23, 27, 32, 36, 41, 45)
    assert job.epoch_of(45) == (1 if batch_size == 6 else 15)
    few = prepare(request(shards, config=TrainConfig(steps=3, batch_size=batch_size)), NOWHERE).job
    assert few.looks == (1, 2, 3)
    epochs = prepare(request(shards, config=TrainConfig(epochs=2, batch_size=batch_size)), NOWHERE).job
    assert epochs.looks == (600 // batch_size, 2 * (600 // batch_size))


def test_a_look_may_hold_several_epochs_and_a_part_of_one(shards: Path, tmp_path: Path) -> None:
    config = TrainConfig(model="mlp", steps=25, batch_size=200)
    result = train(request(shards, config=config), tmp_path / "run")
    rows = RunFolder(tmp_path / "run").load_history()
    assert [row["step"] for row in rows] == [3, 5, 8, 10, 13, 15, 18, 20, 23, 25]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9]
    assert (result["epochs"], result["steps"]) == (9, 25)
