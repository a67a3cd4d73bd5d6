"""Indexing: entries and fingerprints equal a brute-force reading; bad records, reuse, compressed files."""

import gzip
import hashlib
import re
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline.config import MixConfig
from mixup_pipeline.errors import OutputError, RecordError, SourceError
from mixup_pipeline.records.facts import ImageFacts
from mixup_pipeline.records.framing import frame, header
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources import scan
from mixup_pipeline.sources.census import Census, Seen, one_shape
from mixup_pipeline.sources.index import Entries, IndexedFile
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.spec import NO_CLASS, ExampleSpec
from mixup_pipeline.storage.stamps import stamp
from tests.damage import HEADER_BYTES, cut, flip, read_payloads, record_starts, replace_record
from tests.datasets import damaged_png, example, jpeg, png, random_images, write_records

SKIP, FAIL = MixConfig(on_bad_record="skip"), MixConfig()
PNG_SPEC = ExampleSpec(input_key="image", label_key="label", encoding="encoded", shape=(6, 5, 1), num_classes=4)
PHOTO_SPEC = replace(PNG_SPEC, shape=(None, None, 3), first_class=1)
RAW_SPEC = replace(PNG_SPEC, encoding="raw")
VECTOR_SPEC = replace(PNG_SPEC, encoding="vector", shape=(7,))
SOFT_SPEC = replace(PNG_SPEC, label_kind="soft")

IMAGES = random_images(12, (6, 5, 1))
PHOTOS = random_images(12, (16, 16, 3))
VECTORS = np.random.default_rng(0).normal(size=(12, 7)).astype(np.float32)
SOFT = np.random.default_rng(1).dirichlet(np.ones(4), 12).astype(np.float32)
LABELS = [n % 4 for n in range(12)]

PNG_RECORDS = [example({"image": png(image), "label": label}) for image, label in zip(IMAGES, LABELS, strict=True)]


@dataclass(frozen=True)
class Form:
    """One form of records: their spec, their features, and the bytes and the shape of their inputs."""

    spec: ExampleSpec
    features: Sequence[Mapping[str, Any]]
    inputs: list[bytes]
    shape: tuple[int, ...]

    @property
    def class_ids(self) -> list[int]:
        return [NO_CLASS] * len(LABELS) if self.spec.label_kind == "soft" else LABELS


def form(spec: ExampleSpec, inputs: list[Any], labels: list[Any], shape: tuple[int, ...]) -> Form:
    pairs = enumerate(zip(inputs, labels, strict=True))
    features = [{"image": data, "label": label, "name": b"n" * number} for number, (data, label) in pairs]
    stored = [data if isinstance(data, bytes) else data.astype("<f4").tobytes() for data in inputs]
    return Form(spec, features, stored, shape)


FORMS = {
    "png": form(PNG_SPEC, [png(image) for image in IMAGES], LABELS, (6, 5, 1)),
    "jpeg": form(PHOTO_SPEC, [jpeg(image) for image in PHOTOS], [label + 1 for label in LABELS], (16, 16, 3)),
    "raw": form(RAW_SPEC, [image.tobytes() for image in IMAGES], LABELS, (6, 5, 1)),
    "vector": form(VECTOR_SPEC, list(VECTORS), LABELS, (7,)),
    "soft": form(SOFT_SPEC, [png(image) for image in IMAGES], list(SOFT), (6, 5, 1)),
}


@pytest.fixture
def work(tmp_path: Path) -> WorkFolder:
    folder = WorkFolder(tmp_path / "work")
    folder.create()
    return folder


def source_file(path: Path, declared: int | None = None, position: int = 0) -> SourceFile:
    return SourceFile(position=position, name=path.name, path=str(path), declared_records=declared)


def index(
    path: Path,
    work: WorkFolder,
    spec: ExampleSpec = PNG_SPEC,
    config: MixConfig = FAIL,
    *,
    declared: int | None = None,
    position: int = 0,
) -> tuple[Entries, IndexedFile]:
    indexed = index_file(source_file(path, declared, position), spec, config, work)
    return work.entries(position), indexed


def fingerprint_of(path: Path, num_records: int | None = None) -> str:
    """Compute sha256 over the length and the stored CRC of each record by brute force."""
    data, ends = path.read_bytes(), record_starts(path)[1:]
    digest = hashlib.sha256()
    for payload, end in list(zip(read_payloads(path), ends, strict=True))[:num_records]:
        digest.update(struct.pack("<Q", len(payload)) + data[end - 4 : end])
    return digest.hexdigest()


