"""Standardizing vectors: the scales against NumPy, and what they do for training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.errors import UsageError
from mixup_pipeline.training import devices
from mixup_pipeline.training.learner import Learners
from mixup_pipeline.training.prepare import prepare
from mixup_pipeline.training.run_folder import RunFolder
from mixup_pipeline.training.scales import scales_of
from mixup_pipeline.training.source_examples import source_examples
from mixup_pipeline.training.train import train
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.train_request import TrainRequest
from tests.datasets import example, write_records

COUNT, CLASSES = 1500, 3
MEANS, SPREADS = np.array([0, 5000, -3, 7]), np.array([1, 300, 0.001, 0])
CONFIG = TrainConfig(model="mlp", epochs=2, batch_size=50, standardize=True)
NOWHERE = Path("nowhere")  # no image is brought to another size


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[SourceConfig, SourceConfig]:
    """Training and evaluation examples whose class the smallest of the values tells."""
    folder, rng = tmp_path_factory.mktemp("wild"), np.random.default_rng(0)
    sources = []
    for name, count in (("train", COUNT), ("test", 300)):
        labels = rng.integers(0, CLASSES, count)
        vectors = rng.normal(size=(count, 4))
        vectors[:, 2] = labels - 1 + 0.1 * vectors[:, 2]
        payloads = [
            example({"x": (MEANS + SPREADS * vector).astype(np.float32), "label": label})
            for vector, label in zip(vectors, labels, strict=True)
        ]
        path = write_records(folder / f"{name}.tfrecord", payloads)
        sources.append(SourceConfig(src=str(path), num_classes=CLASSES, image_key="x", allow_eval_split=True))
    return sources[0], sources[1]


def stored(source: SourceConfig) -> np.ndarray:
    from mixup_pipeline.training.batches import evaluation_batches

    return np.concatenate([x for x, _ in evaluation_batches(source_examples(source), 7).as_numpy_iterator()])


def test_scales_are_those_of_numpy(data: tuple[SourceConfig, SourceConfig]) -> None:
    values = stored(data[0]).astype(np.float64)
    found = scales_of(source_examples(data[0]))
    np.testing.assert_allclose(found.mean, values.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.spread[:3], values.std(0)[:3], rtol=1e-9)
    assert found.spread[3] == 1  # it never differs
    assert found.wild
    first = scales_of(source_examples(data[0]), most_batches=1)
    np.testing.assert_allclose(first.mean, values[:1024].mean(0), rtol=1e-12)


def test_standardized_vectors_are_learned_and_stay_so_after_a_stop(
    data: tuple[SourceConfig, SourceConfig], tmp_path: Path
) -> None:
    learners = Learners(devices.choose_devices("cpu"))

    def run(config: TrainConfig, out: Path) -> float:
        asked = TrainRequest(src=data[0], evaluation=data[1], config=config)
        return float(train(prepare(asked, out), out, learners)["last"]["accuracy"])

    assert run(CONFIG, tmp_path / "with") > 0.95
    assert run(replace(CONFIG, standardize=False), tmp_path / "without") < 0.7
    assert run(replace(CONFIG, epochs=1), tmp_path / "grown") > 0.8
    run(CONFIG, tmp_path / "grown")
    states = [RunFolder(tmp_path / name).load_state() for name in ("with", "grown")]
    assert states[0] is not None
    assert states[1] is not None
    assert all((a == b).all() for a, b in zip(states[0].arrays, states[1].arrays, strict=True))
    np.testing.assert_allclose(states[0].arrays[0], stored(data[0]).astype(np.float64).mean(0), rtol=1e-5)


def test_a_hint_is_given_where_it_would_help(data: tuple[SourceConfig, SourceConfig]) -> None:
    def notes(config: TrainConfig) -> tuple[str, ...]:
        return prepare(TrainRequest(src=data[0], evaluation=data[1], config=config), NOWHERE).notes

    assert notes(CONFIG) == ()
    (note,) = notes(replace(CONFIG, standardize=False))
    assert note.startswith("the values of these vectors differ in scale (spread 0.00")
    assert note.endswith("--standardize brings them to one scale")


def test_shards_take_the_scales_of_the_source_where_it_is_given(
    data: tuple[SourceConfig, SourceConfig], tmp_path: Path
) -> None:
    augment(data[0], tmp_path / "shards", MixConfig(alpha=1))
    asked = TrainRequest(shards=tmp_path / "shards", evaluation=data[1], config=CONFIG)
    mixed = prepare(asked, NOWHERE).job.scales
    pure = prepare(asked, NOWHERE, unmixed=source_examples(data[0])).job.scales
    assert mixed is not None
    assert pure is not None
    np.testing.assert_allclose(mixed.mean, pure.mean, rtol=0.05, atol=0.1)
    assert (mixed.spread[:2] < 0.95 * pure.spread[:2]).all()  # mixing draws values together
    assert (pure.spread == scales_of(source_examples(data[0])).spread).all()


def test_images_are_not_standardized() -> None:
    mnist = SourceConfig(src="mnist_sample", split="test", allow_eval_split=True)
    with pytest.raises(UsageError, match="--standardize is for float vectors"):
        prepare(TrainRequest(src=SourceConfig(src="mnist_sample"), evaluation=mnist, config=replace(CONFIG)), NOWHERE)


def test_runs_without_it_are_those_of_before() -> None:
    assert "standardize" not in TrainConfig().identity()
    assert CONFIG.identity()["standardize"] is True
