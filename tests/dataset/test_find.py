"""Find: all appearances of all examples equal those found by parsing all records."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.dataset.find import Appearance, find
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.errors import OutputError, RecordError, UsageError
from tests.damage import cut, read_payloads
from tests.datasets import example, png, random_images, tensor_feature, write_features, write_records, write_tfds
from tests.mixed import KINDS, Mixed
from tests.reference import read_output

CONFIGS = {
    "any": MixConfig(copies=3, num_shards=3),
    "within-class": MixConfig(pairing="within-class", copies=3, num_shards=2),
    "cross-class": MixConfig(pairing="cross-class", prob=0.5, keep_originals=True),
    "nothing mixed": MixConfig(prob=0, copies=2),
}


def slow_find(out: Path, source_id: str, soft: bool) -> list[Appearance]:
    """Find all appearances by parsing every record of every shard."""
    found, seen = [], dict.fromkeys((shard.name for shard in read_manifest(out).shards), 0)
    copies = {shard.name: shard.copy for shard in read_manifest(out).shards}
    for record in read_output(out):
        number, copy = seen[record.shard], copies[record.shard]
        seen[record.shard] += 1
        if source_id not in (record.base_id, record.partner_id):
            continue
        is_base, lam = record.base_id == source_id, float(record.lam)
        if record.base_id == record.partner_id:
            role = "original" if copy is None else "unmixed"
        else:
            role = "base" if is_base else "partner"
        found.append(
            Appearance(
                shard=record.shard,
                record=number,
                copy=copy,
                role=role,
                lam=lam,
                weight=lam if is_base else 1 - lam,
                other=record.partner_id if is_base else record.base_id,
                other_class=None if soft else record.partner_label if is_base else record.base_label,
            )
        )
    return found


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_find_equals_parsing_every_record(tmp_path: Path, config: MixConfig) -> None:
    """With 12 records in a file, some ids are the beginning of others: __1 and __10."""
    labels = [0] * 9 + [1] * 8 + [2] * 6 + [3]  # a class with one example
    dataset = write_tfds(tmp_path / "shapes/1.0.0", num_examples=24, labels=labels, num_files=2)
    augment(str(dataset.folder), tmp_path / "out", config)
    manifest = read_manifest(tmp_path / "out")
    total = 0
    for source_id in dataset.ids:
        found = list(find(tmp_path / "out", manifest, source_id))
        assert found == slow_find(tmp_path / "out", source_id, soft=False)
        total += len(found)
    totals = manifest.totals
    assert total == 2 * totals.mixed + totals.unmixed + totals.originals


@pytest.mark.parametrize("kind", KINDS)
def test_find_reads_every_kind_of_record(mixed: Callable[[str], Mixed], kind: str) -> None:
    made = mixed(kind)
    for source_id in sorted({record.partner_id for record in read_output(made.out)})[::6]:
        found = list(find(made.out, made.manifest, source_id))
        assert found == slow_find(made.out, source_id, soft=kind == "soft labels")
        assert found


def test_of_large_records_only_the_ends_and_those_found_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payloads = [
        example({"image": png(image), "label": n % 2}) for n, image in enumerate(random_images(10, (200, 200, 3)))
    ]
    src = SourceConfig(src=str(write_records(tmp_path / "large.tfrecord", payloads)), num_classes=2)
    manifest = augment(src, tmp_path / "out").manifest
    expected = slow_find(tmp_path / "out", "large.tfrecord__3", soft=False)
    num_bytes, pread = 0, os.pread

    def counting_pread(handle: int, length: int, offset: int) -> bytes:
        nonlocal num_bytes
        num_bytes += length
        return pread(handle, length, offset)

    monkeypatch.setattr(os, "pread", counting_pread)
    assert list(find(tmp_path / "out", manifest, "large.tfrecord__3")) == expected
    assert len(expected) == 2
    assert num_bytes < 2 * 121_000 + 2 * (64 << 10) + 10_000  # of 1.2 MB: two records, and two first reads


def test_pixels_that_look_like_an_id_are_not_taken_for_it(tmp_path: Path) -> None:
    text = b"\n\x10dots.tfrecord__0"
    features = {"image": tensor_feature("uint8", (1, len(text), 1), "bytes"), "label": tensor_feature("int64", ())}
    schema = write_features(tmp_path / "features.json", features)
    path = write_records(tmp_path / "dots.tfrecord", [example({"image": text, "label": 0})] * 5)
    augment(SourceConfig(src=str(path), schema=str(schema), num_classes=1), tmp_path / "out")
    manifest, source_id = read_manifest(tmp_path / "out"), "dots.tfrecord__0"
    assert list(find(tmp_path / "out", manifest, source_id)) == slow_find(tmp_path / "out", source_id, soft=False)


def test_a_record_that_was_left_out_is_in_no_output(mixed: Callable[[str], Mixed]) -> None:
    made = mixed("skipped")
    assert list(find(made.out, made.manifest, "shapes-train.tfrecord-00000-of-00002__2")) == []


def test_each_shard_is_counted_when_it_is_done(mixed: Callable[[str], Mixed]) -> None:
    made, done = mixed("raw"), []
    source_id = made.manifest.source.files[0].name + "__0"
    list(find(made.out, made.manifest, source_id, on_shard=lambda *progress: done.append(progress)))
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]


# Errors

FILE = "shapes-train.tfrecord-00000-of-00002"


@pytest.mark.parametrize(
    "source_id",
    [
        *("", "7", "__", FILE, f"{FILE}__", f"{FILE}__15", f"{FILE}__-1", f"{FILE}__01", f"{FILE}__1 ", f"{FILE}__one"),
        *(f"{FILE}__1__1", f"{FILE}__²", f"{FILE}__١", f"{FILE.upper()}__1", f"/data/{FILE}__1", "\x1b[31m__0"),
        f"{FILE}__{'1' * 5000}",
    ],
    ids=range(17),
)
def test_an_id_that_the_source_does_not_have_is_refused(mixed: Callable[[str], Mixed], source_id: str) -> None:
    said = f"find {source_id!r}: the source has no such example: ids are {FILE}__0 to {FILE}__14"
    with pytest.raises(UsageError, match="^" + re.escape(said)) as raised:
        list(find(mixed("raw").out, mixed("raw").manifest, source_id))
    known = source_id.rpartition("__")[0] == FILE
    assert str(raised.value).endswith("__14" if known else ", and of 1 more files")


def test_missing_and_damaged_shards_are_named(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    made = mixed("raw").copy(tmp_path)
    size = made.shards[1].stat().st_size
    cut(made.shards[1], size - 3)
    last = len(read_payloads(made.shards[0])) - 1
    with pytest.raises(RecordError, match=rf"^{made.shards[1].name}: record {last} at byte \d+: .*truncated"):
        list(find(made.out, made.manifest, f"{FILE}__0"))
    made.shards[0].unlink()
    with pytest.raises(OutputError, match=rf"^{made.shards[0]}: cannot be read \(No such file or directory\)"):
        list(find(made.out, made.manifest, f"{FILE}__0"))
