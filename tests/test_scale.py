"""Scale: what one shard reads of the plan does not depend on the size of the dataset; what docs/scale.md builds on."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline.config import MixConfig
from mixup_pipeline.index import ENTRY, PARTNER
from mixup_pipeline.pairing import POLICIES, ring_shift
from mixup_pipeline.plan import ShardTask
from mixup_pipeline.randomness import bit_generator, permutation
from mixup_pipeline.ranges import Ranges
from mixup_pipeline.run import Run
from mixup_pipeline.shards import ShardMixer
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.work import WorkFolder


@pytest.mark.parametrize("num_examples", [2_000, 200_000])
def test_a_shard_reads_its_own_range_of_the_plan_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_examples: int
) -> None:
    config = MixConfig(copies=2, num_shards=10)
    spec = ExampleSpec(input_key="image", label_key="label", encoding="raw", shape=(1, 1, 1), num_classes=3)
    work = WorkFolder.of(tmp_path)
    work.create()
    work.save_run(
        Run(
            name="name",
            split="train",
            config=config,
            spec=spec,
            shape=(1, 1, 1),
            num_examples=num_examples,
            class_names=None,
            files=(),
        )
    )
    slots = np.zeros(num_examples, ENTRY)
    slots["record"] = np.arange(num_examples)
    work.save_slots(slots)
    for copy in range(config.copies):
        work.save_partners(copy, np.roll(np.arange(num_examples), -copy - 1), slots)
    read, requests = Ranges.read, Counter[str]()

    def counting_read(ranges: Ranges, length: int, offset: int) -> bytes:
        requests[ranges.path.name] += length
        return read(ranges, length, offset)

    monkeypatch.setattr(Ranges, "read", counting_read)
    mixer, task = ShardMixer(tmp_path), ShardTask(shard=1, start=200, stop=300)
    entries = mixer.bases(task)
    for copy in range(config.copies):
        draw, entries = mixer.draw(copy, task, entries)
        np.testing.assert_array_equal(draw.partner, draw.base + copy + 1)
    assert entries.entries["record"].tolist() == list(range(200, 302))
    assert requests == {
        "slots": 100 * ENTRY.itemsize,
        "partners-00000": 100 * PARTNER.itemsize,
        "partners-00001": 100 * PARTNER.itemsize,
    }


# The sharded plan of docs/scale.md would give the same bytes


def test_the_order_of_slots_can_be_made_a_bucket_at_a_time() -> None:
    count, worker, bits = 100_000, 1 << 12, 6
    keys = []
    for start in range(0, count, worker):  # each worker makes the words of its own examples
        made = bit_generator(3, "slots")
        made.advance(start // 4)  # Philox makes four words at a time
        keys.append(made.random_raw(min(worker, count - start)))
    words = np.concatenate(keys)
    bucket = words >> np.uint64(64 - bits)
    members = [np.flatnonzero(bucket == number) for number in range(1 << bits)]
    order = np.concatenate([examples[np.argsort(words[examples], kind="stable")] for examples in members])
    np.testing.assert_array_equal(order, permutation(count, 3, "slots"))


def test_a_partner_within_its_class_is_found_from_the_class_counts_of_pieces() -> None:
    count, piece, classes = 20_000, 1_000, 50
    labels = np.random.default_rng(0).integers(0, classes, count, np.int32)
    partners = POLICIES["within-class"](labels, 2, 7, [])
    pieces = labels.reshape(-1, piece)
    before = np.zeros((len(pieces) + 1, classes), np.int64)  # of each class, in the pieces before
    before[1:] = np.cumsum([np.bincount(part, minlength=classes) for part in pieces], axis=0)
    for slot in range(0, count, 37):
        label, (number, row) = labels[slot], divmod(slot, piece)
        size = int(before[-1, label])
        rank = before[number, label] + (pieces[number, :row] == label).sum()
        wanted = (rank + ring_shift(size, 2, 7, "ring", int(label))) % size
        found = np.searchsorted(before[:, label], wanted, side="right") - 1
        rows = np.flatnonzero(pieces[found] == label)
        assert partners[slot] == found * piece + rows[wanted - before[found, label]]


def test_the_partners_of_a_range_of_slots_are_a_range_for_any() -> None:
    labels = np.zeros(1000, np.int32)
    shift = ring_shift(1000, 4, 7, "shift")
    partners = POLICIES["any"](labels, 4, 7, [])
    np.testing.assert_array_equal(partners[300:700], np.arange(300 + shift, 700 + shift) % 1000)
