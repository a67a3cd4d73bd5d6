"""Data and models under the same names that are not what a folder's runs have seen: refused, with what differs."""

import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline import SourceConfig
from mixup_pipeline.comparison.compare import compare
from mixup_pipeline.comparison.compare_config import CompareConfig
from mixup_pipeline.comparison.comparison import Comparison
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.training import environment
from mixup_pipeline.training.built_in import mlp
from mixup_pipeline.training.devices import Devices, choose_devices
from mixup_pipeline.training.interface import Interface
from mixup_pipeline.training.learner import Learners
from mixup_pipeline.training.model_identity import model_identity
from mixup_pipeline.training.models import set_precision
from mixup_pipeline.training.prepare import prepare
from mixup_pipeline.training.train import train
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.train_request import TrainRequest
from tests.datasets import example, png, random_images, write_records

MODEL = """import beside_the_model

def build(shape, num_classes):
    return beside_the_model.network(shape, num_classes)
"""
BESIDE = """from mixup_pipeline.training.models import mlp

def network(shape, num_classes):
    return mlp(shape, num_classes)
"""
CONFIG = TrainConfig(model="edited_model:build", steps=2, batch_size=4)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[SourceConfig, SourceConfig]:
    """Training and evaluation examples, and a model in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, content in (("edited_model", MODEL), ("beside_the_model", BESIDE)):
        Path(f"{name}.py").write_text(content)
        monkeypatch.delitem(sys.modules, name, raising=False)  # that of another test
    for name, count in (("train", 12), ("test", 9)):
        write(Path(f"{name}.npz"), count)
    return SourceConfig(src="train.npz"), SourceConfig(src="test.npz", allow_eval_split=True)


def write(path: Path, count: int, shift: int = 0) -> None:
    """The same examples with other labels, shifted."""
    inputs = np.random.default_rng(count).standard_normal((count, 5)).astype(np.float32)
    np.savez(path, x=inputs, y=(np.arange(count) + shift) % 3)


def other_training_labels() -> None:
    write(Path("train.npz"), 12, 1)


def other_evaluation_labels() -> None:
    write(Path("test.npz"), 9, 1)


def other_model() -> None:
    Path("edited_model.py").write_text(MODEL + "# edited")


def other_import_of_the_model() -> None:
    Path("beside_the_model.py").write_text(BESIDE.replace("mlp(shape, num_classes)", "mlp(shape, num_classes, 0.5)"))


def other_graph() -> None:
    """The source is the same, what it reads elsewhere is not."""
    sys.modules["beside_the_model"].__dict__["network"] = lambda shape, num_classes: mlp(shape, num_classes, 0.25)


CHANGES = [
    (other_training_labels, "prepared/unmixed: .* because the source has changed", r"records\.source is"),
    (other_evaluation_labels, "prepared/evaluation: .* because the source has", r"records\.evaluation is"),
    (other_model, r"holds another training run \(model.source is", "model.source is"),
    (other_import_of_the_model, r"holds another training run \(model.source is", "model.source is"),
    (other_graph, r"holds another training run \(model.graph is", "model.graph is"),
]


@pytest.mark.parametrize(("change", "said"), [change[:2] for change in CHANGES])
def test_a_run_is_not_resumed_with_other_content(
    data: tuple[SourceConfig, SourceConfig], tmp_path: Path, change: object, said: str
) -> None:
    request, out = TrainRequest(src=data[0], evaluation=data[1], config=CONFIG), tmp_path / "run"
    learners = Learners(choose_devices("cpu"))
    first = train(prepare(request, out), out, learners)
    assert train(prepare(request, out), out, learners) == first
    assert callable(change)
    change()
    with pytest.raises((SourceError, UsageError), match=said):
        train(prepare(request, out), out, learners)


def test_a_comparison_does_not_go_on_with_other_content(
    data: tuple[SourceConfig, SourceConfig], tmp_path: Path
) -> None:
    config = CompareConfig(seeds=1, copies=1, train=CONFIG, arms=("baseline", "online"))
    asked = Comparison(source=data[0], evaluation=data[1], config=config, device="cpu")
    kept = compare(asked, tmp_path / "out")["summary"]
    contents = {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    for change, _, said in CHANGES[:-1]:
        change()
        with pytest.raises(UsageError, match=rf"holds another comparison \({said}"):
            compare(asked, tmp_path / "out")
        for path, content in contents.items():
            path.write_bytes(content)
    assert compare(asked, tmp_path / "out")["summary"] == kept
    other_graph()
    with pytest.raises(UsageError, match=r"holds another comparison \(model.graph is"):
        compare(asked, tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"devices": Devices(names=("/CPU:0", "/CPU:1"), gpu=False)}, "devices is"),
        ({"deterministic": True}, "deterministic is False, asked is True"),
        ({"version": "2.99.0"}, r"versions.tensorflow is '2\.\S+', asked is '2.99.0'"),
    ],
)
def test_a_run_is_not_resumed_elsewhere(
    data: tuple[SourceConfig, SourceConfig],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    said: str,
) -> None:
    request, out = TrainRequest(src=data[0], evaluation=data[1], config=CONFIG), tmp_path / "run"
    learners = Learners(choose_devices("cpu"))
    train(prepare(request, out), out, learners)
    if "version" in change:
        versions = lambda name: change["version"] if name == "tensorflow" else version(name)  # noqa: E731
        monkeypatch.setattr(environment, "version", versions)
    else:
        monkeypatch.setattr(learners, *next(iter(change.items())))
    with pytest.raises(UsageError, match=rf"holds another training run \({said}"):
        train(prepare(request, out), out, learners)


def test_outliers_of_another_content_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, count in (("train", 12), ("test", 9), ("others", 6)):
        write_images(name, count)
    sources = (SourceConfig(src=f"{name}.tfrecord", num_classes=3, allow_eval_split=True) for name in ("train", "test"))
    source, evaluation = sources
    config = CompareConfig(
        seeds=1,
        copies=1,
        train=replace(CONFIG, model="mlp"),
        arms=("baseline", "online"),
        outliers=("others.tfrecord",),
    )
    asked = Comparison(source=source, evaluation=evaluation, config=config, device="cpu")
    kept = compare(asked, tmp_path / "out")["summary"]
    assert compare(asked, tmp_path / "out")["summary"] == kept
    write_images("others", 6, first=1)
    with pytest.raises(UsageError, match=r"--outliers others\.tfrecord: finished runs were measured on other records"):
        compare(asked, tmp_path / "out")


def write_images(name: str, count: int, first: int = 0) -> None:
    images = np.random.default_rng([len(name), first]).integers(0, 256, (count, 4, 4, 1), np.uint8)
    records = [example({"image": png(image), "label": row % 3}) for row, image in enumerate(images)]
    write_records(Path(f"{name}.tfrecord"), records)


@pytest.mark.parametrize("changed", ["train", "test"])
def test_other_labels_of_records_are_told(tmp_path: Path, changed: str) -> None:
    """Of files that TensorFlow reads as they are: nothing but the labels differs."""

    def asked(shifts: dict[str, int]) -> TrainRequest:
        sources = {}
        for name, shift in shifts.items():
            images = random_images(6, (4, 4, 1))
            records = [example({"image": png(image), "label": (row + shift) % 3}) for row, image in enumerate(images)]
            path = write_records(tmp_path / f"{name}.tfrecord", records)
            sources[name] = SourceConfig(src=str(path), num_classes=3, allow_eval_split=True)
        config = TrainConfig(model="mlp", steps=1, batch_size=2)
        return TrainRequest(src=sources["train"], evaluation=sources["test"], config=config)

    one, again, other = (
        prepare(asked({"train": 0, "test": 1} | shifts), tmp_path / "run").identity for shifts in ({}, {}, {changed: 2})
    )
    assert one == again
    part = "data" if changed == "train" else "evaluation"
    assert one[part].pop("fingerprint") != other[part].pop("fingerprint")
    assert one == other


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_model_is_the_same_whatever_was_computed_before(precision: str) -> None:
    """Keras has one precision for all that is built: that of the last run must not tell two models apart."""
    config = TrainConfig(model="mlp", precision=precision)
    told = []
    for before in ("float32", "bfloat16", "float32"):
        set_precision(before)
        told.append(model_identity(config, Interface(shape=(8, 8, 1), num_classes=3)))
    set_precision("float32")  # for other tests
    assert told[0] == told[1] == told[2]