# Entries


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("config", [FAIL, SKIP], ids=["fail", "skip"])
def test_entries_equal_a_brute_force_reading(tmp_path: Path, work: WorkFolder, kind: str, config: MixConfig) -> None:
    form = FORMS[kind]
    path = write_records(tmp_path / "a.tfrecord", [example(features) for features in form.features])
    entries, indexed = index(path, work, form.spec, config, declared=12, position=3)
    data = path.read_bytes()
    assert entries["offset"].tolist() == [start + HEADER_BYTES for start in record_starts(path)[:-1]]
    assert entries["length"].tolist() == [len(payload) for payload in read_payloads(path)]
    assert entries["record"].tolist() == list(range(12))
    assert entries["file"].tolist() == [3] * 12
    assert entries["class_id"].tolist() == form.class_ids
    starts = (entries["offset"] + entries["input_start"]).tolist()
    lengths = entries["input_length"].tolist()
    assert [data[start : start + length] for start, length in zip(starts, lengths, strict=True)] == form.inputs
    assert indexed == IndexedFile(
        name="a.tfrecord",
        path=str(path),
        examples=12,
        skipped=0,
        fingerprint=fingerprint_of(path),
        stamp=stamp(path),
    )
    assert entries["crc"].tolist() == [int.from_bytes(data[end - 4 : end], "little") for end in record_starts(path)[1:]]
    census, left_out = work.found(3)
    assert one_shape(census, form.spec) == form.shape
    assert (census.total, left_out) == (12, ())


def test_a_file_of_many_records_and_one_large_one(tmp_path: Path, work: WorkFolder) -> None:
    """The file is larger than the read buffer, and so is one of its records."""
    vectors = [np.full(40_000, n, np.float32) for n in range(30)]
    payloads = [example({"image": vector, "label": 1}) for vector in vectors]
    payloads[7] = example({"image": vectors[7], "label": 1, "more": bytes(6 << 20)})
    path = write_records(tmp_path / "a.tfrecord", payloads)
    entries, indexed = index(path, work, replace(VECTOR_SPEC, shape=(None,)))
    assert entries["offset"].tolist() == [start + HEADER_BYTES for start in record_starts(path)[:-1]]
    assert indexed.fingerprint == fingerprint_of(path)


def test_an_empty_file_has_no_entries(tmp_path: Path, work: WorkFolder) -> None:
    entries, indexed = index(write_records(tmp_path / "a.tfrecord", []), work, declared=0)
    assert len(entries) == 0
    assert (indexed.examples, work.found(0)) == (0, (Census(), ()))
    assert indexed.fingerprint == hashlib.sha256().hexdigest()


def test_fingerprints_tell_files_apart(tmp_path: Path, work: WorkFolder) -> None:
    contents = [PNG_RECORDS, PNG_RECORDS[::-1], PNG_RECORDS[:-1], PNG_RECORDS[1:], [*PNG_RECORDS, PNG_RECORDS[0]]]
    found = set()
    for position, payloads in enumerate(contents):
        path = write_records(tmp_path / f"{position}.tfrecord", payloads)
        found.add(index(path, work, position=position)[1].fingerprint)
    assert len(found) == len(contents)


# Limit


def test_limit_reads_no_further(tmp_path: Path, work: WorkFolder) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS)
    flip(path, record_starts(path)[5] + 20)
    entries, indexed = index(path, work, config=MixConfig(limit=5), declared=99)
    assert entries["record"].tolist() == list(range(5))
    assert (indexed.examples, indexed.fingerprint) == (5, fingerprint_of(path, 5))
    with pytest.raises(RecordError, match="record 5 at byte"):
        index(path, work, config=MixConfig(limit=6), position=1)


def test_limit_counts_good_examples_only(tmp_path: Path, work: WorkFolder) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS)
    flip(path, record_starts(path)[0] + 20)
    flip(path, record_starts(path)[2] + 20)
    entries, indexed = index(path, work, config=replace(SKIP, limit=3))
    assert entries["record"].tolist() == [1, 3, 4]
    assert (indexed.examples, indexed.skipped) == (3, 2)


