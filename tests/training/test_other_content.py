"""Data and models under the same names that are not what a folder's runs have seen: refused, with what differs."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline import SourceConfig
from mixup_pipeline.comparison.compare import compare
from mixup_pipeline.comparison.compare_config import CompareConfig
from mixup_pipeline.comparison.comparison import Comparison
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.training.devices import choose_devices
from mixup_pipeline.training.learner import Learners
from mixup_pipeline.training.prepare import TrainRequest, prepare
from mixup_pipeline.training.train import train
from mixup_pipeline.training.train_config import TrainConfig
from tests.datasets import example, png, random_images, write_records

MODEL = """from mixup_pipeline.training.models import mlp

def build(shape, num_classes):
    return mlp(shape, num_classes)
"""
CONFIG = TrainConfig(model="edited_model:build", steps=2, batch_size=4)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[SourceConfig, SourceConfig]:
    """Training and evaluation examples, and a model in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("edited_model.py").write_text(MODEL)
    monkeypatch.delitem(sys.modules, "edited_model", raising=False)  # that of another test
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
    Path("edited_model.py").write_text(MODEL.replace("mlp(shape, num_classes)", "mlp(shape, num_classes, 0.5)"))


CHANGES = [
    (other_training_labels, "prepared/unmixed: .* because the source has changed", r"records\.source is"),
    (other_evaluation_labels, "prepared/evaluation: .* because the source has", r"records\.evaluation is"),
    (other_model, r"holds another training run \(model_source is", "model_source is"),
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
    for change, _, said in CHANGES:
        change()
        with pytest.raises(UsageError, match=rf"holds another comparison \({said}"):
            compare(asked, tmp_path / "out")
        for path, content in contents.items():
            path.write_bytes(content)
    assert compare(asked, tmp_path / "out")["summary"] == kept


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
