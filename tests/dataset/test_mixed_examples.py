"""Single mixed examples: sampling them, finding them by name, and loading them with their parents."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline import MixConfig, augment
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.dataset.mixed_examples import (
    MixedExample,
    find_location,
    load_examples,
    sample_locations,
    soft_label,
)
from mixup_pipeline.dataset.parents import find_parents
from mixup_pipeline.dataset.reader import MixedRecord
from mixup_pipeline.errors import OutputError, RecordError, SourceError, UsageError
from tests.damage import flip, record_starts, replace_record
from tests.datasets import Dataset, example, png, random_images, write_tfds
from tests.mixed import KINDS, Mixed
from tests.reference import mix_label, read_output
from tests.report.shown import overview_of


def everything(made: Mixed) -> list[tuple[str, int]]:
    """The locations of all examples, in the order of the output."""
    return [(shard.name, record) for shard in made.manifest.shards for record in range(shard.examples)]


# Sampling and finding


def test_a_sample_is_of_distinct_mixed_examples_in_their_order(mixed: Callable[[str], Mixed]) -> None:
    made = mixed("png")  # with originals
    manifest = made.manifest
    locations = [location for location in everything(made) if location[0] == manifest.shards[0].name]
    assert sample_locations(manifest, count=100, seed=3) == locations
    some = sample_locations(manifest, count=9, seed=3)
    assert (len(some), some) == (9, sorted(set(some)))
    assert sample_locations(manifest, count=9, seed=3) == some
    assert sample_locations(manifest, count=9, seed=4) != some


def test_every_example_is_found_by_its_number_and_its_id(mixed: Callable[[str], Mixed]) -> None:
    made = mixed("raw")
    for number, (shard, record) in enumerate(everything(made)):
        assert (
            find_location(made.manifest, str(number))
            == find_location(made.manifest, f"{shard}__{record}")
            == (shard, record)
        )


SHARD = "shapes_mixup-train.tfrecord-00000-of-00004"


@pytest.mark.parametrize(
    "text",
    [
        *("60", "-1", "", "1.0", "one", "٣", " 1", "9" * 15, "9" * 5000, SHARD, f"{SHARD}__", f"{SHARD}__15"),
        *(f"{SHARD}__-1", f"{SHARD}__٣", f"{SHARD}__{'9' * 5000}", f"{SHARD}x__0", "shapes-train.tfrecord__0"),
    ],
    ids=range(17),
)
def test_an_example_that_is_not_there_is_refused(mixed: Callable[[str], Mixed], text: str) -> None:
    with pytest.raises(UsageError) as raised:
        find_location(mixed("raw").manifest, text)
    assert str(raised.value) == (
        f"example {text!r}: no such example: give a number from 0 to 59, or an id such as {SHARD}__0 (the last record "
        "of that shard is 14)"
    )


# Loading


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_loaded_is_what_stands_in_the_records(mixed: Callable[[str], Mixed], kind: str) -> None:
    made, records = mixed(kind), read_output(mixed(kind).out)
    locations = everything(made)
    rows = [len(locations) - 1, *range(0, len(locations), 7)]
    copies = {shard.name: shard.copy for shard in made.manifest.shards}
    for row, found in zip(
        rows, load_examples(made.out, made.manifest, [locations[row] for row in rows], None), strict=True
    ):
        record = records[row]
        assert (found.shard, found.record, found.number, found.copy) == (*locations[row], row, copies[record.shard])
        assert (found.id, found.lam) == (f"{found.shard}__{found.record}", record.lam)
        assert (found.found.base_id, found.found.partner_id) == (record.base_id, record.partner_id)
        assert (found.base, found.partner) == (None, None)
        mixed_label = mix_label(record.base_label, record.partner_label, record.lam, 4) if kind == "compact" else None
        label = record.label if mixed_label is None else mixed_label
        assert found.label.tobytes() == label.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_the_parents_of_every_kind_give_the_examples(mixed: Callable[[str], Mixed], kind: str) -> None:
    made = mixed(kind)
    parents = find_parents(made.manifest, against=made.source.src)
    for found in load_examples(made.out, made.manifest, everything(made)[::5], parents):
        assert found.base is not None
        assert found.partner is not None
        mixed_again = np.float32(found.lam) * found.base + (1 - np.float32(found.lam)) * found.partner
        mixed_again = mixed_again if found.base.dtype == np.float32 else np.rint(mixed_again).astype(np.uint8)
        assert mixed_again.tobytes() == found.found.input.tobytes()


def test_parents_are_those_of_the_source(tmp_path: Path, dataset: Dataset) -> None:
    augment(str(dataset.folder), tmp_path / "out")
    manifest = read_manifest(tmp_path / "out")
    parents = find_parents(manifest, against=str(dataset.folder))
    locations = sample_locations(manifest, count=12, seed=0)
    for found in load_examples(tmp_path / "out", manifest, locations, parents):
        base, partner = (dataset.ids.index(parent) for parent in (found.found.base_id, found.found.partner_id))
        assert found.base is not None
        assert found.partner is not None
        assert (found.base == dataset.images[base]).all()
        assert (found.partner == dataset.images[partner]).all()
        assert found.found.class_ids == (dataset.labels[base], dataset.labels[partner])


def test_the_same_location_may_be_loaded_twice(mixed: Callable[[str], Mixed]) -> None:
    made = mixed("raw")
    locations = [everything(made)[row] for row in (5, 2, 5)]
    found = load_examples(made.out, made.manifest, locations, find_parents(made.manifest, against=made.source.src))
    assert [example.number for example in found] == [5, 2, 5]


def test_a_source_that_changed_since_is_not_shown(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    made = mixed("raw").copy(tmp_path)
    parents = find_parents(made.manifest, against=made.source.src)
    location = everything(made)[0]
    name, _, record = load_examples(made.out, made.manifest, [location], None)[0].found.base_id.rpartition("__")
    changed = example({"image": png(random_images(1, (6, 5, 1), seed=99)[0]), "label": 0})
    replace_record(Path(made.source.src) / name, int(record), changed)
    with pytest.raises(
        SourceError,
        match=r"^the source at hand is another one than was mixed, or it has changed since: example record",
    ):
        load_examples(made.out, made.manifest, [location], parents)


def test_damaged_records_and_missing_shards_are_named(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    made = mixed("raw").copy(tmp_path)
    shard = made.shards[1]
    flip(shard, record_starts(shard)[3] + 30)
    assert len(load_examples(made.out, made.manifest, [(shard.name, 2), (shard.name, 4)], None)) == 2
    with pytest.raises(RecordError, match=rf"^{shard.name}: record 3 at byte \d+: its data do not match their CRC"):
        load_examples(made.out, made.manifest, [(shard.name, 3)], None)
    shard.unlink()
    with pytest.raises(
        OutputError, match=rf"^{shard}: cannot be read \(No such file or directory\): was it removed\?$"
    ):
        load_examples(made.out, made.manifest, [(shard.name, 3)], None)


# Labels


def sampled(label: npt.NDArray[np.float32], class_ids: tuple[int, int] | None, lam: float = 0.25) -> MixedRecord:
    image = np.zeros((1, 1, 1), np.uint8)
    return MixedRecord(lam=lam, base_id="a__0", partner_id="a__1", class_ids=class_ids, input=image, label=label)


@pytest.mark.parametrize(
    ("label", "class_ids", "expected"),
    [
        ([], (2, 0), [0.75, 0, 0.25]),
        ([], (1, 1), [0, 1, 0]),
        ([0.5, 0.5, 0], (2, 0), [0.5, 0.5, 0]),  # the stored label
        ([0.1, 0.2, 0.7], None, [0.1, 0.2, 0.7]),
    ],
)
def test_labels_are_dense(label: list[float], class_ids: tuple[int, int] | None, expected: list[float]) -> None:
    manifest = overview_of([(0, 1, 0.5)], num_classes=3, soft=class_ids is None).manifest
    dense = soft_label(sampled(np.array(label, np.float32), class_ids), manifest)
    assert dense.dtype == np.float32
    assert dense.tolist() == np.array(expected, np.float32).tolist()


def test_compact_labels_become_those_of_a_dense_run(tmp_path: Path) -> None:
    dataset = write_tfds(tmp_path / "shapes/1.0.0")
    labels = {}
    for form in ("dense", "compact"):
        augment(str(dataset.folder), tmp_path / form, MixConfig(label_format=form))
        manifest = read_manifest(tmp_path / form)
        labels[form] = [
            e.label.tobytes()
            for e in load_examples(tmp_path / form, manifest, sample_locations(manifest, count=99, seed=0), None)
        ]
    assert labels["compact"] == labels["dense"]


@pytest.mark.parametrize(
    ("label", "top"),
    [
        ([0.25, 0, 0.75], [(2, 0.75), (0, 0.25)]),
        ([0, 1, 0], [(1, 1.0)]),
        ([0.5, 0.5, 0], [(0, 0.5), (1, 0.5)]),
        ([0.25, 0.5, 0.25], [(1, 0.5), (0, 0.25)]),
        ([1], [(0, 1.0)]),
    ],
)
def test_the_heaviest_classes_come_first(label: list[float], top: list[tuple[int, float]]) -> None:
    dense = np.array(label, np.float32)
    found = MixedExample(shard="s", record=3, number=7, copy=0, found=sampled(dense, None), label=dense)
    assert found.top_classes(2) == top
