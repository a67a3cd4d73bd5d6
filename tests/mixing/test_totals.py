"""Totals: counts, histogram, class pairs and label mass equal brute force; the sum of shards equals the whole."""

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixup_pipeline.config.typed_json import from_json, to_json
from mixup_pipeline.mixing.totals import LAM_BINS, MAX_PAIR_CLASSES, NEARLY_UNMIXED, ShardTotals, Totals, combine

NUM_CLASSES = 4
ROWS = st.lists(
    st.tuples(
        st.floats(0, 1, width=32) | st.sampled_from([0.0, 0.5, 1.0]),
        st.booleans(),
        st.integers(0, NUM_CLASSES - 1),
        st.integers(0, NUM_CLASSES - 1),
    ),
    max_size=30,
)
Row = tuple[float, bool, int, int]


def totals_of(rows: list[Row]) -> ShardTotals:
    """The totals of rows (λ, whether mixed, base class, partner class).

    Unmixed rows get λ = 1 and their base as partner.
    """
    rows = [row if row[1] else (1.0, False, row[2], row[2]) for row in rows]
    lam, mixed, base, partner = zip(*rows, strict=True) if rows else ((), (), (), ())
    return ShardTotals.of(
        np.array(lam, np.float32),
        np.array(mixed, bool),
        class_ids=(np.array(base, np.int32), np.array(partner, np.int32)),
        num_classes=NUM_CLASSES,
    )


def slow_totals(rows: list[Row]) -> dict[str, Any]:
    drawn = [(lam, base, partner) for lam, mixed, base, partner in rows if mixed]
    pairs = Counter((base, partner) for _, base, partner in drawn)
    histogram = Counter(min(LAM_BINS - 1, int(np.floor(np.float64(lam) * LAM_BINS))) for lam, _, _ in drawn)
    mass = [0.0] * NUM_CLASSES
    for lam, mixed, base, partner in rows:
        mass[base] += lam if mixed else 1
        mass[partner] += 1 - lam if mixed else 0
    return {
        "examples": len(rows),
        "mixed": len(drawn),
        "unmixed": len(rows) - len(drawn),
        "originals": 0,
        "nearly_unmixed": sum(lam < NEARLY_UNMIXED or lam > 1 - NEARLY_UNMIXED for lam, _, _ in drawn),
        "lam_mean": sum(lam for lam, _, _ in drawn) / len(drawn) if drawn else None,
        "lam_histogram": [histogram[number] for number in range(LAM_BINS)],
        "class_pairs": [[pairs[base, partner] for partner in range(NUM_CLASSES)] for base in range(NUM_CLASSES)],
        "base_counts": [sum(base == class_id for _, _, base, _ in rows) for class_id in range(NUM_CLASSES)],
        "label_mass": mass,
    }


@given(ROWS)
@settings(max_examples=100)
def test_totals_equal_the_slow_reference(rows: list[Row]) -> None:
    totals, expected = to_json(combine([totals_of(rows)], num_classes=NUM_CLASSES)), slow_totals(rows)
    assert totals.pop("lam_mean") == pytest.approx(expected.pop("lam_mean"))
    assert totals.pop("label_mass") == pytest.approx(expected.pop("label_mass"))
    assert totals == expected


@given(ROWS, st.lists(st.integers(0, 30), max_size=4).map(sorted))
@settings(max_examples=60)
def test_the_totals_of_shards_add_up_to_those_of_the_whole(rows: list[Row], cuts: list[int]) -> None:
    parts = [rows[start:stop] for start, stop in pairwise([0, *cuts, max(30, len(rows))])]
    totals = to_json(combine([totals_of(part) for part in parts], num_classes=NUM_CLASSES))
    whole = to_json(combine([totals_of(rows)], num_classes=NUM_CLASSES))
    assert totals.pop("lam_mean") == pytest.approx(whole.pop("lam_mean"))
    assert totals.pop("label_mass") == pytest.approx(whole.pop("label_mass"))
    assert totals == whole


def test_label_mass_sums_to_the_number_of_examples() -> None:
    rows = [(lam, True, base, 3) for base in range(3) for lam in (0.0, 0.1, 0.9, 1.0)]
    mass = combine([totals_of(rows)], num_classes=NUM_CLASSES).label_mass
    assert mass is not None
    assert sum(mass) == pytest.approx(12)


def test_originals_count_as_examples_and_nothing_else() -> None:
    totals = combine([totals_of([(0.5, True, 0, 1)]), ShardTotals.of_originals(7)], num_classes=NUM_CLASSES)
    assert (totals.examples, totals.mixed, totals.unmixed, totals.originals) == (8, 1, 0, 7)
    assert sum(totals.lam_histogram) == 1
    assert totals.label_mass is not None
    assert sum(totals.label_mass) == pytest.approx(1)


def test_soft_labels_have_no_class_pairs_and_no_label_mass() -> None:
    shard = ShardTotals.of(np.array([0.25, 1], np.float32), np.array([True, False]))
    totals = combine([shard, shard], num_classes=NUM_CLASSES)
    assert (totals.mixed, totals.unmixed, totals.lam_mean) == (2, 2, 0.25)
    assert totals.class_pairs is None
    assert totals.label_mass is None


@pytest.mark.parametrize(("num_classes", "counted"), [(MAX_PAIR_CLASSES, True), (MAX_PAIR_CLASSES + 1, False)])
def test_class_pairs_are_left_out_above_the_limit_of_classes(num_classes: int, counted: bool) -> None:
    class_ids = np.array([0, num_classes - 1], np.int32)
    lam = np.array([0.25, 0.25], np.float32)
    shard = ShardTotals.of(lam, lam < 1, class_ids=(class_ids, class_ids[::-1]), num_classes=num_classes)
    totals = combine([shard], num_classes=num_classes)
    assert totals.label_mass is not None
    assert totals.label_mass[0] == totals.label_mass[-1] == 1
    assert (totals.class_pairs is not None) == counted
    if totals.class_pairs is not None:
        assert totals.class_pairs[0][-1] == totals.class_pairs[-1][0] == 1


@pytest.mark.parametrize(("lam", "histogram_bin"), [(0.0, 0), (0.005, 0), (0.5, 50), (0.994, 99), (1.0, 99)])
def test_every_lam_falls_into_the_histogram(lam: float, histogram_bin: int) -> None:
    histogram = combine([totals_of([(lam, True, 0, 1)])], num_classes=NUM_CLASSES).lam_histogram
    assert np.flatnonzero(histogram).tolist() == [histogram_bin]


def test_totals_are_plain_json() -> None:
    totals = combine([totals_of([(0.5, True, 0, 1), (1.0, False, 2, 2)])], num_classes=NUM_CLASSES)
    assert from_json(json.loads(json.dumps(to_json(totals))), Totals) == totals


def test_no_shards_give_empty_totals() -> None:
    totals = combine([], num_classes=NUM_CLASSES)
    assert (totals.examples, totals.lam_mean, totals.class_pairs) == (0, None, None)
