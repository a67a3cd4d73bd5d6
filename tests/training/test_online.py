"""Mixup while training: its arithmetic, its λ, and that an epoch depends only on its number."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.mixing.arithmetic import mix_images, mix_rgba
from mixup_pipeline.mixing.methods.mixup import draw_lam
from mixup_pipeline.training.batches import training_batches
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.online import mix, mixed_online
from mixup_pipeline.training.order import Feeding
from mixup_pipeline.training.source_examples import source_examples
from mixup_pipeline.training.tensorflow_import import import_tensorflow
from tests.datasets import write_tfds

ALPHA = 0.4
FEEDING = Feeding(batch_size=8, seed=5)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> ExampleFiles:
    folder = tmp_path_factory.mktemp("online") / "shapes/1.0.0"
    return source_examples(SourceConfig(src=str(write_tfds(folder, num_examples=50, num_classes=4).folder)))


def epoch(number: int) -> range:
    """The steps of an epoch of 50 examples in batches of 8."""
    return range(number * 6, (number + 1) * 6)


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
    _, bases = arrays(training_batches(records, FEEDING, epoch(3)))
    inputs, labels = arrays(mixed_online(records, FEEDING, epoch(3), alpha=ALPHA))
    lam = draw_lam(0, records.examples, alpha=ALPHA, seed=FEEDING.seed, copy=3)[: len(bases)]
    assert len(inputs) == len(bases) == 48
    own = labels[np.arange(len(bases)), bases.argmax(1)]
    alone = np.isclose(own, 1, atol=1e-6)  # the partner has the same class
    np.testing.assert_allclose(own[~alone], lam[~alone], atol=1e-6)
    assert 0 < alone.sum() < 30


def test_an_epoch_is_known_by_its_number(records: ExampleFiles) -> None:
    first, again, second = (arrays(mixed_online(records, FEEDING, epoch(n), alpha=ALPHA))[0] for n in (0, 0, 1))
    assert (first == again).all()
    assert (first != second).any()
    other = arrays(mixed_online(records, replace(FEEDING, seed=6), epoch(0), alpha=ALPHA))[0]
    assert (first != other).any()


@pytest.mark.parametrize("examples", [2, 3, 50, 1000])
def test_partners_are_all_examples_and_none_is_its_own(examples: int) -> None:
    feeding = Feeding(batch_size=1, seed=5)
    for number in range(20):
        order, partners = feeding.epoch_order(examples, number), feeding.partner_order(examples, number)
        assert sorted(order.tolist()) == sorted(partners.tolist()) == list(range(examples))
        assert (order != partners).all()


def test_any_other_example_is_as_likely_a_partner() -> None:
    """Over 6,000 epochs of 5 examples, every ordered pair is met as often as chance has it."""
    feeding, counts = Feeding(batch_size=1, seed=5), np.zeros((5, 5))
    for number in range(6000):
        np.add.at(counts, (feeding.epoch_order(5, number), feeding.partner_order(5, number)), 1)
    assert (counts.diagonal() == 0).all()
    others = counts[~np.eye(5, dtype=bool)]
    assert abs(others - 1500).max() < 5 * np.sqrt(1500)
