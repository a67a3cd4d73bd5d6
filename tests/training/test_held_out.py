"""Held-out examples: how many, which, by groups, and that the evaluation examples are looked at once."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.errors import UsageError
from mixup_pipeline.training.devices import choose_devices
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.held_out import held_out
from mixup_pipeline.training.learner import Learner, Learners
from mixup_pipeline.training.prepare import prepare
from mixup_pipeline.training.run_folder import RunFolder
from mixup_pipeline.training.train import train
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.train_request import TrainRequest
from tests.datasets import example, write_records

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas/train_result.schema.json").read_text())
CONFIG = TrainConfig(model="mlp", epochs=4, batch_size=8, val_share=0.25, learning_rate=0.05)


def test_so_many_are_held_out_and_others_for_other_seeds() -> None:
    held = held_out(1000, 0.1, 1)
    assert held.sum() == 100
    assert (held == held_out(1000, 0.1, 1)).all()
    assert (held != held_out(1000, 0.1, 2)).any()


def test_groups_stay_whole_and_reach_the_share() -> None:
    rng = np.random.default_rng(0)
    for seed in range(50):
        groups = rng.choice([3, 17, 5, 99, 4, 8], 60)
        held = held_out(60, 0.3, seed, groups)
        inside = set(groups[held].tolist())
        assert not inside & set(groups[~held].tolist())
        sizes = [int((groups == group).sum()) for group in inside]
        assert held.sum() == sum(sizes) >= 18
        assert held.sum() - max(sizes) < 18  # no group too many


@pytest.mark.parametrize(
    ("count", "share", "groups", "said"),
    [
        (10, 0.01, [], r"--val-share 0.01: would hold out 0 of 10 examples: give another share"),
        (10, 0.5, [1] * 10, r"--val-share 0.5: would hold out 10 of 10 examples in 1 groups"),
    ],
)
def test_none_and_all_are_refused(count: int, share: float, groups: list[int], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        held_out(count, share, 0, np.array(groups, np.int64))


@pytest.fixture
def source(tmp_path: Path) -> SourceConfig:
    """80 examples of two values in 16 groups; each holds the number of its group."""
    rng = np.random.default_rng(1)

    def payloads(count: int) -> list[bytes]:
        values = [np.array([number % 2 + rng.normal(), number // 5], np.float32) for number in range(count)]
        return [
            example({"x": value, "label": number % 2, "patient": b"p%d" % (number // 5)})
            for number, value in enumerate(values)
        ]

    path = write_records(tmp_path / "data/train", payloads(80))
    write_records(tmp_path / "data/test", payloads(27))
    return SourceConfig(src=str(path), image_key="x", label_key="label", num_classes=2, allow_eval_split=True)


def asked(source: SourceConfig, tmp_path: Path, **changes: Any) -> TrainRequest:
    evaluation = SourceConfig(**{**vars(source), "src": str(tmp_path / "data/test"), "group_key": None})
    return TrainRequest(**{"src": source, "evaluation": evaluation, "config": CONFIG, **changes})


def test_held_out_choose_and_evaluation_is_looked_at_once(
    source: SourceConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []
    predict = Evaluation.predict

    def counted(self: Evaluation, learner: Learner) -> Any:
        looked_at.append(self.records.examples)
        return predict(self, learner)

    monkeypatch.setattr(Evaluation, "predict", counted)
    prepared = prepare(asked(source, tmp_path), tmp_path / "run")
    assert any(note.startswith("20 training examples are held out") for note in prepared.notes)
    result = train(prepared, tmp_path / "run", Learners(choose_devices("cpu")))
    jsonschema.validate(json.loads((tmp_path / "run/result.json").read_text()), SCHEMA)
    assert looked_at == [20, 20, 20, 20, 27, 27]  # the last two: with the weights of the last and of the best epoch
    history = RunFolder(tmp_path / "run").load_history()
    assert result["best"] == max(history, key=lambda row: row["accuracy"])
    assert set(result["test"]) == {"last", "best"}
    assert all(set(measures) >= {"accuracy", "nll"} for measures in result["test"].values())
    assert train(prepared, tmp_path / "run", Learners(choose_devices("cpu"))) == result


def test_groups_are_held_out_as_a_whole(source: SourceConfig, tmp_path: Path) -> None:
    grouped = SourceConfig(**{**vars(source), "group_key": "patient"})
    job = prepare(asked(grouped, tmp_path), tmp_path / "run").job

    def groups(records: Any) -> set[float]:
        from mixup_pipeline.training.batches import evaluation_batches

        return {float(x[1]) for inputs, _ in evaluation_batches(records, 7).as_numpy_iterator() for x in inputs}

    trained, chosen_by = groups(job.train), groups(job.evaluation.records)
    assert len(chosen_by) == 4
    assert not trained & chosen_by
    assert trained | chosen_by == set(map(float, range(16)))


def test_shards_have_nothing_to_hold_out(source: SourceConfig, tmp_path: Path) -> None:
    augment(source, tmp_path / "shards", MixConfig(alpha=1))
    with pytest.raises(UsageError, match=r"--val-share is for --src: shards are mixed of all examples already"):
        prepare(asked(source, tmp_path, src=None, shards=tmp_path / "shards"), tmp_path / "run")
