"""Slices and sums of splits: which records they are, and that those alone are mixed, found and verified."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixup_pipeline import MixConfig, SourceConfig, augment, read_examples
from mixup_pipeline.dataset.find import find
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.dataset.parents import find_parents
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.split_slices import Slice, slices_of
from tests.datasets import example, image_feature, label_feature, png, random_images, write_prepared, write_records

COUNT, FILES = 23, 4
IMAGES = random_images(COUNT, (6, 5, 1))
RECORDS = [example({"image": png(image), "label": number % 3}) for number, image in enumerate(IMAGES)]


def prepared(folder: Path, split: str = "train") -> tuple[SourceConfig, list[str]]:
    features = {"image": image_feature((6, 5, 1)), "label": label_feature(3)}
    ids = write_prepared(folder / "shapes/1.0.0", RECORDS, features, num_files=FILES, split=split)
    return SourceConfig(src=str(folder / "shapes/1.0.0")), ids


def bases(out: Path) -> list[str]:
    return sorted(mixed["mixup/base_id"] for mixed in read_examples(out))


@pytest.mark.parametrize(
    ("split", "records"),
    [
        ("train", range(23)),
        ("train[:]", range(23)),
        ("train[:10]", range(10)),
        ("train[7:10]", range(7, 10)),
        ("train[20:99]", range(20, 23)),
        ("train[-4:]", range(19, 23)),
        ("train[:-20]", range(3)),
        ("train[:50%]", range(12)),
        ("train[50%:]", range(12, 23)),
        ("train[-15%:]", range(20, 23)),
        ("train[6:17]", range(6, 17)),
    ],
)
def test_a_slice_is_mixed_found_and_verified(tmp_path: Path, split: str, records: range) -> None:
    asked, ids = prepared(tmp_path)
    config = SourceConfig(src=asked.src, split=split)
    augment(config, tmp_path / "out", MixConfig(copies=2, num_shards=2))
    assert bases(tmp_path / "out") == sorted([ids[number] for number in records] * 2)
    verdict = verify(tmp_path / "out", against=config)
    assert (verdict.faults, verdict.wrong_source) == ([], None)
    assert verdict.recomputed == 2 * len(records)
    manifest = read_manifest(tmp_path / "out")
    assert manifest.split == "train"
    assert len(list(find(tmp_path / "out", manifest, ids[records[0]]))) >= 2
    parents = find_parents(manifest)
    assert parents is not None
    assert (parents.load([ids[records[-1]]]).inputs[0] == IMAGES[records[-1]]).all()
    left_out = sorted(set(range(COUNT)) - set(records))
    if left_out:
        with pytest.raises(UsageError, match="the source has no such example"):
            list(find(tmp_path / "out", manifest, ids[left_out[0]]))


def test_splits_are_added(tmp_path: Path) -> None:
    folder = tmp_path / "shapes/1.0.0"
    asked, ids = prepared(tmp_path)
    features = {"image": image_feature((6, 5, 1)), "label": label_feature(3)}
    more = write_prepared(tmp_path / "other/1.0.0", RECORDS[:5], features, split="validation")
    path = write_records(folder / "shapes-validation.tfrecord-00000-of-00001", RECORDS[:5])
    info = folder / "dataset_info.json"
    split = '{"name": "validation", "shardLengths": ["5"]}'
    info.write_text(info.read_text().replace('"splits": [', f'"splits": [{split}, '))
    config = SourceConfig(src=asked.src, split="train[:3]+validation", allow_eval_split=True)
    augment(config, tmp_path / "out", MixConfig())
    assert bases(tmp_path / "out") == sorted([*ids[:3], *(f"{path.name}__{number}" for number in range(len(more)))])
    assert read_manifest(tmp_path / "out").split == "train_validation"
    assert verify(tmp_path / "out", against=config).faults == []
    with pytest.raises(UsageError, match="--split 'validation' is for evaluation"):
        open_source(SourceConfig(src=asked.src, split="train+validation"))


def test_a_slice_is_another_source_than_the_whole(tmp_path: Path) -> None:
    asked, _ = prepared(tmp_path)
    augment(SourceConfig(src=asked.src, split="train[:10]"), tmp_path / "out", MixConfig())
    whole = SourceConfig(src=asked.src, split="train")
    wrong = verify(tmp_path / "out", against=whole).wrong_source
    assert str(wrong) == "--split train: the directory was mixed with train[:10]: leave --split out"
    assert verify(tmp_path / "out", against=SourceConfig(src=asked.src)).faults == []


def test_a_file_that_ends_within_the_slice_is_noticed(tmp_path: Path) -> None:
    asked, _ = prepared(tmp_path)
    path = sorted((tmp_path / "shapes/1.0.0").glob("*.tfrecord*"))[0]
    write_records(path, RECORDS[:2])
    with pytest.raises(SourceError, match=r"holds 2 records, its dataset_info\.json declares 3"):
        augment(SourceConfig(src=asked.src, split="train[:3]"), tmp_path / "out", MixConfig())


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ("train[", "--split must be the name of a split such as 'train', a slice"),
        ("train[1]", "--split must be"),
        ("train[a:b]", "--split must be"),
        ("", "--split must be"),
        ("train+", "--split must be"),
        ("train+train[:5]", "names 'train' twice: give one slice of each split"),
        ("train[5:5]", r"--split train\[5:5\]: holds no record, the split has 23"),
        ("train[99:]", "holds no record"),
        ("more[:5]", "--split 'more': shapes has train"),
    ],
)
def test_what_is_no_slice_is_refused(tmp_path: Path, split: str, said: str) -> None:
    asked, _ = prepared(tmp_path)
    with pytest.raises(UsageError, match=said):
        open_source(SourceConfig(src=asked.src, split=split))


def test_only_tfds_datasets_can_be_sliced(tmp_path: Path) -> None:
    path = write_records(tmp_path / "one.tfrecord", RECORDS)
    with pytest.raises(UsageError, match=r"--split 'train\[:5\]': only TFDS datasets can be sliced.*--limit"):
        open_source(SourceConfig(src=str(path), num_classes=3, split="train[:5]"))


@given(st.integers(1, 10**7), st.lists(st.integers(0, 100), min_size=1, max_size=5))
def test_neighbouring_slices_leave_nothing_out_and_share_nothing(total: int, borders: list[int]) -> None:
    edges = sorted({0, 100, *borders})
    seen = 0
    for start, stop in pairwise(edges):
        exact = np.array([start, stop]) * total / 100
        try:
            first, last = slices_of(f"a[{start}%:{stop}%]")[0].records(total)
        except UsageError:
            assert round(exact[0]) == round(exact[1])
            continue
        assert first == seen
        assert abs(last - exact[1]) <= 0.5
        seen = last
    assert seen == total
    assert Slice(split="a").records(total) == (0, total)
