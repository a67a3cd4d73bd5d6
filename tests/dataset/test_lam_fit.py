"""The test of λ: Beta passes, other distributions fail; the λ that it reads are those in the shards."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline import MixConfig, augment
from mixup_pipeline.dataset.lam_fit import LamFit, fit_lam, lam_fit_of, read_lam
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.errors import OutputError, RecordError
from mixup_pipeline.mixing.methods.mixup import draw_lam
from tests.damage import replace_record
from tests.datasets import write_tfds
from tests.mixed import KINDS, Mixed
from tests.reference import read_output


def drawn(alpha: float, count: int = 20_000) -> npt.NDArray[np.float32]:
    return draw_lam(0, count, alpha=alpha, seed=0, copy=0).astype(np.float32)


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.2, 0.4, 1, 8, 1000])
def test_beta_fits(alpha: float) -> None:
    lam = drawn(alpha)
    fit = fit_lam(lam, alpha)
    assert fit is not None
    assert fit.fits
    assert fit.tested == np.count_nonzero((lam > 1e-6) & (lam < 1 - 1e-6))


@pytest.mark.parametrize(
    ("lam", "alpha"),
    [
        (np.random.default_rng(0).random(20_000, np.float32), 0.2),  # uniform, as from a Gamma with a wrong rate
        (np.random.default_rng(0).random(2000, np.float32), 0.4),
        (drawn(0.2), 0.25),
        (drawn(0.2), 1),
        (np.maximum(drawn(0.2), 1 - drawn(0.2)), 0.2),  # folded
        (np.sort(drawn(0.2))[:15_000], 0.2),  # without the large ones
        (np.round(drawn(0.2), 1), 0.2),
    ],
    ids=["uniform", "few uniform", "0.2 for 0.25", "0.2 for 1", "folded", "cut", "rounded"],
)
def test_other_distributions_do_not_fit(lam: npt.NDArray[np.float32], alpha: float) -> None:
    fit = fit_lam(lam, alpha)
    assert fit is not None
    assert not fit.fits
    assert fit.p_value < 1e-3


@pytest.mark.parametrize(("inside", "tested"), [(0, None), (49, None), (50, 50)])
def test_too_few_are_not_tested(inside: int, tested: int | None) -> None:
    """At the ends, float32 has lost the distance of λ to 0 or 1, so these λ are not tested."""
    lam = np.concatenate([np.full(inside, 0.5), np.zeros(99), np.ones(99), np.full(9, 1e-7), np.full(9, 1 - 2e-7)])
    fit = fit_lam(lam.astype(np.float32), 0.2)
    assert (None if fit is None else fit.tested) == tested


@pytest.mark.parametrize(("p_value", "fits"), [(0.0, False), (0.0099, False), (0.01, True), (1.0, True)])
def test_it_fits_from_the_level_of_significance(p_value: float, fits: bool) -> None:
    assert LamFit(tested=99, statistic=0.1, p_value=p_value).fits == fits


# Reading


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most", [1, 5, 10_000])
def test_the_first_lam_of_every_shard_are_read(mixed: Callable[[str], Mixed], kind: str, most: int) -> None:
    made = mixed(kind)
    shards = [shard.name for shard in made.manifest.shards if shard.copy is not None]
    per_shard = -(-most // len(shards))
    lam = {name: [record.lam for record in read_output(made.out) if record.shard == name] for name in shards}
    assert read_lam(made.out, made.manifest, most).tolist() == [x for name in shards for x in lam[name][:per_shard]]


def test_of_many_shards_a_hundred_at_most_are_read(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0", num_examples=110, shape=(1, 1, 1))
    augment(str(dataset.folder), tmp_path / "out", MixConfig(num_shards=110))
    lam = [record.lam for record in read_output(tmp_path / "out")]
    assert read_lam(tmp_path / "out", read_manifest(tmp_path / "out"), 10_000).tolist() == lam[::2]


def test_the_lam_of_a_dataset_are_tested(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0", num_examples=200, shape=(1, 1, 1))
    augment(str(dataset.folder), tmp_path / "out", MixConfig(copies=5, keep_originals=True, prob=0.8))
    manifest = read_manifest(tmp_path / "out")
    fit = lam_fit_of(tmp_path / "out", manifest)
    assert fit is not None
    assert fit.fits
    assert 600 < fit.tested <= manifest.totals.mixed
    wrong = lam_fit_of(tmp_path / "out", msgspec.structs.replace(manifest, config=replace(manifest.config, alpha=1.0)))
    assert wrong is not None
    assert not wrong.fits


def test_records_without_lam_and_missing_shards_are_named(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    made = mixed("raw").copy(tmp_path)
    replace_record(made.shards[1], 2, b"no example at all")
    with pytest.raises(
        RecordError, match=rf"^{made.shards[1].name}: record 2 at byte \d+: has no mixup/lam at its end$"
    ):
        read_lam(made.out, made.manifest, 1000)
    made.shards[0].unlink()
    with pytest.raises(OutputError, match=rf"^{made.shards[0]}: cannot be read"):
        read_lam(made.out, made.manifest, 1000)