def test_a_limit_that_is_not_reached_checks_the_count(tmp_path: Path, work: WorkFolder) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS)
    assert index(path, work, config=MixConfig(limit=100), declared=12)[1].examples == 12
    with pytest.raises(SourceError, match=r"holds 12 records, its dataset_info\.json declares 13"):
        index(path, work, config=MixConfig(limit=100), declared=13, position=1)


# Reuse


def no_scan(*_: object) -> None:
    raise AssertionError("the file was read again")


def test_an_index_is_used_again(tmp_path: Path, work: WorkFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS)
    entries, indexed = index(path, work)
    monkeypatch.setattr(scan, "scan_file", no_scan)
    again, indexed_again = index(path, work)
    assert indexed_again == indexed
    assert again.tobytes() == entries.tobytes()


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + frame(PNG_RECORDS[0]))


def change_in_place(path: Path) -> None:
    before = path.stat().st_mtime_ns
    payloads = read_payloads(path)
    path.write_bytes(b"".join(map(frame, [payloads[1], payloads[0], *payloads[2:]])))
    while path.stat().st_mtime_ns == before:  # a coarse clock
        path.touch()


@pytest.mark.parametrize("change", [grow, change_in_place])
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_changed_file_is_indexed_again(
    tmp_path: Path, work: WorkFolder, change: Callable[[Path], None], compress: Callable[[bytes], bytes]
) -> None:
    plain, path = write_records(tmp_path / "plain", PNG_RECORDS), tmp_path / "a.tfrecord"
    path.write_bytes(compress(plain.read_bytes()))
    index(path, work)
    change(plain)
    path.write_bytes(compress(plain.read_bytes()))
    entries, indexed = index(path, work)
    assert indexed.fingerprint == fingerprint_of(plain)
    assert entries["length"].tolist() == [len(payload) for payload in read_payloads(plain)]


def test_an_index_whose_spooled_file_is_gone_is_made_again(tmp_path: Path, work: WorkFolder) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS)
    path.write_bytes(gzip.compress(path.read_bytes()))
    indexed = index(path, work)[1]
    Path(indexed.path).unlink()
    assert index(path, work)[1] == indexed
    assert Path(indexed.path).is_file()


# Bad records


def set_features(features: Mapping[str, Any]) -> Callable[[Path, int], None]:
    return lambda path, record: replace_record(path, record, example(features))


def flip_payload(path: Path, record: int) -> None:
    flip(path, record_starts(path)[record] + HEADER_BYTES + 30)


def flip_crc(path: Path, record: int) -> None:
    flip(path, record_starts(path)[record + 1] - 1)


def packed_ints(key: str, values: bytes) -> bytes:
    """Write by hand a tf.Example with the image and an int64 list of these one-byte values."""
    packed = b"\x0a" + bytes([len(values)]) + values
    feature = b"\x1a" + bytes([len(packed)]) + packed
    entry = b"\x0a" + bytes([len(key)]) + key.encode() + b"\x12" + bytes([len(feature)]) + feature
    wrapped = b"\x0a" + bytes([len(entry)]) + entry
    return example({"image": png(IMAGES[0])}) + b"\x0a" + bytes([len(wrapped)]) + wrapped


BAD_RECORDS: dict[str, tuple[Callable[[Path, int], None], str]] = {
    "bit flip in payload": (flip_payload, "its data do not match their CRC"),
    "bit flip in payload's CRC": (flip_crc, "its data do not match their CRC"),
    "no message": (lambda path, n: replace_record(path, n, b"\xff\xff"), r"not a tf\.Example message"),
    "empty payload": (lambda path, n: replace_record(path, n, b""), "feature 'label' is missing"),
    "label too large": (set_features({"image": png(IMAGES[0]), "label": 4}), "label 4 is out of range: .* 0 to 3"),
    "label negative": (set_features({"image": png(IMAGES[0]), "label": -1}), "label -1 is out of range: .* 0 to 3"),
    "label huge": (set_features({"image": png(IMAGES[0]), "label": 2**62}), "label 4611686018427387904 is out of ra"),
    "label missing": (set_features({"image": png(IMAGES[0])}), "feature 'label' is missing: the record has image"),
    "image missing": (set_features({"label": 1}), "feature 'image' is missing: the record has label"),
    "label of other kind": (set_features({"image": png(IMAGES[0]), "label": [0.5]}), "'label' is float_list"),
    "image of other kind": (set_features({"image": 7, "label": 1}), "feature 'image' is int64_list"),
    "two labels": (
        lambda path, n: replace_record(path, n, packed_ints("label", b"\x01\x02")),
        "label 'label' holds 2 values, one is needed",
    ),
    "no value": (
        lambda path, n: replace_record(path, n, packed_ints("label", b"")),
        "label 'label' holds 0 values, one is needed",
    ),
    "no image": (set_features({"image": b"no image", "label": 1}), "none of JPEG, PNG, WebP, GIF, BMP and TIFF"),
    "empty image": (set_features({"image": b"", "label": 1}), "none of JPEG, PNG, WebP, GIF, BMP and TIFF"),
    "image cut in its header": (set_features({"image": png(IMAGES[0])[:20], "label": 1}), "PNG image ends after 20"),
    "image of another size than the schema": (
        set_features({"image": png(IMAGES[0][:5]), "label": 1}),
        "the example is 5x5x1, the schema says 6x5x1",
    ),
    "image that claims 100000x100000": (
        set_features(
            {"image": png(IMAGES[0]).replace(struct.pack(">II", 5, 6), struct.pack(">II", 10**5, 10**5))} | {"label": 1}
        ),
        "its header says 100000x100000, allowed are up to 100 million",
    ),
}


