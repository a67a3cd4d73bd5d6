"""Pairings that draw partners with replacement: class-balanced and near-label."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mixup_pipeline import MixConfig
from mixup_pipeline.config.registry import PAIRINGS
from mixup_pipeline.errors import UsageError
from mixup_pipeline.mixing.pairing import ClassIds, Partners
from mixup_pipeline.mixing.pairing.near_label import pair_near_label

LONG_TAIL = np.repeat(np.arange(4), [1000, 100, 10, 1]).astype(np.int32)


def bits(values: object) -> ClassIds:
    """Labels as the index keeps them."""
    return np.asarray(values, np.float32).view(np.int32)


def balanced(class_ids: ClassIds, copy: int, seed: int = 0) -> Partners:
    return PAIRINGS["class-balanced"].partners(class_ids, copy, MixConfig(seed=seed, pairing="class-balanced"), ())


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(0, 5), st.integers(0, 2**63 - 1))
def test_nobody_is_its_own_partner(classes: list[int], copy: int, seed: int) -> None:
    slots = np.arange(len(classes))
    by_class = balanced(np.array(classes, np.int32), copy, seed)
    by_label = pair_near_label(bits(classes), copy, seed, (), bandwidth=None)
    for partners in (by_class, by_label):
        assert ((partners >= 0) & (partners < len(classes))).all()
        assert (partners != slots).all() or len(classes) == 1


def test_classes_of_partners_are_drawn_uniformly_and_members_too() -> None:
    """Of bases that are not alone in their class, which are never mixed with themselves."""
    slots = np.random.default_rng(0).permutation(len(LONG_TAIL))
    class_ids = LONG_TAIL[slots]
    partners = np.concatenate([balanced(class_ids, copy) for copy in range(40)])
    bases = np.tile(class_ids, 40)
    for base_class in range(3):
        counts = np.bincount(class_ids[partners[bases == base_class]], minlength=4)
        assert stats.chisquare(counts).pvalue > 1e-3
    assert set(class_ids[partners[bases == 3]]) == {0, 1, 2}
    rare = np.flatnonzero(class_ids == 2)
    drawn = partners[(class_ids[partners] == 2) & (bases == 0)]
    assert stats.chisquare(np.bincount(np.searchsorted(rare, drawn), minlength=10)).pvalue > 1e-3


def test_pairings_are_pinned() -> None:
    class_ids = np.array([0, 0, 1, 0, 2, 1, 0, 0], np.int32)
    assert balanced(class_ids, 0, 7).tolist() == [6, 7, 5, 6, 5, 4, 4, 2]
    assert pair_near_label(bits([1, 2, 2.5, 9, 3, 0, 4, 4]), 1, 7, (), bandwidth=1.0).tolist() == [
        1,
        2,
        1,
        7,
        1,
        2,
        4,
        6,
    ]


def test_near_labels_are_drawn_as_c_mixup_draws_them() -> None:
    """Against all N x N probabilities."""
    values, width, copies = np.array([0, 0.1, 0.5, 1.0, 1.1, 2.0, 2.05, 3.0]), 0.5, 4000
    drawn = np.stack([pair_near_label(bits(values), copy, 3, (), bandwidth=width) for copy in range(copies)])
    exact = values.astype(np.float32).astype(np.float64)
    chance = np.exp(-0.5 * ((exact[:, None] - exact) / width) ** 2)
    chance[np.abs(exact[:, None] - exact) > 4 * width] = 0
    np.fill_diagonal(chance, 0)
    chance /= chance.sum(1, keepdims=True)
    for slot, expected in enumerate(chance):
        counts = np.bincount(drawn[:, slot], minlength=len(values))
        possible = expected > 0
        assert counts[~possible].sum() == 0
        likely = expected * copies > 5
        scaled = expected[likely] / expected[likely].sum() * counts[likely].sum()
        assert stats.chisquare(counts[likely], scaled).pvalue > 1e-4


def test_who_has_nobody_in_reach_gets_the_nearest() -> None:
    assert pair_near_label(bits([0, 100, 250, 1000]), 0, 0, (), bandwidth=1e-3).tolist() == [1, 0, 1, 2]


def test_equal_labels_are_at_distance_zero() -> None:
    values = bits([5] * 50 + [7] * 50)
    partners = pair_near_label(values, 0, 0, (), bandwidth=1e-6)
    assert (values[partners] == values).all()
    assert len(np.unique(partners)) > 40


def test_a_large_dataset_has_no_n_by_n_matrix() -> None:
    values = np.random.default_rng(0).standard_normal(300_000).astype(np.float32)
    partners = pair_near_label(values.view(np.int32), 0, 0, (), bandwidth=0.05)
    distance = np.abs(values - values[partners])
    assert 0.03 < np.sqrt((distance**2).mean()) < 0.07


def test_what_cannot_be_paired_is_refused() -> None:
    config = MixConfig(pairing="near-label")
    with pytest.raises(UsageError, match="all labels are 3, so none is nearer: use --pairing any"):
        PAIRINGS["near-label"].check_pairable(bits([3, 3, 3]), config, None)
    with pytest.raises(UsageError, match="--bandwidth is for --pairing near-label"):
        MixConfig(bandwidth=1.0)
