"""Batches hold exactly the records of their epoch, in every form of storage."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline import MixConfig, augment
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.dataset.reader import MixedReader
from mixup_pipeline.errors import SourceError
from mixup_pipeline.mixing.arithmetic import mix_class_ids
from mixup_pipeline.mixing.methods.mixup import draw_lam
from mixup_pipeline.records.viewed import apply_views
from mixup_pipeline.training.batches import evaluation_batches, reading_errors, training_batches
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import ExampleFiles, mixed_examples
from mixup_pipeline.training.online import mixed_online
from mixup_pipeline.training.order import Feeding
from mixup_pipeline.training.source_examples import source_examples
from tests.damage import flip
from tests.datasets import Dataset, example, write_records, write_tfds
from tests.mixed import Mixed

FEEDING = Feeding(batch_size=1, seed=3)


def epoch(records: ExampleFiles, number: int, feeding: Feeding = FEEDING) -> Any:
    """The batches of one epoch."""
    per_epoch = records.examples // feeding.batch_size
    return training_batches(records, feeding, range(number * per_epoch, (number + 1) * per_epoch))


def content(batches: Any) -> list[tuple[bytes, bytes]]:
    return [
        (image.tobytes(), label.tobytes())
        for images, labels in batches.as_numpy_iterator()
        for image, label in zip(images, labels, strict=True)
    ]


def stored(made: Mixed, copy: int) -> Counter[tuple[bytes, bytes]]:
    """Read the input and the label of every record of one copy without TensorFlow."""
    reader, found = MixedReader(made.manifest), Counter[tuple[bytes, bytes]]()
    for shard in made.manifest.shards:
        if shard.copy == copy:
            for record in reader.pick(made.out / shard.name, range(shard.examples)).values():
                label = record.label
                if not len(label) and record.class_ids is not None:
                    base, partner = (np.array([class_id], np.int32) for class_id in record.class_ids)
                    lam = np.array([record.lam], np.float32)
                    label = mix_class_ids(base, partner, lam, num_classes=made.manifest.num_classes)[0]
                found[record.input.tobytes(), label.tobytes()] += 1
    return found


@pytest.mark.parametrize("kind", ["raw", "png", "vectors", "compact", "soft labels", "pixels"])
def test_an_epoch_reads_its_copy_and_all_of_it(mixed: Callable[[str], Mixed], kind: str) -> None:
    made = mixed(kind)
    records = mixed_examples(made.out, made.manifest)
    copies = len(records.passes)
    for number in (0, copies, copies - 1):
        assert Counter(content(epoch(records, number))) == stored(made, number % copies)


def test_epochs_are_shuffled_and_known_by_their_number(mixed: Callable[[str], Mixed]) -> None:
    made = mixed("raw")
    records = mixed_examples(made.out, made.manifest)
    records = replace(records, passes=records.passes[:1])
    first, again, second = (content(epoch(records, number)) for number in (0, 0, 1))
    assert first == again != second
    assert Counter(first) == Counter(second)
    assert content(epoch(records, 0, replace(FEEDING, seed=4))) != first


def test_steps_are_cut_anywhere(mixed: Callable[[str], Mixed]) -> None:
    """Batches of several epochs in one go, and from the middle of one, are those of the epochs."""
    made = mixed("raw")
    records = mixed_examples(made.out, made.manifest)
    feeding = replace(FEEDING, batch_size=7)
    per_epoch = records.examples // 7
    whole = content(training_batches(records, feeding, range(3 * per_epoch)))
    assert whole == [found for number in range(3) for found in content(epoch(records, number, feeding))]
    part = content(training_batches(records, feeding, range(per_epoch - 1, 2 * per_epoch + 1)))
    assert part == whole[7 * (per_epoch - 1) : 7 * (2 * per_epoch + 1)]


def test_all_arms_see_the_same_bases_in_the_same_batches(tmp_path: Path) -> None:
    """However a source is sorted and sharded: by their ids for mixed shards, by their pixels for those that are not."""
    data = write_tfds(tmp_path / "shapes/1.0.0", num_examples=60, num_classes=4, num_files=3, shape=(9, 8, 3))
    source = source_examples(SourceConfig(src=str(data.folder)))
    feeding = Feeding(batch_size=8, seed=5)
    wanted = [content(epoch(source, number, feeding)) for number in range(3)]
    for name, config in {
        "unmixed": MixConfig(prob=0, copies=2, num_shards=4, seed=9),
        "one shard": MixConfig(prob=0, seed=1),
    }.items():
        augment(str(data.folder), tmp_path / name, config)
        shards = mixed_examples(tmp_path / name, read_manifest(tmp_path / name))
        assert [content(epoch(shards, number, feeding)) for number in range(3)] == wanted
    augment(str(data.folder), tmp_path / "mixed", MixConfig(alpha=1000, copies=3, num_shards=5, seed=2))
    manifest = read_manifest(tmp_path / "mixed")
    shards = mixed_examples(tmp_path / "mixed", manifest)
    reader = MixedReader(manifest)
    for copy, one in enumerate(shards.passes):
        located = one.located
        for number, row in enumerate(located.rows.tolist()):
            entry = located.entries[row]
            record = reader.pick(Path(one.paths[entry["file"]]), [int(entry["record"])])[int(entry["record"])]
            file, _, index = record.base_id.rpartition("__")
            assert _first(source, file) + int(index) == number, copy


def _first(source: ExampleFiles, file: str) -> int:
    """The number of the first example of a file of the source."""
    (one,) = source.passes
    names = [named.name for named in one.files]
    return int((one.located.entries["file"] < names.index(file)).sum())


def test_a_sorted_source_is_shuffled_as_a_whole(tmp_path: Path) -> None:
    """Every batch holds all classes in about equal parts, though the file holds one class after the other."""
    labels = np.repeat(np.arange(4), 1000)
    payloads = [
        example({"x": np.array([number], np.float32), "label": int(label)}) for number, label in enumerate(labels)
    ]
    path = write_records(tmp_path / "sorted", payloads)
    source = source_examples(SourceConfig(src=str(path), image_key="x", num_classes=4))
    for _, found in epoch(source, 0, Feeding(batch_size=400, seed=1)).as_numpy_iterator():
        assert (abs(found.sum(0) - 100) < 45).all()  # five standard deviations


def test_a_damaged_record_of_shards_is_an_error_that_names_it(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    made = mixed("raw")
    shutil.copytree(made.out, tmp_path / "damaged")
    records = mixed_examples(tmp_path / "damaged", made.manifest)
    path = Path(records.passes[0].paths[0])
    entry = records.passes[0].located.entries[0]
    flip(path, int(entry["offset"]) + 9)
    with (
        pytest.raises(SourceError, match=rf"cannot be read \(.*{path.name}: record 0 .*mixup-verify names"),
        reading_errors(records),
    ):
        content(epoch(records, 0))


def test_only_whole_batches(mixed: Callable[[str], Mixed]) -> None:
    made = mixed("raw")
    records = mixed_examples(made.out, made.manifest)
    shapes = [labels.shape[0] for _, labels in epoch(records, 0, replace(FEEDING, batch_size=7))]
    assert shapes == [7] * (records.examples // 7)


def test_a_source_gives_what_mixing_leaves_unmixed(tmp_path: Path) -> None:
    data: Dataset = write_tfds(tmp_path / "shapes/1.0.0", num_examples=20, num_classes=4, num_files=3, shape=(9, 8, 3))
    augment(str(data.folder), tmp_path / "out", MixConfig(prob=0))
    shards = mixed_examples(tmp_path / "out", read_manifest(tmp_path / "out"))
    source: ExampleFiles = source_examples(SourceConfig(src=str(data.folder)))
    assert (source.examples, source.shape, source.num_classes) == (shards.examples, shards.shape, shards.num_classes)
    assert Counter(content(evaluation_batches(source, 6))) == Counter(content(evaluation_batches(shards, 6)))


def test_nothing_is_tuned_behind_the_scenes(mixed: Callable[[str], Mixed]) -> None:
    """The autotuning thread can delay the end of an iterator by a minute. Options apply to all derived datasets."""
    made = mixed("raw")
    records, feeding = mixed_examples(made.out, made.manifest), Feeding(batch_size=4, seed=0)
    for batches in (training_batches(records, feeding, range(2)).take(1), Evaluation(records).batches):
        assert batches.options().autotune.enabled is False
    online = mixed_online(records, feeding, range(2), alpha=1.0)
    assert online.options().autotune.enabled is False


@pytest.mark.parametrize("shape", [(9, 8, 3), (70, 66, 1)])
def test_bases_have_the_same_views_in_all_arms(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    """Of a run whose seed is that of the shards: baseline, online with λ of 1 in effect, and shards of two copies."""
    data = write_tfds(tmp_path / "shapes/1.0.0", num_examples=24, num_classes=4, shape=shape)
    augmented = ("flip", "crop")
    source = replace(source_examples(SourceConfig(src=str(data.folder))), augment=augmented)
    augment(str(data.folder), tmp_path / "out", MixConfig(prob=0, copies=2, num_shards=3, seed=5, augment="flip,crop"))
    shards = mixed_examples(tmp_path / "out", read_manifest(tmp_path / "out"))
    feeding = Feeding(batch_size=8, seed=5)
    for number in range(2):
        wanted = content(epoch(shards, number, feeding))
        assert content(epoch(source, number, feeding)) == wanted
        assert wanted != content(epoch(replace(source, augment=()), number, feeding))
    assert content(epoch(source, 2, feeding)) != content(epoch(source, 0, feeding))


def test_online_mixes_views_of_both_parents(tmp_path: Path) -> None:
    data = write_tfds(tmp_path / "shapes/1.0.0", num_examples=24, num_classes=4, shape=(9, 8, 1))
    source = replace(source_examples(SourceConfig(src=str(data.folder))), augment=("flip", "crop"))
    feeding, steps = Feeding(batch_size=8, seed=5), range(3, 6)
    order, partners = feeding.epoch_order(24, 1), feeding.partner_order(24, 1)
    views = [feeding.views(24, 1, use, augment=source.augment, shape=(9, 8, 1)) for use in (0, 1)]
    lam = draw_lam(0, 24, alpha=1.0, seed=5, copy=1).astype(np.float32)[:, None, None, None]
    base, partner = (
        apply_views(data.images[chosen], seen).astype(np.float32)
        for chosen, seen in zip((order, partners), views, strict=True)
    )
    expected = np.rint(lam * base + (1 - lam) * partner).astype(np.uint8)
    found = np.concatenate([x for x, _ in mixed_online(source, feeding, steps, alpha=1.0).as_numpy_iterator()])
    assert (found == expected).all()
