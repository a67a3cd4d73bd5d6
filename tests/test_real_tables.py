"""Real tables: digits, wine and diabetes of scikit-learn, from files as people have them to the shards and back."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from sklearn import datasets

from mixup_pipeline import MixConfig, SourceConfig, augment, read_examples
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.records.names import split_example_id

Floats = npt.NDArray[np.float32]
LEAST_CORRELATION = 0.9


def rows_of(mixed: dict[str, Any]) -> tuple[int, int]:
    """The rows of base and partner in the table."""
    parts = [split_example_id(mixed[f"mixup/{side}_id"]) for side in ("base", "partner")]
    base, partner = (part[1] for part in parts if part is not None)
    return base, partner


def mix(values: Floats, base: int, partner: int, lam: float) -> Floats:
    """λ·base + (1−λ)·partner in float32."""
    weight = np.float32(lam)
    return values[base] * weight + values[partner] * (np.float32(1) - weight)


def check(config: SourceConfig, out: Path, values: Floats, labels: Floats, mixing: MixConfig) -> list[tuple[int, int]]:
    """Mix, verify, and compare every output with numpy. Returns the pairs of rows."""
    augment(config, out, mixing)
    verdict = verify(out, against=config)
    assert (verdict.faults, verdict.wrong_source) == ([], None)
    pairs = []
    for mixed in read_examples(out):
        base, partner = rows_of(mixed)
        expected = mix(values, base, partner, mixed["mixup/lam"])
        found = mixed["image"] if "image" in mixed else mixed["features"]
        np.testing.assert_array_equal(found, np.rint(expected) if "image" in mixed else expected)
        np.testing.assert_allclose(mixed["label"], mix(labels, base, partner, mixed["mixup/lam"]), atol=1e-6)
        pairs.append((base, partner))
    assert sorted(base for base, _ in pairs) == sorted(list(range(len(values))) * mixing.copies)
    return pairs


def test_digits_as_arrays(tmp_path: Path) -> None:
    """Images of 8x8, in a file as Keras keeps them."""
    digits = datasets.load_digits()
    images = (digits.images * 15).astype(np.uint8)
    np.savez(
        tmp_path / "digits.npz", x_train=images, y_train=digits.target, x_test=images[:5], y_test=digits.target[:5]
    )
    labels = np.eye(10, dtype=np.float32)[digits.target]
    config = SourceConfig(src=str(tmp_path / "digits.npz"), num_classes=10)
    pairs = check(
        config, tmp_path / "out", images[..., None].astype(np.float32), labels, MixConfig(pairing="cross-class")
    )
    assert all(digits.target[base] != digits.target[partner] for base, partner in pairs)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_wine_as_a_table(tmp_path: Path, suffix: str) -> None:
    """Thirteen columns, and classes by their names; partners of rare classes are drawn as often as others."""
    wine = datasets.load_wine()
    values = wine.data.astype(np.float32)
    columns = {name: wine.data[:, number] for number, name in enumerate(wine.feature_names)}
    table = pa.table({**columns, "label": [str(wine.target_names[label]) for label in wine.target]})
    path = tmp_path / f"wine.{suffix}"
    (pa.csv.write_csv if suffix == "csv" else pa.parquet.write_table)(table, path)
    mixing = MixConfig(pairing="class-balanced", copies=20)
    labels = np.eye(3, dtype=np.float32)[wine.target]
    pairs = check(SourceConfig(src=str(path)), tmp_path / "out", values, labels, mixing)
    drawn = np.bincount(wine.target[[partner for _, partner in pairs]], minlength=3) / len(pairs)
    assert np.abs(drawn - 1 / 3).max() < 0.03
    assert np.abs(np.bincount(wine.target) / len(values) - 1 / 3).max() > 0.06


def test_diabetes_as_a_table_to_predict(tmp_path: Path) -> None:
    """Partners have near values."""
    table = datasets.load_diabetes()
    values, target = table.data.astype(np.float32), table.target.astype(np.float32)
    columns = {name: table.data[:, number] for number, name in enumerate(table.feature_names)}
    pa.csv.write_csv(pa.table({**columns, "progression": table.target}), tmp_path / "diabetes.csv")
    config = SourceConfig(src=str(tmp_path / "diabetes.csv"), label_key="progression", label_kind="regression")
    mixing = MixConfig(pairing="near-label", bandwidth=10.0, copies=3)
    pairs = check(config, tmp_path / "out", values, target[:, None], mixing)
    base, partner = np.array(pairs).T
    assert np.abs(target[base] - target[partner]).max() <= 40
    assert np.corrcoef(target[base], target[partner])[0, 1] > LEAST_CORRELATION
