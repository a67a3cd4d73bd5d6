"""Quick check: faults in names, sizes and the manifest. tests/cli/test_verify_faults.py tests faults in files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mixup_pipeline.dataset.manifest import Manifest, read_manifest_json
from mixup_pipeline.dataset.quick_check import checked_manifest, contradictions, quick_check, schema_faults, size_faults
from tests.damage import edit_json, flip
from tests.mixed import KINDS, Mixed

FIRST, SECOND = (f"shapes_mixup-train.tfrecord-0000{shard}-of-00002" for shard in range(2))


@pytest.mark.parametrize("kind", KINDS)
def test_an_output_has_no_faults(mixed: Callable[[str], Mixed], kind: str) -> None:
    made = mixed(kind)
    assert schema_faults(read_manifest_json(made.out)) + contradictions(made.manifest) == []
    assert quick_check(made.out, made.manifest) == []


@pytest.mark.parametrize("key", ["num_classes", "format_version"])
def test_a_number_with_a_point_is_no_integer(mixed: Callable[[str], Mixed], tmp_path: Path, key: str) -> None:
    made = mixed("vectors").copy(tmp_path)
    edit_json(made.out / "manifest.json", lambda manifest: manifest.update({key: float(manifest[key])}))
    assert checked_manifest(made.out)[1] == [f"manifest.json: Expected `int`, got `float` - at `$.{key}`"]


def nested(levels: int) -> dict[str, Any]:
    return {} if levels == 0 else {"deeper": nested(levels - 1)}


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ({"\x1b[2J\nFault": 1}, r"$: Additional properties are not allowed ('\x1b[2J\nFault' was unexpected)"),
        ({"versions": {"python": "", "numpy": "", "\x1b[2J\n": 1}}, r'$.versions.\x1b[2J\n: 1 is not of type "string"'),
        ({"name": "\ud800_mixup"}, "is not the JSON of a manifest ("),
        ({"config": nested(400)}, "is not the JSON of a manifest ("),
    ],
    ids=["escape key", "escape path", "surrogate", "deep"],
)
def test_hostile_json_is_one_printable_line(
    mixed: Callable[[str], Mixed], tmp_path: Path, edits: dict[str, Any], said: str
) -> None:
    made = mixed("vectors").copy(tmp_path)
    edit_json(made.out / "manifest.json", lambda manifest: manifest.update(edits))
    (fault,) = checked_manifest(made.out)[1]
    assert fault.startswith(f"manifest.json: {said}")
    assert fault.isprintable()


# Sizes


def with_shards(manifest: Manifest, names: str) -> Manifest:
    """The manifest with other shards, of 3,000 bytes each."""
    shard = msgspec.structs.replace(manifest.shards[0], bytes=3000)
    return msgspec.structs.replace(manifest, shards=tuple(msgspec.structs.replace(shard, name=n) for n in names))


def test_shards_missing_and_of_other_sizes_are_told_in_their_order(
    mixed: Callable[[str], Mixed], tmp_path: Path
) -> None:
    manifest = with_shards(mixed("vectors").manifest, "abcde")
    for name, size in (("a", 3000), ("b", 2999), ("c", 13_001), ("e", 0)):
        (tmp_path / name).write_bytes(bytes(size))
    assert size_faults(tmp_path, manifest) == [
        "b: has 2,999 bytes, the manifest says 3,000",
        "c: has 13,001 bytes, the manifest says 3,000",
        "d: is missing",
        "e: has 0 bytes, the manifest says 3,000",
    ]


def test_a_folder_in_place_of_a_shard_is_told(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert size_faults(tmp_path, with_shards(mixed("vectors").manifest, "a")) == ["a: is missing"]


def test_the_quick_check_reads_no_record(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    made = mixed("vectors").copy(tmp_path)
    flip(made.shards[0], 40)
    assert quick_check(made.out, made.manifest) == []


def test_the_quick_check_tells_all_that_is_wrong(mixed: Callable[[str], Mixed], tmp_path: Path) -> None:
    made = mixed("vectors").copy(tmp_path)
    (made.out / SECOND).rename(made.out / "copy.tfrecord")
    (made.out / "features.json").write_text("{}")
    assert quick_check(made.out, made.manifest) == [
        "features.json: does not describe this dataset",
        "copy.tfrecord: does not belong to the dataset",
        f"{SECOND}: is missing",
    ]


# Totals


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ({"base_counts": [1, 2, 3]}, ["base_counts holds 3 values"]),
        ({"base_counts": [1, 2, 3, 4, 5]}, ["base_counts holds 5 values"]),
        ({"label_mass": []}, ["label_mass holds 0 values"]),
        ({"class_pairs": [[0] * 4] * 5}, ["class_pairs holds 5 values"]),
        ({"class_pairs": [[0] * 4, [0] * 4, [0] * 4, [0] * 5]}, ["class_pairs.3 holds 5 values"]),
        (
            {"label_mass": [1.0], "class_pairs": [[0]]},
            ["label_mass holds 1 value", "class_pairs holds 1 value", "class_pairs.0 holds 1 value"],
        ),
        ({"base_counts": None, "label_mass": None, "class_pairs": None}, []),
    ],
)
def test_totals_hold_one_value_for_each_class(
    mixed: Callable[[str], Mixed], edits: dict[str, Any], said: list[str]
) -> None:
    manifest = mixed("vectors").manifest
    edited = msgspec.structs.replace(manifest, totals=msgspec.structs.replace(manifest.totals, **edits))
    assert contradictions(edited) == [f"manifest.json: totals.{key}, should hold 4, one for each class" for key in said]


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize("key", ["examples", "lam_histogram", "class_pairs", "base_counts", "label_mass"])
def test_totals_that_do_not_add_up_are_told(mixed: Callable[[str], Mixed], key: str, by: int) -> None:
    """One more and one less than the other totals say."""
    manifest = mixed("vectors").manifest
    totals = msgspec.to_builtins(manifest.totals)
    if key == "examples":
        totals[key] += by
    else:
        row = totals[key][0] if key == "class_pairs" else totals[key]
        row[next(place for place, value in enumerate(row) if value + by >= 0)] += by
    edited = msgspec.structs.replace(manifest, totals=msgspec.convert(totals, type(manifest.totals)))
    assert contradictions(edited) == [
        f"manifest.json: totals.{key} is not what the records add up to according to the other totals"
    ]