@pytest.mark.parametrize("kind", BAD_RECORDS)
@pytest.mark.parametrize("record", [0, 5, 11])
def test_a_bad_record_stops_or_is_skipped(tmp_path: Path, work: WorkFolder, kind: str, record: int) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS)
    damage, reason = BAD_RECORDS[kind]
    damage(path, record)
    offset = record_starts(path)[record] + HEADER_BYTES
    with pytest.raises(RecordError, match=rf"^a\.tfrecord: record {record} at byte {offset}: .*{reason}"):
        index(path, work, declared=12)
    assert not list(work.root.glob("index/*"))

    entries, indexed = index(path, work, config=SKIP, declared=12)
    assert entries["record"].tolist() == [number for number in range(12) if number != record]
    assert (indexed.examples, indexed.skipped) == (11, 1)
    assert indexed.fingerprint == fingerprint_of(path)
    census, (bad,) = work.found(0)
    assert census.total == 11
    assert (bad.record, bad.offset) == (record, offset)
    assert re.search(reason, bad.reason)


def test_an_image_damaged_behind_its_header_is_found_where_bad_records_are_skipped(
    tmp_path: Path, work: WorkFolder
) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS)
    replace_record(path, 4, example({"image": damaged_png(IMAGES[4]), "label": 1}))
    entries, indexed = index(path, work, config=SKIP)
    assert 4 not in entries["record"]
    assert indexed.skipped == 1
    assert index(path, work, position=1)[1].examples == 12  # the shard that decodes it will find the fault


@pytest.mark.parametrize(
    ("spec", "features", "reason"),
    [
        (RAW_SPEC, {"image": bytes(29), "label": 1}, "holds 29 bytes, but 6x5x1 needs 30"),
        (VECTOR_SPEC, {"image": [1.0] * 6, "label": 1}, "the example is 6, the schema says 7"),
        (SOFT_SPEC, {"image": png(IMAGES[0]), "label": [0.5, 0.5]}, "holds 2 values, 4 are needed"),
        (SOFT_SPEC, {"image": png(IMAGES[0]), "label": [0.5, 0.5, 0.5, 0]}, "sum to 1, sum 1.5"),
        (SOFT_SPEC, {"image": png(IMAGES[0]), "label": [1.5, -0.5, 0, 0]}, "values from 0 to 1"),
        (SOFT_SPEC, {"image": png(IMAGES[0]), "label": [np.nan, 0, 0, 1]}, "values from 0 to 1"),
        (SOFT_SPEC, {"image": png(IMAGES[0]), "label": 1}, "label 'label' holds 1 value, 4 are needed"),
        (PHOTO_SPEC, {"image": jpeg(PHOTOS[0]), "label": 0}, "label 0 is out of range: allowed are 1 to 4"),
        (PHOTO_SPEC, {"image": jpeg(PHOTOS[0])[:30], "label": 1}, "JPEG image is damaged: no sound segment"),
    ],
)
def test_bad_records_of_other_forms(
    tmp_path: Path, work: WorkFolder, spec: ExampleSpec, features: dict[str, Any], reason: str
) -> None:
    kind = next(kind for kind, form in FORMS.items() if form.spec == spec)
    path = write_records(tmp_path / "a.tfrecord", [example(good) for good in FORMS[kind].features])
    replace_record(path, 2, example(features))
    with pytest.raises(RecordError, match=rf"a\.tfrecord: record 2 at byte \d+: .*{reason}"):
        index(path, work, spec)
    assert index(path, work, spec, SKIP)[1].skipped == 1


