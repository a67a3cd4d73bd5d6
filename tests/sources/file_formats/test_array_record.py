"""ArrayRecord: records in order and at random, damage, and a TFDS directory that gives what its TFRecord twin gives."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from array_record.python.array_record_module import ArrayRecordWriter

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.errors import RecordError, SourceError, UsageError
from mixup_pipeline.records.framing import masked_crc32c
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.file_formats.array_record import FORMAT, check_local
from mixup_pipeline.sources.index import ENTRY
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.storage.places import place
from tests.damage import cut, edit_json, flip, read_payloads
from tests.datasets import Dataset, write_tfds
from tests.reference import read_output

PAYLOADS = [bytes([number]) * (number * 37 % 900) for number in range(50)]


def write_array_record(path: Path, payloads: Sequence[bytes], options: str = "group_size:1") -> Path:
    writer = ArrayRecordWriter(str(path), options)
    for payload in payloads:
        writer.write(payload)
    writer.close()
    return path


def as_array_record(dataset: Dataset, folder: Path) -> Path:
    """The same dataset as TFDS would write it as ArrayRecord."""
    folder.mkdir(parents=True)
    for file in dataset.files:
        write_array_record(folder / file.name.replace("tfrecord", "array_record"), read_payloads(file))
    for name in ("features.json", "dataset_info.json"):
        shutil.copy(dataset.folder / name, folder)
    edit_json(folder / "dataset_info.json", lambda info: info.update(fileFormat="array_record"))
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_array_record(tmp_path / "a.array_record", PAYLOADS)


@pytest.mark.parametrize("group", [1, 7, 100])
@pytest.mark.parametrize("count", [0, 1, 16, 17, 50])
def test_records_in_order(tmp_path: Path, group: int, count: int) -> None:
    path = write_array_record(tmp_path / "a", PAYLOADS[:count], f"group_size:{group}")
    expected = [(record, payload, masked_crc32c(payload), None) for record, payload in enumerate(PAYLOADS[:count])]
    assert [*FORMAT.records(path, "a")] == expected
    assert not FORMAT.needs_conversion(path)


def test_records_at_random(path: Path) -> None:
    wanted = {49, 3, 17, 0, 18, *range(20, 45)}
    assert [*FORMAT.pick(path, "a", wanted)] == [(n, n, PAYLOADS[n], None) for n in sorted(wanted)]
    assert [*FORMAT.pick(path, "a", ())] == []
    with pytest.raises(RecordError, match=r"^a: holds 50 records, there is no record 50: it was changed"):
        [*FORMAT.pick(path, "a", [3, 50])]


def entries_of(*rows: tuple[int, int]) -> np.ndarray:
    """ENTRY[n] of (file, record)."""
    entries = np.zeros(len(rows), ENTRY)
    for entry, (file, record) in zip(entries, rows, strict=True):
        entry["file"], entry["offset"], entry["record"] = file, record, record
        entry["crc"] = masked_crc32c(PAYLOADS[record])
    return entries


def test_payloads_of_several_files_and_a_change_in_between(tmp_path: Path) -> None:
    files = [
        SourceFile(position=n, name=f"f{n}", path=str(write_array_record(tmp_path / f"f{n}", PAYLOADS))) for n in (0, 1)
    ]
    rows = [(0, 2), (0, 30), (1, 0), (1, 49)]
    assert [*FORMAT.payloads(files, entries_of(*rows))] == [PAYLOADS[record] for _, record in rows]
    write_array_record(tmp_path / "f1", [b"other", *PAYLOADS[1:]])
    with pytest.raises(RecordError, match=r"^f1: record 0: its data changed while they were being read: run again"):
        [*FORMAT.payloads(files, entries_of(*rows))]
    write_array_record(tmp_path / "f1", PAYLOADS[:9])
    with pytest.raises(RecordError, match=r"^f1: holds 9 records, there is no record 49"):
        [*FORMAT.payloads(files, entries_of(*rows))]


def test_a_damaged_chunk_is_a_fault_of_its_record_alone(tmp_path: Path) -> None:
    payloads = [np.random.default_rng(n).bytes(5000) for n in range(40)]
    path = write_array_record(tmp_path / "a", payloads, "group_size:1,uncompressed")
    flip(path, path.read_bytes().index(payloads[20][:64]) + 7)
    found = [*FORMAT.records(path, "a")]
    assert [(record, fault is None) for record, _, _, fault in found] == [(n, n != 20) for n in range(40)]
    assert [payload for _, payload, _, fault in found if fault is None] == payloads[:20] + payloads[21:]
    assert "its data are damaged (Corrupted" in str(found[20][3])
    [(*_, fault)] = FORMAT.pick(path, "a", [20])
    assert fault is not None
    assert FORMAT.where(path, "a", 20, 20) == "a: record 20"


@pytest.mark.parametrize("size", [0, 10, 70_000, -100])
def test_a_file_that_is_cut_is_one_line(path: Path, size: int) -> None:
    cut(path, size if size >= 0 else path.stat().st_size + size)
    with pytest.raises(SourceError, match=r"^a: is no whole ArrayRecord file \(.+\): prepare the dataset again$"):
        [*FORMAT.records(path, "a")]


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        [*FORMAT.records(tmp_path / "none", "none")]
    with pytest.raises(OSError, match="not a regular file"):
        [*FORMAT.records(tmp_path, "folder")]


def test_a_store_is_refused_with_the_remedy() -> None:
    with pytest.raises(UsageError, match=r"^gs://b/d: .*local disks only: copy the folder here, or prepare .*tfrecord"):
        check_local(place("gs://b/d"))


def test_a_tfds_directory_gives_what_its_tfrecord_twin_gives(tmp_path: Path) -> None:
    twin = write_tfds(tmp_path / "a/shapes/1.0.0", num_examples=40, num_files=2)
    folder = as_array_record(twin, tmp_path / "b/shapes/1.0.0")
    source = open_source(SourceConfig(src=str(folder)))
    assert [file.name for file in source.files] == [f"shapes-train.array_record-{n:05d}-of-00002" for n in range(2)]
    assert {file.format for file in source.files} == {"array-record"}
    config = MixConfig(copies=2, num_shards=3, image_format="raw")
    outs = [tmp_path / "out-a", tmp_path / "out-b"]
    for src, out in zip((twin.folder, folder), outs, strict=True):
        augment(str(src), out, config)
    first, second = (read_output(out) for out in outs)
    assert len(first) == len(second) == 80
    for one, other in zip(first, second, strict=True):
        assert one.image == other.image
        assert (one.label == other.label).all()
        assert one.lam == other.lam
        ids = [one.base_id, one.partner_id]
        assert [name.replace("tfrecord", "array_record") for name in ids] == [other.base_id, other.partner_id]
    verdict = verify(outs[1], against=SourceConfig(src=str(folder)))
    assert (verdict.faults, verdict.recomputed) == ([], 80)


def test_a_bad_record_is_named_and_can_be_left_out(tmp_path: Path) -> None:
    twin = write_tfds(tmp_path / "a/shapes/1.0.0", num_examples=20)
    folder = as_array_record(twin, tmp_path / "b/shapes/1.0.0")
    [file] = folder.glob("*.array_record-*")
    payloads = read_payloads(twin.files[0])
    write_array_record(file, [*payloads[:7], b"\xff", *payloads[8:]])
    with pytest.raises(RecordError, match=f"^{file.name}: record 7: the record is not a tf.Example message"):
        augment(str(folder), tmp_path / "out")
    augment(str(folder), tmp_path / "skipped", MixConfig(on_bad_record="skip"))
    assert len(read_output(tmp_path / "skipped")) == 19


def test_a_missing_file_and_other_formats_are_refused(tmp_path: Path) -> None:
    folder = as_array_record(write_tfds(tmp_path / "a/shapes/1.0.0"), tmp_path / "b/shapes/1.0.0")
    info = folder / "dataset_info.json"
    edit_json(info, lambda content: content.update(fileFormat="riegeli"))
    with pytest.raises(
        SourceError, match="stored as riegeli, only tfrecord and array_record can be read: prepare it as"
    ):
        open_source(SourceConfig(src=str(folder)))
    assert json.loads(info.read_text())["fileFormat"] == "riegeli"
    edit_json(info, lambda content: content.update(fileFormat="array_record"))
    next(folder.glob("*.array_record-*")).unlink()
    with pytest.raises(SourceError, match=r"array_record-00000-of-00001: is missing"):
        open_source(SourceConfig(src=str(folder)))


@pytest.mark.slow
def test_the_library_is_imported_late_and_brings_no_tensorflow() -> None:
    code = (
        "import sys; from mixup_pipeline.sources.file_formats import array_record as ours\n"
        "assert 'array_record' not in sys.modules\n"
        "import array_record.python.array_record_module\n"
        "assert not {'tensorflow', 'grain', 'jax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
