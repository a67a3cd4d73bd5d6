"""Features that go along with both parents, and pairing by group, from a source to the shards and back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment, read_examples
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.errors import RecordError, UsageError
from mixup_pipeline.records.names import split_example_id
from mixup_pipeline.records.tf_example import serialize
from tests.datasets import png, random_images, write_records

COUNT = 24
SITES = ["north", "süd", "a long text that goes along " * 20, ""]
IMAGES = random_images(COUNT, (5, 6, 1))
KEPT = ("site", "age", "number")


def value(key: str, example: int) -> str | int | float:
    if key == "site":
        return SITES[example % 4]
    return example / 4 if key == "age" else (-1) ** example * (2**40 + example)


def patient(example: int) -> int:
    return example // 4 - 2


def source(folder: Path, *, leave_out: str = "", **options: Any) -> SourceConfig:
    records = []
    for example in range(COUNT):
        features: dict[str, Any] = {
            "image": png(IMAGES[example]),
            "label": [example % 3],
            "patient": [patient(example)],
            "site": str(value("site", example)).encode(),
            "age": np.array([value("age", example)], np.float32),
            "number": [int(value("number", example))],
        }
        if example == 7 and leave_out:
            del features[leave_out]
        records.append(serialize(features))
    path = write_records(folder / "train-00000-of-00001", records)
    return SourceConfig(src=str(path), num_classes=3, label_key="label", **options)


def example_of(identity: str) -> int:
    parts = split_example_id(identity)
    assert parts is not None
    return parts[1]


@pytest.mark.parametrize("image_format", ["raw", "png"])
@pytest.mark.parametrize("keep", [(), ("site",), KEPT])
def test_both_parents_bring_what_is_kept(tmp_path: Path, keep: tuple[str, ...], image_format: str) -> None:
    asked = source(tmp_path, keep=",".join(keep) or None)
    config = MixConfig(copies=2, keep_originals=True, image_format=image_format)
    augment(asked, tmp_path / "out", config)
    found = list(read_examples(tmp_path / "out"))
    assert len(found) == 3 * COUNT
    for mixed in found:
        for side in ("base", "partner"):
            parent = example_of(mixed[f"mixup/{side}_id"])
            expected = {f"{side}/{key}": value(key, parent) for key in keep}
            assert {key: kept for key, kept in mixed.items() if key.startswith(f"{side}/")} == expected
    verdict = verify(tmp_path / "out", against=asked)
    assert (verdict.faults, verdict.recomputed) == ([], 3 * COUNT)


def test_another_value_is_noticed(tmp_path: Path) -> None:
    asked = source(tmp_path, keep="age")
    augment(asked, tmp_path / "out", MixConfig())
    shard = next((tmp_path / "out").glob("*.tfrecord*"))
    data = bytearray(shard.read_bytes())
    at = data.index(b"base/age") + 14
    data[at] ^= 1
    shard.write_bytes(data)
    assert any("CRC" in fault for fault in verify(tmp_path / "out").faults)


def test_a_record_without_it_is_bad(tmp_path: Path) -> None:
    asked = source(tmp_path, leave_out="site", keep="site")
    with pytest.raises(RecordError, match=r"record 7 at byte \d+: feature 'site' is missing"):
        augment(asked, tmp_path / "out", MixConfig())
    augment(asked, tmp_path / "out", MixConfig(on_bad_record="skip"))
    assert len(list(read_examples(tmp_path / "out"))) == COUNT - 1


@pytest.mark.parametrize("copies", [1, 5])
def test_pairs_across_groups_and_within(tmp_path: Path, copies: int) -> None:
    asked = source(tmp_path, group_key="patient")
    for pairing, same in (("cross-group", False), ("within-group", True)):
        out = tmp_path / pairing
        augment(asked, out, MixConfig(pairing=pairing, copies=copies))
        pairs = [
            [example_of(mixed[f"mixup/{side}_id"]) for side in ("base", "partner")] for mixed in read_examples(out)
        ]
        assert sorted(base for base, _ in pairs) == sorted(list(range(COUNT)) * copies)
        assert all((patient(base) == patient(partner)) == same for base, partner in pairs)
        assert all(base != partner for base, partner in pairs)
        verdict = verify(out, against=asked)
        assert (verdict.faults, verdict.recomputed) == ([], COUNT * copies)


def test_groups_of_other_kinds_and_skipped_records(tmp_path: Path) -> None:
    """Groups follow the examples that are used, whatever was left out before them."""
    asked = source(tmp_path, leave_out="age", group_key="site", keep="age")
    config = MixConfig(pairing="cross-group", on_bad_record="skip", limit=20)
    augment(asked, tmp_path / "out", config)
    pairs = [
        [example_of(mixed[f"mixup/{side}_id"]) for side in ("base", "partner")]
        for mixed in read_examples(tmp_path / "out")
    ]
    assert sorted(base for base, _ in pairs) == [example for example in range(21) if example != 7]
    assert all(base % 4 != partner % 4 for base, partner in pairs)
    assert verify(tmp_path / "out", against=asked).faults == []


@pytest.mark.parametrize(
    ("options", "mixing", "told"),
    [
        ({"keep": "image"}, {}, "--keep: 'image' of .* is image file: allowed are one text or number"),
        ({"keep": "nothing"}, {}, "--keep: .* has no 'nothing'; it has age"),
        ({"keep": "age,age"}, {}, "--keep: 'age' is given twice"),
        ({"group_key": "nothing"}, {}, "--group-key: .* has no 'nothing'"),
        ({}, {"pairing": "cross-group"}, "--pairing cross-group needs --group-key"),
        ({"group_key": "patient"}, {}, "--group-key is for --pairing cross-group and .*: any does not look at groups"),
        (
            {"group_key": "patient"},
            {"pairing": "within-class"},
            "--group-key is for .*: within-class does not look at groups",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused(
    tmp_path: Path, options: dict[str, Any], mixing: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        augment(source(tmp_path, **options), tmp_path / "out", MixConfig(**mixing))


def test_one_group_of_more_than_half_is_refused(tmp_path: Path) -> None:
    records = [serialize({"image": png(IMAGES[0]), "label": [0], "who": [int(example > 1)]}) for example in range(5)]
    asked = SourceConfig(
        src=str(write_records(tmp_path / "a", records)), num_classes=1, label_key="label", group_key="who"
    )
    with pytest.raises(UsageError, match="--pairing cross-group needs every group to hold at most half"):
        augment(asked, tmp_path / "out", MixConfig(pairing="cross-group"))
