"""Smaller and noisier training sets, against what they were made from."""

import atexit
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.derived import check_cells, derive
from mixup_pipeline.comparison.seen import Seen
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import RecordError, UsageError
from mixup_pipeline.records.example_reader import ExampleReader
from mixup_pipeline.records.framing import read_records
from mixup_pipeline.records.tf_example import parse
from mixup_pipeline.sources import open_source
from tests.damage import replace_record
from tests.datasets import example, write_records, write_tfds

CLASSES = 4


@pytest.fixture
def source(tmp_path: Path) -> SourceConfig:
    return SourceConfig(
        src=str(write_tfds(tmp_path / "shapes/1.0.0", num_examples=200, num_classes=CLASSES, num_files=3).folder)
    )


OPENED = ExitStack()
"""What is converted can be read until the tests end."""
atexit.register(OPENED.close)


def seen(config: SourceConfig, on_bad_record: str = "fail") -> Seen:
    return Seen.of(config, on_bad_record, OPENED)


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
    return content(derive(source, seen(source), folder, subset=subset, corrupt=corrupt, seed=seed)[0])


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


def cell(arm: str = "baseline", **more: Any) -> Cell:
    copies = None if arm == "baseline" else 2
    return Cell(arm=arm, alpha=None if copies is None else 0.2, copies=copies, **more)


@pytest.mark.parametrize(
    ("subsets", "message"),
    [
        ([50, 201], "--subset 201: shapes split train has 200 examples"),
        ([31, 50], "--subset 31: is less than one batch of 32: use a smaller --batch-size"),
    ],
)
def test_what_cannot_be_made_is_refused(source: SourceConfig, subsets: list[int], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_cells(seen(source), [cell(subset=subset) for subset in subsets], seeds=1, batch_size=32)
    assert str(refused.value) == message


def test_what_can_be_made_is_not_refused(source: SourceConfig) -> None:
    cells = [
        cell(arm, subset=subset, corrupt=share)
        for arm in ("baseline", "cross-class")
        for subset in (32, None)
        for share in (0, 0.5)
    ]
    check_cells(seen(source), cells, seeds=2, batch_size=32)


def test_labels_of_one_class_cannot_be_wrong(tmp_path: Path) -> None:
    folder = write_tfds(tmp_path / "shapes/1.0.0", num_examples=40, num_classes=1).folder
    with pytest.raises(UsageError, match="--corrupt-labels needs class ids of two classes or more"):
        check_cells(seen(SourceConfig(src=str(folder))), [cell(), cell(corrupt=0.2)], seeds=1, batch_size=32)


def test_an_arm_that_cannot_be_paired_is_refused_before_any_training_by_the_name_of_its_class(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0", labels=[0] * 29 + [1] * 11)
    (dataset.folder / "label.labels.txt").write_text("ant\nbee\ncat\ndog\n")
    config = SourceConfig(src=str(dataset.folder))
    with pytest.raises(UsageError) as refused:
        check_cells(seen(config), [cell(), cell("any"), cell("cross-class")], seeds=3, batch_size=8)
    assert str(refused.value) == (
        "arm cross-class-alpha0.2-copies2: --pairing cross-class needs every class to hold at most half of the "
        "examples, but class 'ant' holds 29 of 40: use --pairing any or within-class, or leave the arm out of --arms"
    )
    check_cells(seen(config), [cell(), cell("any"), cell("within-class")], seeds=3, batch_size=8)


def test_the_training_sets_of_all_seeds_are_paired(tmp_path: Path) -> None:
    """Half of the examples are of one class, so some subsets hold more of it than half."""
    dataset = write_tfds(tmp_path / "shapes/1.0.0", labels=[0] * 20 + [1] * 10 + [2] * 10)
    config, cells = SourceConfig(src=str(dataset.folder)), [cell(), cell("cross-class", subset=10)]
    sizes = [sum(label == 0 for _, label in made(config, tmp_path / str(seed), 10, 0, seed)) for seed in range(10)]
    first = next(seed for seed, size in enumerate(sizes) if size > 5)
    with pytest.raises(UsageError, match=rf"copies2-subset10, seed {first}: .*class 0 holds {sizes[first]} of 10"):
        check_cells(seen(config), cells, seeds=10, batch_size=8)
    if first:
        check_cells(seen(config), cells, seeds=first, batch_size=8)


def test_bad_records_are_left_out_of_what_is_derived(source: SourceConfig, tmp_path: Path) -> None:
    whole = content(source)
    file = next(iter(sorted(Path(source.src).glob("*.tfrecord-*"))))
    replace_record(file, 2, b"\xff")
    with pytest.raises(RecordError, match=rf"{file.name}: record 2 at byte"):
        check_cells(seen(source), [cell()], seeds=1, batch_size=8)
    with pytest.raises(RecordError, match=rf"{file.name}: record 2 at byte"):
        derive(source, seen(source), tmp_path / "fail", subset=None, corrupt=0.5, seed=0)
    check_cells(seen(source, "skip"), [cell(subset=199)], seeds=1, batch_size=8)
    skipped, _ = derive(source, seen(source, "skip"), tmp_path / "skip", subset=None, corrupt=0, seed=0)
    assert content(skipped) == [example for number, example in enumerate(whole) if number != 2]


def test_held_out_examples_are_a_part_of_the_set_that_is_not_trained_on(source: SourceConfig, tmp_path: Path) -> None:
    whole = made(source, tmp_path / "whole", 90, 0.3, 1)
    train, held = derive(source, seen(source), tmp_path / "parts", subset=90, corrupt=0.3, seed=1, val_share=0.2)
    assert held is not None
    trained, chosen_by = content(train), content(held)
    assert (len(trained), len(chosen_by)) == (72, 18)
    assert sorted(trained + chosen_by) == sorted(whole)  # with the same wrong labels
    assert not set(trained) & set(chosen_by)


def test_groups_are_held_out_as_a_whole(tmp_path: Path) -> None:
    values = [np.array([n, n // 4], np.float32) for n in range(60)]
    payloads = [example({"x": value, "label": n % 3, "patient": n // 4}) for n, value in enumerate(values)]
    path = write_records(tmp_path / "patients", payloads)
    source = SourceConfig(src=str(path), image_key="x", label_key="label", num_classes=3, group_key="patient")
    train, held = derive(source, seen(source), tmp_path / "parts", subset=None, corrupt=0.0, seed=1, val_share=0.2)
    assert held is not None
    groups = [{int(np.frombuffer(x, np.float32)[1]) for x, _ in content(part)} for part in (train, held)]
    assert len(groups[1]) == 3
    assert not groups[0] & groups[1]


def test_too_little_to_train_on_is_refused(source: SourceConfig) -> None:
    with pytest.raises(UsageError, match=r"--val-share 0.9: leaves 20 examples to train on, less than one batch of 32"):
        check_cells(seen(source), [cell()], seeds=2, batch_size=32, val_share=0.9)
