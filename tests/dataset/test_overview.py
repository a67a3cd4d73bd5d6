"""Overview: its numbers equal those computed from the records; a wrong directory is reported."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mixup_pipeline import MixConfig, augment
from mixup_pipeline.dataset.overview import beta_cdf, expected_nearly_unmixed, read_overview
from mixup_pipeline.errors import ManifestError
from tests.damage import cut, edit_json
from tests.datasets import write_tfds
from tests.mixed import KINDS, Mixed
from tests.reference import read_output

ONE_OF_ONE = [0, 0, 1, 2, 2, 2, 2, 2]
TWO_OF_ONE = [0, 1, 3, 3, 3, 3]  # including an empty class


@pytest.mark.parametrize(
    ("labels", "config"),
    [
        (ONE_OF_ONE, MixConfig(pairing="within-class", copies=2)),
        (TWO_OF_ONE, MixConfig(pairing="within-class", copies=3, prob=0.4, keep_originals=True)),
        ([0, 1, 2, 3], MixConfig(pairing="within-class", copies=2)),
        (TWO_OF_ONE, MixConfig(prob=0.5)),
        (ONE_OF_ONE, MixConfig(prob=0)),
        ([0], MixConfig()),
        ([0], MixConfig(pairing="within-class", copies=3, prob=0.4, keep_originals=True)),
    ],
    ids=["class of one", "classes of one, some", "only classes of one", "half", "nothing mixed", "one", "one, some"],
)
def test_why_examples_were_left_unmixed(tmp_path: Path, labels: list[int], config: MixConfig) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0", num_examples=len(labels), labels=labels)
    augment(str(dataset.folder), tmp_path / "out", config)
    overview, sizes = read_overview(tmp_path / "out"), Counter(labels)
    originals = {shard.name for shard in overview.manifest.shards if shard.copy is None}
    unmixed = [r for r in read_output(tmp_path / "out") if r.base_id == r.partner_id and r.shard not in originals]
    alone = [r for r in unmixed if len(labels) == 1 or (config.pairing != "any" and sizes[r.base_label] == 1)]
    assert (overview.alone, overview.by_prob) == (len(alone), len(unmixed) - len(alone))


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_equal_what_the_records_tell(mixed: Callable[[str], Mixed], kind: str) -> None:
    out = mixed(kind).out
    overview = read_overview(out)
    assert overview.faults == []
    originals = {shard.name for shard in overview.manifest.shards if shard.copy is None}
    records = [record for record in read_output(out) if record.shard not in originals]
    drawn = [record for record in records if record.base_id != record.partner_id]
    lam = np.array([record.lam for record in drawn])
    assert overview.num_bytes == sum(path.stat().st_size for path in out.glob("*.tfrecord-*"))
    assert overview.nearly_unmixed == pytest.approx(((lam < 0.05) | (lam > 0.95)).mean())
    assert overview.lam_shares * len(drawn) == pytest.approx(np.histogram(lam, 100, (0, 1))[0])
    if kind == "soft labels":
        assert (overview.classes, overview.pairs) == (None, None)
        return
    assert overview.classes is not None
    assert overview.pairs is not None
    counts = Counter(record.base_label for record in records)
    mass = np.zeros(4)
    for record in records:
        mass[record.base_label] += record.lam
        mass[record.partner_label] += 1 - record.lam
    assert overview.classes.before == pytest.approx([counts[n] / len(records) for n in range(4)])
    assert overview.classes.after == pytest.approx(mass / len(records))
    pairs = Counter((record.base_label, record.partner_label) for record in drawn)
    assert overview.pairs.tolist() == [[pairs[base, partner] for partner in range(4)] for base in range(4)]


def test_where_nothing_is_mixed_there_is_no_share(tmp_path: Path) -> None:
    augment(str(write_tfds(tmp_path / "shapes/1.0.0").folder), tmp_path / "out", MixConfig(prob=0))
    overview = read_overview(tmp_path / "out")
    assert overview.nearly_unmixed is None
    assert overview.lam_shares.tolist() == [0] * 100
    assert overview.classes is not None
    assert overview.classes.after.tolist() == overview.classes.before.tolist()


# Beta


@pytest.mark.parametrize("alpha", [0.001, 0.1, 0.2, 0.4, 1, 8, 1000])
def test_beta_is_that_of_scipy(alpha: float) -> None:
    lam = np.linspace(0, 1, 101)
    beta = stats.beta(alpha, alpha)
    assert beta_cdf(lam, alpha) == pytest.approx(beta.cdf(lam), abs=1e-12)
    assert expected_nearly_unmixed(alpha) == pytest.approx(beta.cdf(0.05) + beta.sf(0.95), abs=1e-12)


def test_the_expected_shares_are_those_of_beta(mixed: Callable[[str], Mixed]) -> None:
    expected = read_overview(mixed("raw").out).lam_expected
    assert expected.sum() == pytest.approx(1)
    assert expected == pytest.approx(np.diff(stats.beta(0.2, 0.2).cdf(np.linspace(0, 1, 101))))


# Faults


def test_a_manifest_that_contradicts_itself_is_refused(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    made = mixed("raw").copy(tmp_path)
    edit_json(made.out / "manifest.json", lambda manifest: manifest["totals"].update(base_counts=[], label_mass=[]))
    said = rf"^{made.out}: manifest.json: totals.base_counts holds 0 values, .* \(and 1 more faults\): make the dir"
    with pytest.raises(ManifestError, match=said):
        read_overview(made.out)


def test_damaged_shards_are_faults_and_refused_where_records_are_needed(
    mixed: Callable[[str], Mixed], tmp_path: Path
) -> None:
    made = mixed("raw").copy(tmp_path)
    read_overview(made.out).refuse_damage()
    (made.out / "notes.txt").touch()
    overview = read_overview(made.out)
    assert overview.faults == ["notes.txt: does not belong to the dataset"]
    overview.refuse_damage()  # the shards are complete
    cut(made.shards[1], 100)
    with pytest.raises(ManifestError, match=rf"^{made.out}: {made.shards[1].name}: has 100 bytes, .*: make the dir"):
        overview.refuse_damage()
    made.shards[3].unlink()
    with pytest.raises(ManifestError, match=r" \(and 1 more shards\): make the directory again$"):
        overview.refuse_damage()
    assert len(read_overview(made.out).faults) == 3


def test_classes_have_their_names_or_their_numbers(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    made = mixed("raw").copy(tmp_path)
    assert read_overview(made.out).class_name(np.int64(2)) == "2"
    edit_json(made.out / "manifest.json", lambda manifest: manifest.update(class_names=["ant", "bee", "cat", "dog"]))
    assert read_overview(made.out).class_name(np.int64(2)) == "cat"
