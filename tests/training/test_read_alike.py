"""Evaluation examples are read as those that are trained on: their classes, columns and arrays."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.errors import UsageError
from mixup_pipeline.training.batches import evaluation_batches
from mixup_pipeline.training.prepare import Prepared, prepare
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.train_request import TrainRequest

CONFIG = TrainConfig(model="mlp", epochs=1, batch_size=4)
TRAINED, EVALUATED = [1, 2, 3, 1, 2, 3, 1, 2], [2, 2, 1, 2]
"""Class 3 is in the training data only."""


def arrays(folder: Path, name: str, labels: list[int]) -> Path:
    inputs = np.arange(3.0 * len(labels), dtype=np.float32).reshape(-1, 3)
    np.savez(folder / f"{name}.npz", x=inputs, y=np.array(labels))
    return folder / f"{name}.npz"


def table(folder: Path, name: str, labels: list[int]) -> Path:
    rows = [f"{row},{row * row},{label}" for row, label in enumerate(labels)]
    (folder / f"{name}.csv").write_text("\n".join(["a,b,label", *rows]))
    return folder / f"{name}.csv"


def texts(folder: Path, name: str, labels: list[int]) -> Path:
    rows = [f"{row},{row * row},{'-abc'[label]}" for row, label in enumerate(labels)]
    (folder / f"{name}.csv").write_text("\n".join(["a,b,label", *rows]))
    return folder / f"{name}.csv"


def prepared(source: SourceConfig, evaluation: SourceConfig, folder: Path, *, from_shards: bool) -> Prepared:
    data: dict[str, Any] = {"src": source}
    if from_shards:
        augment(source, folder / "shards", MixConfig())
        data = {"shards": folder / "shards"}
    return prepare(TrainRequest(evaluation=evaluation, config=CONFIG, **data), folder / "run")


def evaluated(ready: Prepared) -> list[int]:
    """The classes of the evaluation examples."""
    batches = evaluation_batches(ready.job.evaluation.records, 3).as_numpy_iterator()
    return [int(label.argmax()) for _, labels in batches for label in labels]


@pytest.mark.parametrize("from_shards", [True, False])
@pytest.mark.parametrize("make", [arrays, table, texts])
def test_classes_are_those_of_training(tmp_path: Path, make: Any, from_shards: bool) -> None:
    source, evaluation = (
        SourceConfig(src=str(make(tmp_path, name, labels)), label_key=None)
        for name, labels in (("one", TRAINED), ("other", EVALUATED))
    )
    ready = prepared(source, evaluation, tmp_path, from_shards=from_shards)
    assert ready.job.evaluation.records.num_classes == 3
    assert sorted(evaluated(ready)) == sorted(label - 1 for label in EVALUATED)


@pytest.mark.parametrize("from_shards", [True, False])
def test_other_arrays_of_a_file_are_apart(tmp_path: Path, from_shards: bool) -> None:
    inputs = np.arange(24, dtype=np.float32).reshape(8, 3)
    path = tmp_path / "both.npz"
    np.savez(path, x_train=inputs, y_train=np.array(TRAINED), x_test=inputs[:4], y_test=np.array(EVALUATED))
    source = SourceConfig(src=str(path))
    ready = prepared(source, SourceConfig(src=str(path), split="test"), tmp_path, from_shards=from_shards)
    assert ready.job.evaluation.records.examples == 4
    with pytest.raises(UsageError, match=r"hold .*both\.npz, which is trained on"):
        prepared(source, SourceConfig(src=str(path), split="train"), tmp_path / "again", from_shards=from_shards)
