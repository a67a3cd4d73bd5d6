"""Mixup while training: its arithmetic, its λ, and that an epoch depends only on its number."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.mixing.arithmetic import mix_images, mix_rgba
from mixup_pipeline.mixing.methods.mixup import draw_lam
from mixup_pipeline.training.batches import Feeding, training_batches
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.online import mix, mixed_online
from mixup_pipeline.training.source_examples import source_examples
from mixup_pipeline.training.tensorflow_import import import_tensorflow
from tests.datasets import write_tfds

ALPHA = 0.4
FEEDING = Feeding(batch_size=8, seed=5, shuffle_buffer=64)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> ExampleFiles:
    folder = tmp_path_factory.mktemp("online") / "shapes/1.0.0"
    return source_examples(SourceConfig(src=str(write_tfds(folder, num_examples=50, num_classes=4).folder)))


def arrays(batches: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    inputs, labels = zip(*batches.as_numpy_iterator(), strict=True)
    return np.concatenate(inputs), np.concatenate(labels)


def mixed(base: Any, partner: Any, lam: Any) -> Any:
    constant = import_tensorflow().constant
    parts = mix(tuple(map(constant, base)), tuple(map(constant, partner)), constant(lam))
    return [part.numpy() for part in parts]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_mixing_is_that_of_the_shards(channels: int) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 40, 5, 4, channels), np.uint8)
    images[:, ::3, ..., channels - 1] = 0  # so that some pixels of RGBA are transparent
    labels = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (2, 40))]
    lam = rng.beta(ALPHA, ALPHA, 40).astype(np.float32)
    inputs, soft = mixed((images[0], labels[0]), (images[1], labels[1]), lam)
    arithmetic = mix_rgba if channels == 4 else mix_images
    expected = arithmetic(np.concatenate(images), np.arange(40), np.arange(40, 80), lam)
    assert inputs.dtype == np.uint8
    assert (inputs == expected).all()
    np.testing.assert_allclose(soft.sum(1), 1, atol=1e-6)


def test_vectors_stay_floats() -> None:
    base = (np.array([[1, 2]], np.float32), np.array([[1, 0]], np.float32))
    partner = (np.array([[3, 6]], np.float32), np.array([[0, 1]], np.float32))
    inputs, labels = mixed(base, partner, np.array([0.25], np.float32))
    assert (inputs.tolist(), labels.tolist()) == ([[2.5, 5.0]], [[0.25, 0.75]])


def test_an_epoch_mixes_every_base_with_its_lam(records: ExampleFiles) -> None:
    """The bases are what unmixed training reads in that epoch; λ is that of the copy of the same number."""
    _, bases = arrays(training_batches(records, FEEDING, 3))
    inputs, labels = arrays(mixed_online(records, FEEDING, 3, alpha=ALPHA))
    lam = draw_lam(0, records.examples, alpha=ALPHA, seed=FEEDING.seed, copy=3)[: len(bases)]
    assert len(inputs) == len(bases) == 48
    own = labels[np.arange(len(bases)), bases.argmax(1)]
    alone = np.isclose(own, 1, atol=1e-6)  # the partner has the same class
    np.testing.assert_allclose(own[~alone], lam[~alone], atol=1e-6)
    assert 0 < alone.sum() < 30


def test_an_epoch_is_known_by_its_number(records: ExampleFiles) -> None:
    first, again, second = (arrays(mixed_online(records, FEEDING, epoch, alpha=ALPHA))[0] for epoch in (0, 0, 1))
    assert (first == again).all()
    assert (first != second).any()
    other = arrays(mixed_online(records, replace(FEEDING, seed=6), 0, alpha=ALPHA))[0]
    assert (first != other).any()


def test_no_example_is_always_its_own_partner(records: ExampleFiles, tmp_path: Path) -> None:
    feeding = replace(FEEDING, shuffle_buffer=1000)
    inputs, _ = arrays(mixed_online(records, feeding, 0, alpha=1000.0))  # λ near one half
    unmixed, _ = arrays(training_batches(records, feeding, 0))
    same = (inputs == unmixed).all(axis=(1, 2, 3)).sum()
    assert same <= 6
