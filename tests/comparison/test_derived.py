"""Smaller and noisier training sets, against what they were made from."""

from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline.comparison.derived import check_derivable, derive
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import UsageError
from mixup_pipeline.records.example_reader import ExampleReader
from mixup_pipeline.records.framing import read_records
from mixup_pipeline.records.tf_example import parse
from mixup_pipeline.sources import open_source
from tests.datasets import write_tfds

CLASSES = 4


@pytest.fixture
def source(tmp_path: Path) -> SourceConfig:
    return SourceConfig(
        src=str(write_tfds(tmp_path / "shapes/1.0.0", num_examples=200, num_classes=CLASSES, num_files=3).folder)
    )


def content(config: SourceConfig) -> list[tuple[bytes, int]]:
    """(input, class) of every example."""
    opened = open_source(config)
    reader, found = ExampleReader(opened.spec), []
    for file in opened.files:
        for _, payload, _, fault in read_records(Path(file.path), file.name):
            assert fault is None
            features = parse(payload)
            found.append((reader.input_bytes(features), reader.class_id(features)))
    return found


def made(source: SourceConfig, folder: Path, subset: int | None, corrupt: float, seed: int) -> list[tuple[bytes, int]]:
    return content(derive(source, folder, subset=subset, corrupt=corrupt, seed=seed))


def test_so_many_examples_and_smaller_ones_lie_in_larger_ones(source: SourceConfig, tmp_path: Path) -> None:
    whole = content(source)
    small, large, other = (
        made(source, tmp_path / str(number), subset, 0, seed)
        for number, (subset, seed) in enumerate([(20, 1), (90, 1), (90, 2)])
    )
    assert (len(small), len(large)) == (20, 90)
    assert set(small) <= set(large) <= set(whole)
    assert large != other
    assert [example for example in whole if example in set(large)] == large  # in the order of the source


def test_a_seed_draws_the_same_subset_for_ever(source: SourceConfig, tmp_path: Path) -> None:
    whole = content(source)
    assert [whole.index(example) for example in made(source, tmp_path / "five", 5, 0, 1)] == [29, 71, 150, 159, 195]


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_exactly_that_share_of_labels_is_wrong(source: SourceConfig, tmp_path: Path, share: float) -> None:
    whole, noisy = content(source), made(source, tmp_path / "noisy", None, share, 3)
    assert [image for image, _ in noisy] == [image for image, _ in whole]
    wrong = sum(label != other for (_, label), (_, other) in zip(noisy, whole, strict=True))
    assert wrong == round(share * len(whole))
    assert {label for _, label in noisy} <= set(range(CLASSES))


def test_wrong_labels_are_spread_over_the_other_classes(source: SourceConfig, tmp_path: Path) -> None:
    whole, noisy = content(source), made(source, tmp_path / "noisy", None, 1.0, 0)
    moves = [(other - label) % CLASSES for (_, label), (_, other) in zip(whole, noisy, strict=True)]
    counts = np.bincount(moves, minlength=CLASSES)
    assert counts[0] == 0
    assert counts[1:].min() > 200 / 3 - 4 * np.sqrt(200 * 2 / 9)


def test_labels_that_are_wrong_stay_wrong_with_more_noise(source: SourceConfig, tmp_path: Path) -> None:
    whole = content(source)
    few, many = (made(source, tmp_path / str(share), None, share, 0) for share in (0.2, 0.5))
    assert all(many[place] == few[place] for place in range(len(whole)) if few[place] != whole[place])


@pytest.mark.parametrize(
    ("subsets", "shares", "message"),
    [
        ({50, 201}, {0.0}, "subset 201: shapes split train has 200 examples"),
        ({31, 50}, {0.0}, "subset 31: is less than one batch of 32: use a smaller --batch-size"),
    ],
)
def test_what_cannot_be_made_is_refused(
    source: SourceConfig, subsets: set[int], shares: set[float], message: str
) -> None:
    with pytest.raises(UsageError) as refused:
        check_derivable(source, subsets, shares, batch_size=32)
    assert str(refused.value) == message


def test_what_can_be_made_is_not_refused(source: SourceConfig) -> None:
    check_derivable(source, {32, 200}, {0.0, 0.5}, batch_size=32)


def test_labels_of_one_class_cannot_be_wrong(tmp_path: Path) -> None:
    folder = write_tfds(tmp_path / "shapes/1.0.0", num_examples=40, num_classes=1).folder
    with pytest.raises(UsageError, match="corrupt-labels: needs class ids of two classes or more"):
        check_derivable(SourceConfig(src=str(folder)), (), {0.0, 0.2}, batch_size=32)