def test_a_vector_that_is_not_finite_is_skipped(tmp_path: Path, work: WorkFolder) -> None:
    path = write_records(tmp_path / "a.tfrecord", [example(features) for features in FORMS["vector"].features])
    replace_record(path, 2, example({"image": [np.inf] * 7, "label": 1}))
    assert index(path, work, VECTOR_SPEC, SKIP)[1].skipped == 1


def test_floats_that_are_not_packed_are_refused_with_advice(tmp_path: Path, work: WorkFolder) -> None:
    unpacked = b"".join(b"\x0d" + struct.pack("<f", value) for value in range(7))  # one tag per value
    feature = b"\x12" + bytes([len(unpacked)]) + unpacked
    entry = b"\x0a\x05image\x12" + bytes([len(feature)]) + feature
    features = b"\x0a" + bytes([len(entry)]) + entry
    payload = b"\x0a" + bytes([len(features)]) + features + example({"label": 1})
    path = write_records(tmp_path / "a.tfrecord", [payload])
    with pytest.raises(RecordError, match="holds unpacked floats: write it packed, as TensorFlow does"):
        index(path, work, VECTOR_SPEC)


def test_all_records_bad_leaves_nothing(tmp_path: Path, work: WorkFolder) -> None:
    path = write_records(tmp_path / "a.tfrecord", [b"\xff"] * 3)
    entries, indexed = index(path, work, config=SKIP)
    assert len(entries) == 0
    assert indexed.skipped == 3
    assert one_shape(work.found(0)[0], PNG_SPEC) is None


def test_a_reason_of_any_length_is_kept_short(tmp_path: Path, work: WorkFolder) -> None:
    """Names of features come from the record. A list of bad records could not be read back with a field this long."""
    path = write_records(tmp_path / "a.tfrecord", [*PNG_RECORDS, example({"image": b"", "x" * 200_000: 1})])
    index(path, work, config=SKIP)
    (bad,) = work.found(0)[1]
    assert bad.reason.startswith("feature 'label' is missing: the record has image, xxx")
    assert len(bad.reason) == 300


# Damage that hides where records start


@pytest.mark.parametrize("config", [FAIL, SKIP], ids=["fail", "skip"])
@pytest.mark.parametrize("byte", range(HEADER_BYTES))
def test_a_damaged_length_cannot_be_skipped(tmp_path: Path, work: WorkFolder, config: MixConfig, byte: int) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS)
    start = record_starts(path)[3]
    flip(path, start + byte, 0x10)
    with pytest.raises(RecordError, match=rf"a\.tfrecord: record 3 at byte {start}: the length does not match its CRC"):
        index(path, work, config=config)


@pytest.mark.parametrize("length", [2**31, 2**40, 2**63 - 1, 2**64 - 1])
def test_a_forged_length_with_a_right_crc_is_named(tmp_path: Path, work: WorkFolder, length: int) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS)
    data, start = path.read_bytes(), record_starts(path)[3]
    path.write_bytes(data[:start] + header(length) + data[start + HEADER_BYTES :])
    with pytest.raises(RecordError, match=rf"record 3 at byte {start}: the record claims {length:,} bytes"):
        index(path, work, config=SKIP)


def test_every_cut_is_noticed(tmp_path: Path, work: WorkFolder) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS[:3])
    whole, starts = path.read_bytes(), record_starts(path)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        record = next(n for n in reversed(range(3)) if starts[n] <= size)
        if size in starts:
            expected = rf"^a\.tfrecord: holds {record} records, its dataset_info\.json declares 3: .*incomplete"
        else:
            expected = rf"^a\.tfrecord: record {record} at byte {starts[record]}: .*(ends inside|truncated)"
        with pytest.raises(SourceError, match=expected):
            index(path, work, config=SKIP, declared=3)


