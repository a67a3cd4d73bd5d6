"""The library's entry: reports, estimates, and errors that reach the caller whole."""

from pathlib import Path

import pytest

import mixup_pipeline
from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.errors import RecordError, UsageError
from mixup_pipeline.launch import estimate
from mixup_pipeline.run import sharding as plan
from tests.datasets import Dataset, write_tfds


def test_the_report_says_what_was_made(tmp_path: Path, dataset: Dataset) -> None:
    report = augment(str(dataset.folder), tmp_path / "out", MixConfig(copies=2, num_shards=2))
    files = list((tmp_path / "out").glob("*.tfrecord-*"))
    assert report.examples == 80
    assert report.num_bytes == sum(file.stat().st_size for file in files)
    assert report.kept_shards == 0
    assert augment(str(dataset.folder), tmp_path / "out", MixConfig(copies=2, num_shards=2)).kept_shards == 4


def test_the_estimate_is_near_what_is_written_and_writes_nothing(tmp_path: Path, dataset: Dataset) -> None:
    config = MixConfig(copies=3, keep_originals=True)
    guess = estimate(SourceConfig(src=str(dataset.folder)), config)
    before = sorted(tmp_path.rglob("*"))
    report = augment(str(dataset.folder), tmp_path / "out", config)
    assert [path for path in before if "out" in path.parts] == []
    assert guess.run.num_examples * guess.run.num_passes == report.examples
    assert 0.8 < guess.output_bytes / report.num_bytes < 1.25


def test_an_estimate_refuses_what_a_run_would_refuse(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match="num-shards"):
        estimate(SourceConfig(src=str(dataset.folder)), MixConfig(num_shards=41))


def test_an_estimate_names_a_bad_row_as_a_run_does(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b,label\n" + "1,2,x\n" * 3 + "1,2\n")
    source = SourceConfig(src=str(path), label_key="label")
    with pytest.raises(RecordError) as raised:
        augment(source, tmp_path / "out")
    assert str(raised.value).startswith("a.csv: row 3: holds 2 values, there are 3 columns: --on-bad-record skip")
    assert estimate(source, MixConfig()).first_bad == str(raised.value)


def test_shards_are_counted_by_the_size_of_compact_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = write_tfds(tmp_path / "data/shapes/1.0.0", num_examples=4, num_classes=1001)
    monkeypatch.setattr(plan, "TARGET_SHARD_BYTES", 1000)  # a dense label alone would take 4,004
    assert estimate(SourceConfig(src=str(dataset.folder)), MixConfig()).run.num_shards == 2


def test_an_error_of_a_worker_keeps_its_type_and_its_one_line(tmp_path: Path, dataset: Dataset) -> None:
    data = bytearray(dataset.files[1].read_bytes())
    data[20] ^= 1
    dataset.files[1].write_bytes(data)
    with pytest.raises(RecordError) as raised:
        augment(str(dataset.folder), tmp_path / "out")
    assert str(raised.value).startswith(f"{dataset.files[1].name}: record 0 at byte ")
    assert "while running" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = mixup_pipeline.nothing
