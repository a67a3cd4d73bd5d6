"""Draw: which examples are mixed, and that an unmixed one has λ = 1, is its own partner and drew nothing else."""

import numpy as np
import pytest
from scipy import stats

from mixup_pipeline.mixing.draw import Draw, draw_mixed
from mixup_pipeline.mixing.methods import Drawn, Method
from mixup_pipeline.mixing.randomness import BLOCK_SLOTS

NUM_DRAWS = 6 * BLOCK_SLOTS
LEAST_P = 1e-4
EXTRA = {
    "mixup/box": np.array([[1, 2], [3, 4], [5, 6], [7, 8]]),
    "mixup/noise": np.array([0.1, 0.2, 0.3, 0.4], np.float32),
}


def test_what_is_not_mixed_and_what_meets_itself_stays_as_it_is() -> None:
    base, partner = np.arange(4) + 10, np.array([12, 11, 10, 13])
    mixed = np.array([True, True, False, True])  # 11 and 13 are their own partners
    draw = Draw.of(base, partner, Drawn(np.array([0.25, 0.5, 0.75, 0.125]), EXTRA), mixed)
    assert draw.base.tolist() == base.tolist()
    assert draw.partner.tolist() == [12, 11, 12, 13]
    assert (str(draw.lam.dtype), draw.lam.tolist()) == ("float32", [0.25, 1, 1, 1])
    assert {key: values.dtype for key, values in draw.extra.items()} == {
        key: values.dtype for key, values in EXTRA.items()
    }
    assert draw.extra["mixup/box"].tolist() == [[1, 2], [0, 0], [0, 0], [0, 0]]
    assert draw.extra["mixup/noise"].tolist() == [EXTRA["mixup/noise"][0], 0, 0, 0]


def test_an_unmixed_draw_has_every_field_of_its_method() -> None:
    method = Method(draw=None, mix=None, fields={"mixup/box": ("int64", (2,)), "mixup/noise": ("float32", ())})  # type: ignore[arg-type]
    draw = Draw.unmixed(np.array([3, 5, 4]), method)
    assert draw.base.tolist() == draw.partner.tolist() == [3, 5, 4]
    assert (str(draw.lam.dtype), draw.lam.tolist()) == ("float32", [1, 1, 1])
    found = {key: (str(values.dtype), values.shape, bool(values.any())) for key, values in draw.extra.items()}
    assert found == {"mixup/box": ("int64", (3, 2), False), "mixup/noise": ("float32", (3,), False)}


@pytest.mark.parametrize("rows", [slice(1, 3), np.array([3, 0])])
def test_rows_of_a_draw(rows: "slice | np.ndarray[tuple[int], np.dtype[np.int64]]") -> None:
    base = np.arange(4)
    part = Draw(base=base, partner=base[::-1], lam=np.float32(base / 8), extra=EXTRA)[rows]
    assert part.base.tolist() == base[rows].tolist()
    assert part.partner.tolist() == base[::-1][rows].tolist()
    assert part.lam.tolist() == (base[rows] / 8).tolist()
    assert {key: values.tolist() for key, values in part.extra.items()} == {
        key: values[rows].tolist() for key, values in EXTRA.items()
    }


@pytest.mark.parametrize("prob", [0.01, 0.3, 0.5, 0.999])
def test_mixed_share_is_prob(prob: float) -> None:
    mixed = draw_mixed(0, NUM_DRAWS, prob=prob, seed=1, copy=0)
    assert mixed.dtype == np.bool_
    assert stats.binomtest(int(mixed.sum()), NUM_DRAWS, prob).pvalue > LEAST_P


@pytest.mark.parametrize("prob", [0.0, 1.0])
def test_prob_of_zero_or_one_decides_every_slot(prob: float) -> None:
    assert set(draw_mixed(0, NUM_DRAWS, prob=prob, seed=1, copy=0).tolist()) == {bool(prob)}


# Made by: draw_mixed(0, 12, prob=0.3, seed=0, copy=1).astype(int).tolist()
def test_who_is_mixed_is_pinned() -> None:
    assert draw_mixed(0, 12, prob=0.3, seed=0, copy=1).astype(int).tolist() == [0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0]
