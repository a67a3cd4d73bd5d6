"""Decision regions: both networks start alike, a step mixes as it says, and mixup makes the network less sure."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline.config.registry import PAIRINGS
from mixup_pipeline.mixing.methods.mixup import draw_lam
from mixup_pipeline.training import boundary
from mixup_pipeline.training.boundary import Flowers, Regions, mixed_batch, read_flowers, train_both

FEW = 10


@pytest.fixture(scope="module")
def flowers() -> Flowers:
    return read_flowers()


@pytest.fixture(scope="module")
def trained(flowers: Flowers) -> Callable[[int, int], tuple[Regions, Regions]]:
    """Both networks at α = 0.4 by seed and number of steps, each trained once."""
    done: dict[tuple[int, int], tuple[Regions, Regions]] = {}

    def get(seed: int, steps: int) -> tuple[Regions, Regions]:
        if (seed, steps) not in done:
            done[seed, steps] = train_both(flowers, alpha=0.4, seed=seed, steps=steps)
        return done[seed, steps]

    return get


def unmixed_weights(start: int, stop: int, **_: object) -> npt.NDArray[np.float64]:
    return np.ones(stop - start)


def test_the_flowers(flowers: Flowers) -> None:
    assert flowers.points.shape == (150, 2)
    assert flowers.points.dtype == np.float32
    assert np.bincount(flowers.class_ids).tolist() == [50, 50, 50]
    assert flowers.class_names == ("setosa", "versicolor", "virginica")
    assert flowers.axes == ("sepal length (cm)", "sepal width (cm)")
    assert flowers.points[0].tolist() == pytest.approx([5.1, 3.5])
    assert flowers.extent == pytest.approx((3.8, 8.4, 1.5, 4.9))


@pytest.mark.parametrize("alpha", [0.001, 0.4, 1000])
def test_a_step_mixes_every_flower_with_another(flowers: Flowers, alpha: float) -> None:
    points, labels = mixed_batch(flowers, alpha=alpha, seed=3, step=7)
    assert points.dtype == labels.dtype == np.float32
    lam = draw_lam(0, 150, alpha=alpha, seed=3, copy=7).astype(np.float32)
    partners = PAIRINGS["any"].pair(flowers.class_ids, 7, 3, ())
    assert sorted(partners) == list(range(150))
    for flower, partner in enumerate(partners):
        assert partner != flower
        weight, rest = lam[flower], np.float32(1) - lam[flower]
        expected = weight * flowers.points[flower] + rest * flowers.points[partner]
        assert points[flower].tolist() == expected.tolist()
        label = np.zeros(3, np.float32)
        label[flowers.class_ids[flower]] = weight
        label[flowers.class_ids[partner]] += rest
        assert labels[flower].tolist() == label.tolist()
    if alpha == 1000:
        assert abs(lam - 0.5).max() < 0.1


def test_steps_and_seeds_mix_differently(flowers: Flowers) -> None:
    first, again = (mixed_batch(flowers, alpha=0.4, seed=0, step=0)[0] for _ in range(2))
    assert (first == again).all()
    for other in (mixed_batch(flowers, alpha=0.4, seed=0, step=1), mixed_batch(flowers, alpha=0.4, seed=1, step=0)):
        assert (first != other[0]).any()


def test_both_networks_start_from_the_same_weights(flowers: Flowers, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a learning rate of 0 they stay as they started."""
    monkeypatch.setattr(boundary, "_LEARNING_RATE", 0.0)
    without, mixed = train_both(flowers, alpha=0.4, seed=0, steps=FEW)
    assert (without.probabilities == mixed.probabilities).all()
    assert without.accuracy == mixed.accuracy < 0.6
    assert without.probabilities.std() > 0.01


def test_training_is_reproducible(flowers: Flowers, trained: Callable[[int, int], tuple[Regions, Regions]]) -> None:
    again = train_both(flowers, alpha=0.4, seed=0, steps=FEW)
    for regions, same in zip(trained(0, FEW), again, strict=True):
        assert (regions.probabilities == same.probabilities).all()
        assert regions.accuracy == same.accuracy


def test_nothing_but_mixing_differs(
    flowers: Flowers, trained: Callable[[int, int], tuple[Regions, Regions]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With weights of one both networks are the same; another seed starts from other weights."""
    usual = trained(0, FEW)
    monkeypatch.setattr(boundary, "draw_lam", unmixed_weights)
    without, mixed = train_both(flowers, alpha=0.4, seed=1, steps=FEW)
    assert (without.probabilities == mixed.probabilities).all()
    assert abs(usual[0].probabilities - without.probabilities).max() > 0.01
    assert (usual[0].probabilities != usual[1].probabilities).any()


def test_mixup_makes_the_network_less_sure(trained: Callable[[int, int], tuple[Regions, Regions]]) -> None:
    without, mixed = trained(0, 300)
    for regions in (without, mixed):
        assert regions.probabilities.shape == (200, 200, 3)
        assert regions.probabilities.sum(-1) == pytest.approx(np.ones((200, 200)), abs=1e-4)
        assert 0.7 < regions.accuracy <= 1
    assert mixed.mean_confidence < without.mean_confidence - 0.03
    assert mixed.sure < without.sure - 0.1


def test_figures_of_the_plane() -> None:
    probabilities = np.array([[[1, 0, 0], [0.5, 0.3, 0.2]], [[0.02, 0.96, 0.02], [0, 0.06, 0.94]]], np.float32)
    regions = Regions(probabilities=probabilities, accuracy=1)
    assert regions.mean_confidence == pytest.approx((1 + 0.5 + 0.96 + 0.94) / 4)
    assert regions.sure == 0.5
