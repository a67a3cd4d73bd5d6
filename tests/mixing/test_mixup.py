"""Mixing: λ follows Beta(alpha, alpha), and the arithmetic equals a slow scalar reference bit for bit."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from mixup_pipeline.mixing.arithmetic import mix_class_ids, mix_images, mix_rgba, mix_vectors
from mixup_pipeline.mixing.draw import draw_mixed
from mixup_pipeline.mixing.methods.mixup import METHOD, draw_lam
from mixup_pipeline.mixing.randomness import BLOCK_SLOTS
from tests.reference import mix_pixels

Floats = npt.NDArray[np.float32]

NUM_DRAWS = 6 * BLOCK_SLOTS
ALPHAS = [0.05, 0.2, 0.4, 1, 8, 32]
EDGE = 1e-6  # closer to 0 or 1, float64 is too coarse for a small alpha: there only the number of draws is tested
LEAST_P = 1e-4

PROPERTY = settings(max_examples=80)
LAMS = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]) | st.floats(0, 1, width=32)


def beta_p_values(lam: npt.NDArray[np.float64], alpha: float) -> dict[str, float]:
    """p values of λ against Beta(alpha, alpha): the shape inside the edges, the number outside, and the mean."""
    beta = stats.beta(alpha, alpha)
    inside = lam[(lam > EDGE) & (lam < 1 - EDGE)]
    below, between = beta.cdf(EDGE), beta.cdf(1 - EDGE) - beta.cdf(EDGE)
    z = (lam.mean() - 0.5) / (beta.std() / np.sqrt(len(lam)))
    return {
        "inside": stats.kstest(inside, lambda x: (beta.cdf(x) - below) / between).pvalue,
        "low edge": stats.binomtest(int((lam <= EDGE).sum()), len(lam), below).pvalue,
        "high edge": stats.binomtest(int((lam >= 1 - EDGE).sum()), len(lam), below).pvalue,
        "mean": 2 * stats.norm.sf(abs(z)),
    }


@pytest.mark.parametrize("alpha", ALPHAS)
def test_lam_follows_beta(alpha: float) -> None:
    lam = draw_lam(0, NUM_DRAWS, alpha=alpha, seed=11, copy=2)
    assert lam.dtype == np.float64
    assert lam.min() >= 0
    assert lam.max() <= 1
    assert min(beta_p_values(lam, alpha).values()) > LEAST_P


@pytest.mark.parametrize("alpha", [alpha for alpha in ALPHAS if alpha != 1])
def test_the_beta_check_rejects_alpha_as_the_rate_of_a_gamma(alpha: float) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.gamma(1, 1 / alpha, (2, NUM_DRAWS))
    assert beta_p_values(first / (first + second), alpha)["inside"] < 1e-12


def test_the_beta_check_rejects_a_folded_lam() -> None:
    lam = draw_lam(0, NUM_DRAWS, alpha=1, seed=11, copy=2)
    p_values = beta_p_values(np.maximum(lam, 1 - lam), 1)
    assert p_values["inside"] < 1e-12
    assert p_values["mean"] < 1e-12


# Made by: draw_lam(0, 3, alpha=0.2, seed=0, copy=0).tolist() with NumPy 2.4
def test_lam_is_pinned() -> None:
    assert draw_lam(0, 3, alpha=0.2, seed=0, copy=0).tolist() == [
        0.9998013985314418,
        0.8543327253300413,
        0.06743618961534742,
    ]


@lru_cache
def all_lams() -> npt.NDArray[np.float64]:
    return draw_lam(0, 3 * BLOCK_SLOTS, alpha=0.4, seed=3, copy=1)


@lru_cache
def all_mixed() -> npt.NDArray[np.bool_]:
    return draw_mixed(0, 3 * BLOCK_SLOTS, prob=0.3, seed=3, copy=1)


@given(st.lists(st.integers(0, 3 * BLOCK_SLOTS), min_size=2, max_size=2, unique=True).map(sorted))
@PROPERTY
def test_draws_of_a_range_are_a_slice_of_all_draws(bounds: list[int]) -> None:
    start, stop = bounds
    np.testing.assert_array_equal(draw_lam(start, stop, alpha=0.4, seed=3, copy=1), all_lams()[start:stop])
    np.testing.assert_array_equal(draw_mixed(start, stop, prob=0.3, seed=3, copy=1), all_mixed()[start:stop])


@pytest.mark.parametrize(("seed", "copy"), [(4, 1), (3, 2)])
def test_other_seeds_and_copies_draw_other_values(seed: int, copy: int) -> None:
    lam = draw_lam(0, 3 * BLOCK_SLOTS, alpha=0.4, seed=seed, copy=copy)
    mixed = draw_mixed(0, 3 * BLOCK_SLOTS, prob=0.3, seed=seed, copy=copy)
    assert abs(stats.pearsonr(lam, all_lams()).statistic) < 0.02
    assert abs(stats.pearsonr(mixed, all_mixed()).statistic) < 0.02


def test_being_mixed_does_not_depend_on_lam() -> None:
    lam, mixed = all_lams(), all_mixed()
    assert stats.ks_2samp(lam[mixed], lam[~mixed]).pvalue > LEAST_P


def blend(lam: np.float32, base: np.generic, partner: np.generic) -> np.float32:
    """Mix one element by the numeric contract: float32, each product and the sum rounded once."""
    one_minus_lam = np.float32(np.float32(1) - lam)
    return np.float32(np.float32(lam * np.float32(base)) + np.float32(one_minus_lam * np.float32(partner)))


def slow_mix(
    examples: npt.NDArray[np.generic], base: npt.NDArray[np.int64], partner: npt.NDArray[np.int64], lam: Floats
) -> list[list[np.float32]]:
    flat = examples.reshape(len(examples), -1)
    return [
        [blend(weight, x, y) for x, y in zip(flat[b], flat[p], strict=True)]
        for b, p, weight in zip(base, partner, lam, strict=True)
    ]


@st.composite
def mixes(
    draw: st.DrawFn, dtype: type[np.generic], shapes: st.SearchStrategy[tuple[int, ...]]
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """Draw (examples, bases, partners, mixing weights) of a few mixes."""
    count = draw(st.integers(1, 4))
    elements = st.floats(-1e6, 1e6, width=32) if dtype is np.float32 else None
    examples = draw(hnp.arrays(dtype, (count, *draw(shapes)), elements=elements))
    rows = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1), LAMS), max_size=6))
    base, partner, lam = np.array(rows).reshape(-1, 3).T
    return examples, base.astype(np.int64), partner.astype(np.int64), lam.astype(np.float32)


@given(mixes(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 3, 4]))))
@PROPERTY
def test_mixed_images_equal_the_slow_reference(
    mix: tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64], Floats],
) -> None:
    mixed = mix_images(*mix)
    assert mixed.dtype == np.uint8
    assert mixed.shape == (len(mix[3]), *mix[0].shape[1:])
    expected = [[round(float(value)) for value in row] for row in slow_mix(*mix)]
    assert mixed.reshape(len(mixed), mix[0][0].size).tolist() == expected


@given(mixes(np.float32, st.tuples(st.integers(1, 8))))
@PROPERTY
def test_mixed_vectors_equal_the_slow_reference(
    mix: tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int64], Floats],
) -> None:
    mixed = mix_vectors(*mix)
    assert mixed.dtype == np.float32
    assert mixed.shape == (len(mix[3]), mix[0].shape[1])
    expected = np.array(slow_mix(*mix), np.float32).reshape(mixed.shape)
    np.testing.assert_array_equal(mixed.view(np.uint32), expected.view(np.uint32))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), LAMS), max_size=6))
@PROPERTY
def test_mixed_class_ids_equal_the_slow_reference(rows: list[tuple[int, int, float]]) -> None:
    base, partner = np.array([row[:2] for row in rows], np.int32).reshape(-1, 2).T
    label = mix_class_ids(base, partner, np.array([row[2] for row in rows], np.float32), num_classes=6)
    expected = np.zeros((len(rows), 6), np.float32)
    for number, (first, second, weight) in enumerate(rows):
        lam = np.float32(weight)
        expected[number, first] = lam
        expected[number, second] = np.float32(expected[number, second] + np.float32(np.float32(1) - lam))
    assert label.dtype == np.float32
    np.testing.assert_array_equal(label, expected)
    np.testing.assert_allclose(label.sum(axis=1), 1, atol=1e-7)


def test_pairs_of_one_class_give_a_hard_label_for_every_lam() -> None:
    lam = all_lams().astype(np.float32)
    classes = np.ones(len(lam), np.int32)
    np.testing.assert_array_equal(mix_class_ids(classes, classes, lam, num_classes=3), [[0, 1, 0]] * len(lam))


@pytest.mark.parametrize(
    ("lam", "base", "partner", "mixed"),
    [
        (0.5, 0, 1, 0),
        (0.5, 1, 2, 2),
        (0.5, 2, 3, 2),
        (0.5, 254, 255, 254),
        (0.25, 2, 0, 0),
        (0.25, 6, 0, 2),
        (0.75, 2, 0, 2),
        (0.1, 255, 255, 255),
        (0.7, 255, 254, 255),
        (0.3, 255, 254, 254),
    ],
)
def test_images_are_rounded_half_to_even(lam: float, base: int, partner: int, mixed: int) -> None:
    examples = np.array([[base], [partner]], np.uint8)
    one = mix_images(examples, np.array([0]), np.array([1]), np.array([lam], np.float32))
    assert one.tolist() == [[mixed]]


def test_rounding_does_not_shift_the_mean_of_images() -> None:
    examples = np.random.default_rng(1).integers(0, 256, (400, 30, 30), np.uint8)
    base, partner = np.arange(400), (np.arange(400) + 1) % 400
    lam = all_lams()[:400].astype(np.float32)
    bias = mix_images(examples, base, partner, lam) - mix_vectors(
        examples.reshape(400, -1), base, partner, lam
    ).reshape(examples.shape)
    assert abs(bias.mean()) < 0.01


@pytest.mark.parametrize(("lam", "source"), [(1, "base"), (0, "partner")])
def test_lam_of_one_or_zero_copies_an_example_exactly(lam: int, source: str) -> None:
    rows = {"base": np.repeat(np.arange(256), 256), "partner": np.tile(np.arange(256), 256)}
    lams = np.full(256 * 256, lam, np.float32)
    images = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    vectors = np.linspace(-3e38, 3e38, 256, dtype=np.float32)[:, None]
    labels = mix_class_ids(rows["base"].astype(np.int32), rows["partner"].astype(np.int32), lams, num_classes=256)
    np.testing.assert_array_equal(mix_images(images, rows["base"], rows["partner"], lams), images[rows[source]])
    np.testing.assert_array_equal(mix_vectors(vectors, rows["base"], rows["partner"], lams), vectors[rows[source]])
    np.testing.assert_array_equal(labels.argmax(axis=1), rows[source])


@pytest.mark.parametrize("shape", [(1, 1, 1), (28, 28, 1), (200, 200, 3)])
def test_tiles_do_not_change_the_mix(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(2)
    examples = rng.integers(0, 256, (7, *shape), np.uint8)
    base, partner = rng.integers(0, 7, (2, 200))
    lam = rng.beta(0.2, 0.2, 200).astype(np.float32)
    mixed = mix_images(examples, base, partner, lam)
    for row in range(0, 200, 7):
        one = slice(row, row + 1)
        np.testing.assert_array_equal(mixed[one], mix_images(examples, base[one], partner[one], lam[one]))


def test_mixing_leaves_its_arguments_alone() -> None:
    examples = np.arange(8, dtype=np.float32).reshape(4, 2)
    lam, base, partner = np.full(4, 0.3, np.float32), np.arange(4), np.arange(4)[::-1].copy()
    before = [array.copy() for array in (examples, base, partner, lam)]
    mix_vectors(examples, base, partner, lam)
    for array, old in zip((examples, base, partner, lam), before, strict=True):
        np.testing.assert_array_equal(array, old)


@PROPERTY
@given(
    hnp.arrays(np.uint8, (3, 2, 3, 4), elements=st.sampled_from([0, 1, 2, 77, 128, 254, 255])),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), LAMS), min_size=1, max_size=6),
)
def test_mixed_rgba_equals_the_slow_reference(
    examples: npt.NDArray[np.uint8], rows: list[tuple[int, int, float]]
) -> None:
    base, partner = (np.array([row[side] for row in rows]) for side in (0, 1))
    lam = np.array([row[2] for row in rows], np.float32)
    mixed = mix_rgba(examples, base, partner, lam)
    for row, (one, other) in enumerate(zip(base, partner, strict=True)):
        assert mixed[row].tobytes() == mix_pixels(examples[one], examples[other], lam[row])


def test_a_colour_that_a_transparent_pixel_hides_does_not_show() -> None:
    hidden, seen = [255, 0, 0, 0], [0, 0, 200, 255]
    examples = np.array([hidden, seen], np.uint8).reshape(2, 1, 1, 4)
    for lam in (0.25, 0.5, 0.75):
        mixed = METHOD.mix(examples, np.array([0]), np.array([1]), np.array([lam], np.float32), {})
        assert mixed[0, 0, 0].tolist() == [0, 0, 200, round((1 - lam) * 255)]


def test_rgba_left_unmixed_is_unchanged_whatever_its_opacity() -> None:
    examples = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 4)).astype(np.uint8)
    examples[..., 3] *= (np.arange(16).reshape(4, 4) % 3 > 0).astype(np.uint8)
    rows = np.arange(5)
    assert (mix_rgba(examples, rows, rows, np.ones(5, np.float32)) == examples).all()


def test_opaque_rgba_is_mixed_as_rgb() -> None:
    examples = np.random.default_rng(1).integers(0, 256, (4, 6, 5, 4)).astype(np.uint8)
    examples[..., 3] = 255
    base, partner, lam = np.arange(4), np.array([1, 2, 3, 0]), np.array([0.2, 0.5, 0.75, 1], np.float32)
    mixed, rgb = mix_rgba(examples, base, partner, lam), mix_images(examples[..., :3].copy(), base, partner, lam)
    assert (mixed[..., 3] == 255).all()
    assert np.abs(mixed[..., :3].astype(int) - rgb).max() <= 1  # the quotient may round the other way at a half
