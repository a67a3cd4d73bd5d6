"""Pairing: the properties of every policy, checked by brute force, and the uniformity of the pairs."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from mixup_pipeline.config import MixConfig
from mixup_pipeline.config.registry import PAIRINGS
from mixup_pipeline.errors import UsageError
from mixup_pipeline.mixing.pairing import ClassIds, Partners, Policy
from mixup_pipeline.mixing.pairing.any import pair_any
from mixup_pipeline.mixing.pairing.cross_class import check_cross_class
from mixup_pipeline.mixing.pairing.ring import ring_shift
from mixup_pipeline.mixing.randomness import permutation

PROPERTY = settings(max_examples=100)
SEEDS = st.integers(0, 2**63 - 1)
LEAST_P = 1e-4


def pair_copies(policy: str, class_ids: ClassIds, copies: int, seed: int) -> list[Partners]:
    """The pairings of all copies. Each gets the earlier ones as its argument."""
    earlier: list[Partners] = []
    for copy in range(copies):
        chosen: Policy = PAIRINGS[policy]
        earlier.append(chosen.partners(class_ids, copy, MixConfig(seed=seed), earlier))
    return earlier


def as_class_ids(class_ids: Sequence[int]) -> ClassIds:
    return np.array(class_ids, np.int32)


def ring_of(slot: int, class_ids: ClassIds, policy: str) -> int:
    """The number of examples in the ring of this slot, itself included."""
    return len(class_ids) if policy == "any" else int((class_ids == class_ids[slot]).sum())


ANY_CLASS_IDS = st.one_of(
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
    st.integers(1, 40).map(lambda size: [7] * size),
    st.integers(1, 40).map(lambda size: list(range(size))),
    st.lists(st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1, 2**31 - 1]), min_size=1, max_size=40),
).map(as_class_ids)


@st.composite
def balanced_enough_class_ids(draw: st.DrawFn) -> ClassIds:
    """Class ids that cross-class pairing allows. Often one class holds exactly half of them."""
    others = draw(st.lists(st.integers(1, 4), min_size=1, max_size=20))
    zeros = draw(st.sampled_from([len(others), draw(st.integers(0, len(others)))]))
    class_ids = draw(st.permutations([0] * zeros + others))
    missing = 2 * max(Counter(class_ids).values()) - len(class_ids)
    return as_class_ids([*class_ids, *[9] * missing])


# Properties of every policy


@given(ANY_CLASS_IDS, st.sampled_from(["any", "within-class"]), st.integers(0, 100), SEEDS)
@PROPERTY
def test_any_and_within_class_are_bijections(class_ids: ClassIds, policy: str, copy: int, seed: int) -> None:
    partners = PAIRINGS[policy].pair(class_ids, copy, seed, [])
    assert partners.dtype == np.int64
    assert sorted(partners.tolist()) == list(range(len(class_ids)))


@given(ANY_CLASS_IDS, st.integers(0, 100), SEEDS)
@PROPERTY
def test_any_never_pairs_an_example_with_itself(class_ids: ClassIds, copy: int, seed: int) -> None:
    partners = PAIRINGS["any"].pair(class_ids, copy, seed, [])
    if len(class_ids) == 1:
        assert partners.tolist() == [0]
    else:
        assert not (partners == np.arange(len(class_ids))).any()


@given(ANY_CLASS_IDS, st.integers(0, 100), SEEDS)
@PROPERTY
def test_within_class_pairs_members_of_one_class(class_ids: ClassIds, copy: int, seed: int) -> None:
    partners = PAIRINGS["within-class"].pair(class_ids, copy, seed, [])
    sizes = Counter(class_ids.tolist())
    for slot, partner in enumerate(partners.tolist()):
        assert class_ids[partner] == class_ids[slot]
        assert (partner == slot) == (sizes[int(class_ids[slot])] == 1)


@given(balanced_enough_class_ids(), st.integers(1, 6), SEEDS)
@example(as_class_ids([0, 1]), 4, 0)
@example(as_class_ids([0, 0, 1, 1]), 6, 1)
@example(as_class_ids([0] * 20 + [1] * 20), 6, 2)
@example(as_class_ids([0] * 20 + list(range(1, 21))), 6, 3)
@example(as_class_ids(range(40)), 6, 4)
@PROPERTY
def test_cross_class_is_a_bijection_between_different_classes(class_ids: ClassIds, copies: int, seed: int) -> None:
    for partners in pair_copies("cross-class", class_ids, copies, seed):
        assert partners.dtype == np.int64
        assert sorted(partners.tolist()) == list(range(len(class_ids)))
        assert not (class_ids[partners] == class_ids).any()


ONE_TO_ONE = ["any", "within-class", "cross-class", "cross-group", "within-group"]
"""The others draw partners with replacement: tests/mixing/test_drawn_pairings.py."""


def test_every_policy_is_tested() -> None:
    assert {*ONE_TO_ONE, "class-balanced", "near-label"} == set(PAIRINGS)


@pytest.mark.parametrize("policy", ONE_TO_ONE)
@pytest.mark.parametrize("size", [2, 3, 10, 101])
def test_every_policy_pairs_one_example_per_class_from_the_smallest_sizes(policy: str, size: int) -> None:
    partners = PAIRINGS[policy].pair(as_class_ids(range(size)), 0, 5, [])
    alone = policy.startswith("within")
    assert sorted(partners.tolist()) == list(range(size))
    assert ((partners == np.arange(size)) == alone).all()


@given(balanced_enough_class_ids(), st.sampled_from(list(PAIRINGS)), SEEDS)
@PROPERTY
def test_a_copy_does_not_depend_on_how_many_copies_are_made(class_ids: ClassIds, policy: str, seed: int) -> None:
    before = class_ids.copy()
    few, many = pair_copies(policy, class_ids, 2, seed), pair_copies(policy, class_ids, 5, seed)
    for pairing, same in zip(few, many, strict=False):
        np.testing.assert_array_equal(pairing, same)
    np.testing.assert_array_equal(class_ids, before)


def test_class_ids_do_not_matter_to_any() -> None:
    first, second = (pair_any(as_class_ids([class_id] * 30), 1, 4, []) for class_id in (0, -1))
    np.testing.assert_array_equal(first, second)


# Made by: [partners.tolist() for partners in pair_copies(policy, class_ids, 2, 1)]
@pytest.mark.parametrize(
    ("policy", "golden"),
    [
        ("any", [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0], [4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3]]),
        ("within-class", [[9, 4, 0, 10, 8, 2, 5, 3, 11, 6, 7, 1], [5, 11, 6, 7, 1, 9, 0, 10, 4, 2, 3, 8]]),
        ("cross-class", [[3, 7, 11, 0, 9, 1, 10, 5, 6, 8, 4, 2], [11, 2, 1, 4, 5, 10, 7, 8, 0, 3, 9, 6]]),
    ],
)
def test_pairings_are_pinned(policy: str, golden: list[list[int]]) -> None:
    class_ids = as_class_ids([0, 1, 0, 2, 1, 0, 0, 2, 1, 0, 2, 1])
    assert [partners.tolist() for partners in pair_copies(policy, class_ids, 2, 1)] == golden


# Made by: pair_copies("cross-class", class_ids, 1, 14)[0].tolist(); with this seed a same-class pair is left to repair
def test_an_exactly_repaired_pairing_is_pinned() -> None:
    class_ids = as_class_ids([0, 1, 0, 2, 1, 0, 0, 2, 1, 0, 2, 1])
    assert pair_copies("cross-class", class_ids, 1, 14)[0].tolist() == [11, 10, 1, 9, 3, 4, 7, 0, 6, 8, 5, 2]


# Cross-class pairing that is impossible


@given(ANY_CLASS_IDS)
@PROPERTY
def test_cross_class_is_refused_only_where_one_class_holds_more_than_half(class_ids: ClassIds) -> None:
    if 2 * max(Counter(class_ids.tolist()).values()) > len(class_ids):
        with pytest.raises(UsageError, match="cross-class"):
            PAIRINGS["cross-class"].pair(class_ids, 0, 1, [])
    else:
        check_cross_class(class_ids, 1)
        PAIRINGS["cross-class"].pair(class_ids, 0, 1, [])


def test_the_refusal_names_the_class_the_counts_and_what_to_do() -> None:
    with pytest.raises(UsageError) as raised:
        PAIRINGS["cross-class"].pair(as_class_ids([3] * 1501 + [1] * 1000 + [2] * 500), 0, 0, [])
    assert str(raised.value) == (
        "--pairing cross-class needs every class to hold at most half of the examples, but class 3 holds 1,501 of "
        "3,001: use --pairing any or within-class"
    )


# Different partners in different copies


@given(ANY_CLASS_IDS, st.sampled_from(["any", "within-class"]), SEEDS)
@PROPERTY
def test_copies_use_different_partners_until_all_have_been_met(class_ids: ClassIds, policy: str, seed: int) -> None:
    copies = pair_copies(policy, class_ids, len(class_ids), seed)
    for slot in range(len(class_ids)):
        ring = ring_of(slot, class_ids, policy)
        met = [int(pairing[slot]) for pairing in copies[: max(1, ring - 1)]]
        assert len(set(met)) == len(met)


@given(ANY_CLASS_IDS, st.sampled_from(["any", "within-class"]), SEEDS)
@PROPERTY
def test_the_first_copies_never_bring_the_same_two_examples_together(
    class_ids: ClassIds, policy: str, seed: int
) -> None:
    copies = pair_copies(policy, class_ids, len(class_ids), seed)
    pairs: Counter[frozenset[int]] = Counter()
    for slot in range(len(class_ids)):
        ring = ring_of(slot, class_ids, policy)
        pairs.update(frozenset((slot, int(pairing[slot]))) for pairing in copies[: (ring - 1) // 2])
    assert set(pairs.values()) <= {1}


@pytest.mark.parametrize("seed", [0, 1])
def test_cross_class_copies_use_different_partners(seed: int) -> None:
    class_ids = as_class_ids(np.random.default_rng(seed).integers(0, 10, 2000).tolist())
    copies = pair_copies("cross-class", class_ids, 10, seed)
    for first, second in combinations(copies, 2):
        assert not (first == second).any()


@pytest.mark.parametrize("sizes", [(1000, 1000), (1000, 500, 500)])
def test_cross_class_copies_use_different_partners_where_one_class_holds_half(sizes: tuple[int, ...]) -> None:
    class_ids = as_class_ids(np.repeat(np.arange(len(sizes)), sizes).tolist())
    copies = pair_copies("cross-class", class_ids, 10, 0)
    assert sum(int((first == second).sum()) for first, second in combinations(copies, 2)) == 0


@pytest.mark.parametrize("size", range(2, 51))
def test_ring_shift_takes_every_shift_once_and_starts_again(size: int) -> None:
    shifts = [ring_shift(size, copy, 3, "ring", size) for copy in range(2 * (size - 1))]
    half = (size - 1) // 2
    assert sorted(shifts[: size - 1]) == list(range(1, size))
    assert shifts[size - 1 :] == shifts[: size - 1]
    assert len({min(shift, size - shift) for shift in shifts[:half]}) == half


@pytest.mark.parametrize("size", [(1 << 16) + 2, (1 << 17) + 4, 200_003, 400_000_000])
def test_ring_shift_of_a_large_ring_never_repeats_a_shift_or_its_mirror(size: int) -> None:
    shifts = [ring_shift(size, copy, 3, "ring") for copy in range(200)]
    assert all(0 < shift < size for shift in shifts)
    assert len({min(shift, size - shift) for shift in shifts}) == 200


def test_classes_of_one_size_turn_by_shifts_of_their_own() -> None:
    class_ids = as_class_ids([0, 1] * 50)
    shifts = [(pairing[0] // 2, (pairing[1] - 1) // 2) for pairing in pair_copies("within-class", class_ids, 49, 2)]
    assert sum(int(first == second) for first, second in shifts) < 10


# Uniformity


def assert_uniform(counts: Sequence[int] | npt.NDArray[np.int64]) -> None:
    assert stats.chisquare(counts).pvalue > LEAST_P


@pytest.mark.parametrize("copy", [0, 2])
@pytest.mark.parametrize("num_slots", [7, 11])
def test_the_shift_of_any_is_uniform_over_seeds(num_slots: int, copy: int) -> None:
    shifts = Counter(ring_shift(num_slots, copy, seed, "shift") for seed in range(4000))
    assert_uniform([shifts[shift] for shift in range(1, num_slots)])


def test_the_shift_of_a_large_ring_is_uniform_over_seeds() -> None:
    size = (1 << 18) + 1
    shifts = [ring_shift(size, 1, seed, "shift") for seed in range(4000)]
    assert_uniform(np.histogram(shifts, 20, (1, size))[0])


@pytest.mark.parametrize("copy", [0, 1])
@pytest.mark.parametrize(
    ("policy", "fitting"),
    [
        ("any", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        ("within-class", [3, 6, 9]),
        ("cross-class", [1, 2, 4, 5, 7, 8, 10, 11]),
    ],
)
def test_an_example_meets_every_fitting_partner_equally_often(policy: str, fitting: list[int], copy: int) -> None:
    class_ids = as_class_ids([0, 1, 2] * 4)
    counts: Counter[int] = Counter()
    for seed in range(2000):
        examples = permutation(12, seed, "slots")  # the example in each slot
        partners = pair_copies(policy, class_ids[examples], copy + 1, seed)[copy]
        counts[int(examples[partners[examples == 0][0]])] += 1
    assert set(counts) <= set(fitting)
    assert_uniform([counts[partner] for partner in fitting])


def test_cross_class_meets_every_pair_of_balanced_classes_equally_often() -> None:
    class_ids = as_class_ids(list(range(10)) * 30)
    counts = np.zeros((10, 10), np.int64)
    for seed in range(60):
        np.add.at(counts, (class_ids, class_ids[PAIRINGS["cross-class"].pair(class_ids, 0, seed, [])]), 1)
    assert_uniform(counts[~np.eye(10, dtype=bool)])


def test_cross_class_meets_the_other_classes_by_their_size() -> None:
    class_ids = as_class_ids(
        [0] * 50 + [1] * 30 + [2] * 15 + [3] * 5
    )  # class 0 holds half, so all its partners are of other classes
    counts: Counter[int] = Counter()
    for seed in range(400):
        partners = PAIRINGS["cross-class"].pair(class_ids, 0, seed, [])
        counts[int(class_ids[partners[permutation(50, seed, "test")[0]]])] += 1
    assert stats.chisquare([counts[class_id] for class_id in (1, 2, 3)], [240, 120, 40]).pvalue > LEAST_P


def test_the_two_uses_of_an_example_are_as_far_apart_as_two_random_positions() -> None:
    num_slots, slot = 60, 17
    class_ids = np.zeros(num_slots, np.int32)
    distances = []
    for seed in range(8000):
        position = np.argsort(
            permutation(num_slots, seed, "order", 0, 0, 1)
        )  # of every slot, in the order of its shard
        partners = pair_any(class_ids, 0, seed, [])
        base_of = int(np.flatnonzero(partners == slot)[0])
        distances.append(abs(int(position[slot] - position[base_of])))
    apart = np.arange(1, num_slots)
    expected = 2 * (num_slots - apart) / (num_slots * (num_slots - 1)) * len(distances)
    counts = np.bincount(distances, minlength=num_slots)
    assert counts[0] == 0
    bins = np.arange(0, num_slots - 1, 4)
    assert stats.chisquare(np.add.reduceat(counts[1:], bins), np.add.reduceat(expected, bins)).pvalue > LEAST_P