def test_every_flipped_byte_is_noticed(tmp_path: Path, work: WorkFolder) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS[:3])
    whole, starts = path.read_bytes(), record_starts(path)
    for position in range(len(whole)):
        path.write_bytes(whole)
        flip(path, position, 0x40)
        record = next(n for n in reversed(range(3)) if starts[n] <= position)
        with pytest.raises(RecordError, match=rf"^a\.tfrecord: record {record} at byte "):
            index(path, work)


def test_a_file_with_too_many_records_is_refused(tmp_path: Path, work: WorkFolder) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS)
    with pytest.raises(SourceError, match=r"holds 12 records, its dataset_info\.json declares 11"):
        index(path, work, declared=11)


# Sizes


def test_vectors_of_two_lengths_are_named(tmp_path: Path, work: WorkFolder) -> None:
    payloads = [example({"image": [1.0] * length, "label": 0}) for length in (7, 7, 8)]
    path = write_records(tmp_path / "a.tfrecord", payloads)
    for config in (FAIL, SKIP):
        with pytest.raises(SourceError, match=r"a\.tfrecord record 0 is 7, a\.tfrecord record 2 is 8: make"):
            index(path, work, replace(VECTOR_SPEC, shape=(None,)), config)


def test_only_good_records_are_in_the_census(tmp_path: Path, work: WorkFolder) -> None:
    payloads = [example({"image": png(IMAGES[0][:4]), "label": 9}), *PNG_RECORDS[:3]]
    path = write_records(tmp_path / "a.tfrecord", payloads)
    index(path, work, replace(PNG_SPEC, shape=(None, None, None)), SKIP)
    census, (bad,) = work.found(0)
    assert census == Census({ImageFacts("PNG", 6, 5, "grey"): Seen(3, "a.tfrecord", 1)})
    assert bad.record == 0


# Compressed files


def in_members(data: bytes) -> bytes:
    """Compress data as several GZIP files joined end to end, one of them empty."""
    return gzip.compress(data[:100]) + gzip.compress(b"") + gzip.compress(data[100:])


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "gzip members": in_members,
}


@pytest.mark.parametrize("how", COMPRESSIONS)
def test_compressed_files_are_indexed_as_if_they_were_plain(tmp_path: Path, work: WorkFolder, how: str) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS)
    plain, plain_indexed = index(path, work)
    path.write_bytes(COMPRESSIONS[how](path.read_bytes()))
    entries, indexed = index(path, work, declared=12)
    assert entries.tobytes() == plain.tobytes()
    assert replace(indexed, path="", stamp=()) == replace(plain_indexed, path="", stamp=())
    assert Path(indexed.path) == work.spool(0)
    assert read_payloads(Path(indexed.path)) == PNG_RECORDS


@pytest.mark.parametrize("how", COMPRESSIONS)
@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_compressed_file_is_named(tmp_path: Path, work: WorkFolder, how: str, damage: str) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS)
    path.write_bytes(COMPRESSIONS[how](path.read_bytes()))
    if damage == "cut":
        cut(path, path.stat().st_size - 5)
    else:
        flip(path, -6)  # in the checksum, or the data just before
    with pytest.raises(SourceError, match=r"^a\.tfrecord: the compressed file is damaged \(.*\): make it again"):
        index(path, work)


def test_a_damaged_record_inside_a_sound_compressed_file(tmp_path: Path, work: WorkFolder) -> None:
    path = write_records(tmp_path / "a.tfrecord.gz", PNG_RECORDS)
    offset = record_starts(path)[6] + HEADER_BYTES
    flip_payload(path, 6)
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(RecordError, match=rf"a\.tfrecord\.gz: record 6 at byte {offset}: "):
        index(path, work)


def test_a_full_disk_while_spooling_is_not_blamed_on_the_source(
    tmp_path: Path, work: WorkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_records(tmp_path / "a.tfrecord", PNG_RECORDS)
    path.write_bytes(gzip.compress(path.read_bytes()))
    (tmp_path / "full").symlink_to("/dev/full")
    monkeypatch.setattr(WorkFolder, "new_partial", lambda folder, name: tmp_path / "full")
    with pytest.raises(OutputError, match=r"no space left on device.*make room"):
        index(path, work)


@pytest.mark.parametrize("what", ["missing", "folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, work: WorkFolder, what: str) -> None:
    path = tmp_path / "a.tfrecord"
    if what == "folder":
        path.mkdir()
    with pytest.raises(SourceError, match=r"/a\.tfrecord: cannot be read \("):
        index(path, work)
