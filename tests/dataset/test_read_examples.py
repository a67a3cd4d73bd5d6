"""`read_examples` gives what is stored, of every kind of mixed dataset."""

from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline import MixConfig, MixupError, augment, read_examples
from mixup_pipeline.records.images import decode
from tests.damage import flip
from tests.datasets import write_tfds
from tests.mixed import KINDS, make
from tests.reference import read_output


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(tmp_path: Path, kind: str) -> None:
    mixed = make(kind, tmp_path)
    layout = mixed.manifest.layout
    found = list(read_examples(mixed.out))
    expected = read_output(mixed.out)
    assert len(found) == len(expected) > 0
    for example, record in zip(found, expected, strict=True):
        assert set(example) == {field.key for field in layout.fields}
        assert example[layout.input.key].shape == layout.shape
        assert example[layout.input.key].dtype == (np.float32 if layout.is_vector else np.uint8)
        assert example[layout.input.key].flags.writeable
        if layout.is_vector:
            assert example["features"].tolist() == list(record.features["features"].float_list.value)
        elif layout.input.content == "uint8":
            assert example["image"].tobytes() == record.image
        else:
            assert (example["image"] == decode(record.image, layout.shape)).all()
        if "label" in example:
            assert example["label"].tobytes() == record.label.tobytes()
        assert (example["mixup/base_id"], example["mixup/partner_id"]) == (record.base_id, record.partner_id)
        assert np.float32(example["mixup/lam"]) == record.lam


@pytest.fixture
def out(tmp_path: Path) -> Path:
    data = write_tfds(tmp_path / "data/shapes/1.0.0", num_examples=20)
    augment(str(data.folder), tmp_path / "out", MixConfig(num_shards=3))
    return tmp_path / "out"


def test_workers_share_the_shards(out: Path) -> None:
    ids = [example["mixup/base_id"] for example in read_examples(str(out))]
    of_workers = [[e["mixup/base_id"] for e in read_examples(out, worker=worker, num_workers=2)] for worker in (0, 1)]
    assert sorted(of_workers[0] + of_workers[1]) == sorted(ids)
    assert all(of_workers)
    assert list(read_examples(out, worker=3, num_workers=4)) == []


@pytest.mark.parametrize(("worker", "num_workers"), [(-1, 2), (2, 2), (0, 0)])
def test_a_worker_that_there_is_none_of(out: Path, worker: int, num_workers: int) -> None:
    with pytest.raises(MixupError, match=f"worker must be from 0 to {num_workers - 1}, .* got {worker}"):
        read_examples(out, worker=worker, num_workers=num_workers)


def test_what_cannot_be_read(out: Path, tmp_path: Path) -> None:
    with pytest.raises(MixupError, match="manifest"):
        read_examples(tmp_path / "nothing")
    first, second, _ = sorted(out.glob("*.tfrecord-*"))
    flip(second, 30)
    with pytest.raises(MixupError, match=f"{second.name}.*record 0"):
        list(read_examples(out))
    first.unlink()
    with pytest.raises(MixupError, match=f"{first.name}: cannot be read .*was it removed"):
        list(read_examples(out))
