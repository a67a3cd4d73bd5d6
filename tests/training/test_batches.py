"""Batches hold exactly the records of their epoch, in every form of storage."""

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
from mixup_pipeline.mixing.arithmetic import mix_class_ids
from mixup_pipeline.training.batches import Feeding, evaluation_batches, training_batches
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import ExampleFiles, mixed_examples
from mixup_pipeline.training.online import mixed_online
from mixup_pipeline.training.source_examples import source_examples
from tests.datasets import Dataset, write_tfds
from tests.mixed import Mixed

FEEDING = Feeding(batch_size=1, seed=3, shuffle_buffer=50)


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
    for epoch in (0, copies, copies - 1):
        assert Counter(content(training_batches(records, FEEDING, epoch))) == stored(made, epoch % copies)


def test_epochs_are_shuffled_and_known_by_their_number(mixed: Callable[[str], Mixed]) -> None:
    made = mixed("raw")
    records = mixed_examples(made.out, made.manifest)
    records = replace(records, passes=records.passes[:1])
    first, again, second = (content(training_batches(records, FEEDING, epoch)) for epoch in (0, 0, 1))
    assert first == again != second
    assert Counter(first) == Counter(second)
    assert content(training_batches(records, replace(FEEDING, seed=4), 0)) != first


def test_without_a_buffer_the_order_is_that_of_the_files(mixed: Callable[[str], Mixed]) -> None:
    made = mixed("raw")
    records = mixed_examples(made.out, made.manifest)
    reader = MixedReader(made.manifest)
    stored_in_order = [
        record.input.tobytes()
        for shard in made.manifest.shards
        if shard.copy == 1
        for record in reader.pick(made.out / shard.name, range(shard.examples)).values()
    ]
    found = content(training_batches(records, replace(FEEDING, shuffle_buffer=0), 1))
    assert [image for image, _ in found] == stored_in_order


def test_only_whole_batches(mixed: Callable[[str], Mixed]) -> None:
    made = mixed("raw")
    records = mixed_examples(made.out, made.manifest)
    shapes = [labels.shape[0] for _, labels in training_batches(records, replace(FEEDING, batch_size=7), 0)]
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
    for batches in (training_batches(records, feeding, 0).skip(1).take(1), Evaluation(records).batches):
        assert batches.options().autotune.enabled is False
    online = mixed_online(records, feeding, 0, alpha=1.0)
    assert online.options().autotune.enabled is False
