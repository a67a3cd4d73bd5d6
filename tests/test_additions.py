"""Additions: a pairing policy and a mixing method that are registered from outside work in the whole tool."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.config.registry import METHODS, PAIRINGS
from mixup_pipeline.dataset.find import find
from mixup_pipeline.dataset.manifest import Manifest, read_manifest
from mixup_pipeline.dataset.mixed_examples import load_examples, sample_locations
from mixup_pipeline.dataset.overview import read_overview
from mixup_pipeline.dataset.parents import find_parents
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.errors import UsageError
from tests.choices import BOXED, REVERSED, registered
from tests.damage import accept_shards, edit_json, read_payloads, replace_record
from tests.datasets import Dataset, write_tfds
from tests.reference import MixedRecord, mix_label, pairs_and_lam, read_output

COUNT, NUM_CLASSES = 30, 4
CONFIG = {"pairing": "reversed", "method": "boxed", "copies": 2, "prob": 0.8}


@pytest.fixture(autouse=True)
def choices() -> Iterator[None]:
    with registered(PAIRINGS, "reversed", REVERSED), registered(METHODS, "boxed", BOXED):
        yield


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return write_tfds(tmp_path / "shapes/1.0.0", num_examples=COUNT, num_files=2, num_classes=NUM_CLASSES)


def made(dataset: Dataset, out: Path, **config: object) -> Manifest:
    augment(str(dataset.folder), out, MixConfig(**{**CONFIG, "keep_originals": True, **config}))  # type: ignore[arg-type]
    return read_manifest(out)


def box_of(record: MixedRecord) -> list[int]:
    return list(record.features["mixup/box"].int64_list.value)


@pytest.mark.parametrize("image_format", ["raw", "png"])
def test_outputs_are_what_the_method_makes_of_the_pairs_of_the_policy(
    dataset: Dataset, tmp_path: Path, image_format: str
) -> None:
    made(dataset, tmp_path / "out", image_format=image_format)
    shape, position = dataset.images.shape[1:], {id_: row for row, id_ in enumerate(dataset.ids)}
    records = read_output(tmp_path / "out")
    assert len(records) == 3 * COUNT
    for record in records:
        base, partner = position[record.base_id], position[record.partner_id]
        top, left, bottom, right = box_of(record)
        expected = dataset.images[base].copy()
        expected[top:bottom, left:right] = dataset.images[partner][top:bottom, left:right]
        if image_format == "raw":
            assert record.image == expected.tobytes()
        assert float(record.lam) == np.float32(1 - bottom / shape[0])
        label = mix_label(dataset.labels[base], dataset.labels[partner], record.lam, NUM_CLASSES)
        assert record.label.tolist() == label.tolist()
        if base == partner:
            assert (float(record.lam), box_of(record)) == (1, [0, 0, 0, 0])


def test_pairs_are_those_of_the_policy(dataset: Dataset, tmp_path: Path) -> None:
    made(dataset, tmp_path / "out", prob=1.0, keep_originals=False, copies=1)
    partner_of = {record.base_id: record.partner_id for record in read_output(tmp_path / "out")}
    assert sorted(partner_of) == sorted(dataset.ids)
    assert all(partner_of[partner] == base for base, partner in partner_of.items())  # backwards, so each other's
    assert sum(partner != base for base, partner in partner_of.items()) >= COUNT - 1


def test_shards_do_not_change_pairs_or_weights(dataset: Dataset, tmp_path: Path) -> None:
    made(dataset, tmp_path / "one")
    made(dataset, tmp_path / "three", num_shards=3)
    assert pairs_and_lam(tmp_path / "one") == pairs_and_lam(tmp_path / "three")


@pytest.mark.parametrize("image_format", ["raw", "png"])
def test_the_output_verifies_and_a_wrong_box_is_found(dataset: Dataset, tmp_path: Path, image_format: str) -> None:
    out, source = tmp_path / "out", SourceConfig(src=str(dataset.folder))
    made(dataset, out, image_format=image_format)
    verdict = verify(out, against=source, sample=1000)
    assert (verdict.faults, verdict.records, verdict.recomputed) == ([], 3 * COUNT, 3 * COUNT)
    record = next(record for record in read_output(out) if 0 < box_of(record)[2] < dataset.images.shape[1])
    shard = out / record.shard
    payloads = read_payloads(shard)
    number = next(n for n, payload in enumerate(payloads) if record.base_id.encode() in payload)
    top, left, bottom, right = box_of(record)
    before, after = bytes([10, 4, top, left, bottom, right]), bytes([10, 4, top, left, bottom, right - 1])
    target = next(n for n, p in enumerate(payloads) if before in p and record.base_id.encode() in p)
    assert target >= number
    replace_record(shard, target, payloads[target].replace(before, after))
    accept_shards(out)
    assert any("is not lam" in fault for fault in verify(out, against=source, sample=1000).faults)


def test_the_output_is_inspected(dataset: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = made(dataset, out)
    assert (manifest.config.pairing, manifest.config.method) == ("reversed", "boxed")
    assert read_overview(out).faults == []
    locations = sample_locations(manifest, count=9, seed=0)
    assert all(
        e.base is not None
        for e in load_examples(out, manifest, locations, find_parents(manifest, against=str(dataset.folder)))
    )
    assert sum(1 for _ in find(out, manifest, dataset.ids[3])) >= 3


def test_a_manifest_names_the_method_only_where_it_was_chosen(dataset: Dataset, tmp_path: Path) -> None:
    usual = made(dataset, tmp_path / "usual", pairing="any", method="mixup")
    assert "method" not in usual.to_json()["config"]
    chosen_ = made(dataset, tmp_path / "chosen", pairing="any")
    assert chosen_.to_json()["config"]["method"] == "boxed"
    assert usual.run_id != chosen_.run_id


def test_an_unknown_method_in_a_manifest_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    made(dataset, tmp_path / "out")
    edit_json(tmp_path / "out/manifest.json", lambda manifest: manifest["config"].update(method="gone"))
    assert [fault for fault in verify(tmp_path / "out").faults if "gone" in fault]


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="'boxed' is registered already"):
        METHODS.register("boxed", BOXED)
    with pytest.raises(UsageError, match="method must be one of mixup, boxed, got 'other'"):
        MixConfig(method="other")
