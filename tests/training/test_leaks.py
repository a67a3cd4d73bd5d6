"""Evaluation examples that are trained on are told by what their records hold, in every way to train."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.comparison.compare import compare
from mixup_pipeline.comparison.compare_config import CompareConfig
from mixup_pipeline.comparison.comparison import Callbacks, Comparison
from mixup_pipeline.errors import UsageError
from mixup_pipeline.training.leaks import check_leaks, shared_records
from mixup_pipeline.training.prepare import prepare
from mixup_pipeline.training.source_examples import source_examples
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.train_request import TrainRequest
from tests.datasets import example, png, write_records

CONFIG = TrainConfig(model="mlp", steps=1, batch_size=4)


def records(seed: int, count: int) -> list[bytes]:
    images = np.random.default_rng(seed).integers(0, 256, (count, 6, 5, 1), np.uint8)
    return [example({"image": png(image), "label": number % 3}) for number, image in enumerate(images)]


def source(path: Path) -> SourceConfig:
    return SourceConfig(src=str(path), num_classes=3, allow_eval_split=True)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, SourceConfig]:
    """Training examples, a renamed copy of them, others, and others with a few of them."""
    trained = records(1, 300)
    write_records(tmp_path / "data/train", trained)
    (tmp_path / "other").mkdir()
    shutil.copy(tmp_path / "data/train", tmp_path / "other/renamed")
    write_records(tmp_path / "other/new", records(2, 300))
    write_records(tmp_path / "other/few", [*records(3, 298), trained[7], trained[200]])
    write_records(tmp_path / "other/many", [*records(4, 290), *trained[:10]])
    places = {"train": "data/train"} | {name: f"other/{name}" for name in ("renamed", "new", "few", "many")}
    return {name: source(tmp_path / place) for name, place in places.items()}


def asked(way: str, files: dict[str, SourceConfig], evaluation: str, tmp_path: Path) -> list[str]:
    """What is said where training begins."""
    if way == "compare":
        notes: list[str] = []
        config = CompareConfig(seeds=1, copies=1, train=CONFIG, arms=("baseline", "online"))
        comparison = Comparison(source=files["train"], evaluation=files[evaluation], config=config, device="cpu")
        compare(comparison, tmp_path / "out", Callbacks(on_note=notes.append))
        return notes
    given: dict[str, Any] = {"src": files["train"]}
    if way == "shards":
        augment(files["train"], tmp_path / "shards", MixConfig(alpha=1))
        given = {"shards": tmp_path / "shards"}
    return [*prepare(TrainRequest(evaluation=files[evaluation], config=CONFIG, **given), tmp_path / "run").notes]


@pytest.mark.parametrize("way", ["src", "shards", "compare"])
def test_a_renamed_copy_is_refused(way: str, files: dict[str, SourceConfig], tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"evaluation examples .*(trained on): choose others with --eval-split|such as"
    ):
        asked(way, files, "renamed", tmp_path)


@pytest.mark.parametrize("way", ["src", "compare"])
def test_many_are_refused_and_a_few_are_said(way: str, files: dict[str, SourceConfig], tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"^10 of 300 evaluation examples are trained on, such as many record 290, which"
    ):
        asked(way, files, "many", tmp_path)
    said = "2 of 300 evaluation examples are trained on, such as few record 298, which is train record 7"
    assert said in asked(way, files, "few", tmp_path / "few")
    assert not [note for note in asked(way, files, "new", tmp_path / "new") if "trained on, such" in note]


def test_the_same_records_in_another_order(tmp_path: Path) -> None:
    content = records(1, 30)
    write_records(tmp_path / "a", content)
    write_records(tmp_path / "b", [*records(5, 3), *content[::-1], content[0]])
    one, other = (source_examples(source(tmp_path / name)).passes[0] for name in "ab")
    leak = shared_records(one, other)
    assert leak is not None
    assert (leak.count, leak.evaluated, leak.trained) == (31, "b record 3", "a record 29")
    with pytest.raises(UsageError, match="31 of 34"):
        check_leaks(one, other)


def test_files_without_records_are_no_copies_of_each_other(tmp_path: Path) -> None:
    for name, seed in (("train", 1), ("test", 2)):
        write_records(tmp_path / name / "a", records(seed, 20))
        write_records(tmp_path / name / "empty", [])
    train, test = (
        SourceConfig(src=str(tmp_path / name / "*"), num_classes=3, allow_eval_split=True) for name in ("train", "test")
    )
    assert prepare(TrainRequest(src=train, evaluation=test, config=CONFIG), tmp_path / "run").job.train.examples == 20
