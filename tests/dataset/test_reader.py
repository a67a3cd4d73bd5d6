"""Reading mixed records back: single records equal those of a whole shard, and λ is found without parsing."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixup_pipeline.dataset.manifest import ShardEntry
from mixup_pipeline.dataset.reader import MixedReader, MixedRecords, lam_in, provenance_bytes, sample_records
from mixup_pipeline.errors import RecordError
from mixup_pipeline.records.layout import Layout
from mixup_pipeline.records.names import id_bytes
from tests.damage import flip, read_payloads, record_starts, replace_record
from tests.datasets import example
from tests.mixed import KINDS, Mixed
from tests.reference import read_output


def plain(records: MixedRecords) -> list[tuple[Any, ...]]:
    """Convert records to values that can be compared."""
    return [
        (
            number,
            r.lam,
            r.base_id,
            r.partner_id,
            r.class_ids,
            r.input.dtype,
            r.input.shape,
            r.input.tobytes(),
            r.label.tolist(),
        )
        for number, r in records.items()
    ]


# Single records


@pytest.mark.parametrize("kind", KINDS)
def test_picked_records_equal_those_of_a_whole_reading(mixed: Callable[[str], Mixed], kind: str) -> None:
    reader = MixedReader(mixed(kind).manifest)
    for shard in mixed(kind).shards:
        last = len(read_payloads(shard)) - 1
        for wanted in ([], [0], [last], [last, 3, 0], range(last + 1)):
            picked = reader.pick(shard, wanted)
            assert list(picked) == sorted(wanted)
            assert plain(picked) == plain(reader.read(shard, wanted).kept)


@pytest.mark.parametrize("kind", KINDS)
def test_picked_records_are_those_that_protobuf_reads(mixed: Callable[[str], Mixed], kind: str) -> None:
    reader, soft = MixedReader(mixed(kind).manifest), kind == "soft labels"
    parsed = iter(read_output(mixed(kind).out))
    for shard in mixed(kind).shards:
        for record in reader.pick(shard, range(len(read_payloads(shard)))).values():
            expected = next(parsed)
            class_ids = None if soft else (expected.base_label, expected.partner_label)
            label = [] if kind == "compact" else expected.label.tolist()
            assert (record.base_id, record.partner_id) == (expected.base_id, expected.partner_id)
            assert (record.lam, record.class_ids, record.label.tolist()) == (float(expected.lam), class_ids, label)
    assert next(parsed, None) is None


@pytest.mark.parametrize("damage", ["payload", "content"])
def test_damage_is_reported_only_of_picked_records(mixed: Callable[[str], Mixed], tmp_path: Path, damage: str) -> None:
    made = mixed("raw").copy(tmp_path)
    reader, shard = MixedReader(made.manifest), made.shards[1]
    if damage == "payload":
        flip(shard, record_starts(shard)[4] + 30)
        said = "its data do not match their CRC"
    else:
        replace_record(shard, 4, example({"image": b"x"}))
        said = "has features image, should have image, label"
    assert list(reader.pick(shard, [3, 5])) == [3, 5]
    with pytest.raises(RecordError, match=rf"^{shard.name}: record 4 at byte {record_starts(shard)[4] + 12}: {said}"):
        reader.pick(shard, [3, 4, 5])


# λ and ids at the end


@pytest.mark.parametrize("kind", KINDS)
def test_lam_is_found_at_the_end_of_every_record(mixed: Callable[[str], Mixed], kind: str) -> None:
    tail_bytes = provenance_bytes(mixed(kind).manifest)
    payloads = [payload for shard in mixed(kind).shards for payload in read_payloads(shard)]
    for payload, record in zip(payloads, read_output(mixed(kind).out), strict=True):
        assert payload.find(b"\rmixup/base_id") >= len(payload) - tail_bytes
        assert lam_in(payload[-tail_bytes:]) == record.lam


LAYOUT = Layout(shape=(5,), num_classes=9, label_kind="class", label_format="dense", image_format="raw")
NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=80)
CLASSES = st.integers(0, 2**31 - 1)


@given(
    NAMES,
    NAMES,
    st.integers(0, 2**31 - 1),
    CLASSES,
    st.none() | CLASSES,
    st.floats(0, 1, width=32),
    st.binary(max_size=90),
)
@settings(max_examples=100)
def test_provenance_fits_whatever_the_names_and_numbers(
    first: str, second: str, record: int, base: int, partner: int | None, lam: float, image: bytes
) -> None:
    features: dict[str, Any] = {"mixup/base_id": f"{first}__{record}".encode(), "mixup/lam": lam}
    features["mixup/partner_id"] = f"{second}__{record // 7}".encode()
    if partner is not None:
        features |= {"mixup/base_label": base, "mixup/partner_label": partner}
    provenance = example(features)
    features |= {"image": image + b"\tmixup/lam\x12\x08\x12\x06\n\x04", "label": [0.5] * 9, "features": [0.25] * 5}
    payload = example(features)
    tail = payload[-LAYOUT.provenance_bytes(max(map(id_bytes, (first, second)))) :]
    entries = provenance[provenance.index(b"\rmixup/base_id") :]
    assert tail.endswith(entries)
    assert lam_in(tail) == lam


@pytest.mark.parametrize(
    "tail", [b"", b"mixup/lam", b"mixup/lam\x12\x08\x12\x06\n\x04", b"mixup/lam\x12\x08\x12\x06\n\x04abc"]
)
def test_a_tail_without_lam_is_refused(tail: bytes) -> None:
    with pytest.raises(ValueError, match="has no mixup/lam at its end"):
        lam_in(tail)


# Choosing


def shard(name: str, examples: int) -> ShardEntry:
    return ShardEntry(name=name, copy=0, examples=examples, bytes=1, sha256="")


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(1, 100), st.integers(0, 2**63 - 1))
@settings(max_examples=100)
def test_sampling_takes_so_many_distinct_records_and_always_the_same(sizes: list[int], count: int, seed: int) -> None:
    shards = [shard(f"s{number}", size) for number, size in enumerate(sizes)]
    chosen = sample_records(shards, count, seed, "test")
    assert sum(map(len, chosen.values())) == min(count, sum(sizes))
    assert all(0 <= record < sizes[int(name[1:])] for name, records in chosen.items() for record in records)
    assert sample_records(shards, count, seed, "test") == chosen
    fewer = sample_records(shards, max(1, count - 1), seed, "test")
    assert all(records <= chosen[name] for name, records in fewer.items())


def test_sampling_is_even_over_the_records_of_all_shards() -> None:
    shards = [shard(name, size) for name, size in (("a", 3), ("b", 1), ("c", 6))]
    drawn = Counter(
        (name, r) for seed in range(2000) for name, rs in sample_records(shards, 3, seed, "test").items() for r in rs
    )
    assert len(drawn) == 10
    assert all(500 < times < 700 for times in drawn.values())  # expected 600, standard deviation 20
    assert any(sample_records(shards, 3, seed, "test") != sample_records(shards, 3, seed, "other") for seed in range(3))
    assert np.all(
        [isinstance(record, int) for records in sample_records(shards, 9, 0, "test").values() for record in records]
    )
