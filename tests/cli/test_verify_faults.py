"""mixup-verify: every kind of good output passes, every kind of damage is found and named."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.launch import augment
from mixup_pipeline.records.tf_example import Example
from tests.cli.inprocess import error_of, run_verify, succeed
from tests.damage import accept_shards, cut, edit_json, flip, read_payloads, record_starts, replace_record
from tests.datasets import (
    example,
    image_feature,
    jpeg,
    label_feature,
    png,
    random_images,
    tensor_feature,
    write_features,
    write_prepared,
    write_records,
    write_tfds,
)

COUNT, NUM_CLASSES = 24, 4
LABELS = [n % NUM_CLASSES for n in range(COUNT)]
FIRST, SECOND = (f"shapes_mixup-train.tfrecord-0000{shard}-of-00002" for shard in range(2))


@dataclass(frozen=True)
class Made:
    """An output, and the source it was made from."""

    out: Path
    source: SourceConfig

    @property
    def against(self) -> list[str]:
        """The options that let mixup-verify look at the source."""
        options = {"--against": self.source.src, "--schema": self.source.schema, "--image-key": self.source.image_key}
        options["--num-classes"] = None if self.source.num_classes is None else str(self.source.num_classes)
        return [part for option, value in options.items() if value is not None for part in (option, value)]

    def copy(self, folder: Path) -> "Made":
        return Made(Path(shutil.copytree(self.out, folder / "out")), self.source)


# Sources


def prepared_source(folder: Path, channels: int = 1, photos: bool = False) -> SourceConfig:
    images = random_images(COUNT, (8, 8, channels))
    encode = jpeg if photos else png
    payloads = [example({"image": encode(image), "label": label}) for image, label in zip(images, LABELS, strict=True)]
    features = {"image": image_feature((8, 8, channels)), "label": label_feature(NUM_CLASSES)}
    path = folder / "shapes/1.0.0"
    write_prepared(path, payloads, features, num_files=2)
    (path / "label.labels.txt").write_text("ant\nbee\ncat\ndog\n")
    return SourceConfig(src=str(path))


def soft_source(folder: Path) -> SourceConfig:
    labels = np.random.default_rng(1).dirichlet(np.ones(NUM_CLASSES), COUNT).astype(np.float32)
    images = random_images(COUNT, (6, 5, 1))
    payloads = [example({"image": png(image), "label": label}) for image, label in zip(images, labels, strict=True)]
    return SourceConfig(src=str(write_records(folder / "shapes.tfrecord", payloads)))


def vector_source(folder: Path) -> SourceConfig:
    vectors = np.random.default_rng(2).normal(size=(COUNT, 7)).astype(np.float32)
    payloads = [example({"scan": vector, "label": label}) for vector, label in zip(vectors, LABELS, strict=True)]
    path = write_records(folder / "shapes.tfrecord", payloads)
    return SourceConfig(src=str(path), image_key="scan", num_classes=NUM_CLASSES)


def raw_source(folder: Path) -> SourceConfig:
    images = random_images(COUNT, (6, 5, 3))
    payloads = [example({"dots": image.tobytes(), "label": label}) for image, label in zip(images, LABELS, strict=True)]
    features = {"dots": tensor_feature("uint8", (6, 5, 3), "bytes"), "label": label_feature(NUM_CLASSES)}
    schema = write_features(folder / "features.json", features)
    path = write_records(folder / "shapes.tfrecord", payloads)
    return SourceConfig(src=str(path), schema=str(schema))


def bad_source(folder: Path) -> SourceConfig:
    """One record of it cannot be used."""
    source = prepared_source(folder)
    replace_record(Path(source.src) / "shapes-train.tfrecord-00000-of-00002", 2, b"\xff")
    return source


# Undamaged outputs

Build = Callable[[Path], SourceConfig]

VARIANTS: dict[str, tuple[Build, MixConfig]] = {
    "raw": (prepared_source, MixConfig(num_shards=2)),
    "png": (prepared_source, MixConfig(num_shards=2, image_format="png")),
    "compact": (prepared_source, MixConfig(num_shards=2, label_format="compact")),
    "soft labels": (soft_source, MixConfig()),
    "soft labels, originals, png": (soft_source, MixConfig(keep_originals=True, image_format="png")),
    "vectors": (vector_source, MixConfig()),
    "vectors, compact": (vector_source, MixConfig(label_format="compact", copies=2)),
    "originals": (prepared_source, MixConfig(keep_originals=True)),
    "three copies": (prepared_source, MixConfig(copies=3, num_shards=3, seed=2**63 - 1)),
    "half mixed": (prepared_source, MixConfig(prob=0.5)),
    "nothing mixed": (prepared_source, MixConfig(prob=0)),
    "within-class": (prepared_source, MixConfig(pairing="within-class")),
    "cross-class": (prepared_source, MixConfig(pairing="cross-class", copies=2)),
    "limit": (prepared_source, MixConfig(limit=15)),
    "skipped": (bad_source, MixConfig(on_bad_record="skip")),
    "a shard each": (prepared_source, MixConfig(num_shards=COUNT)),
    "small alpha": (prepared_source, MixConfig(alpha=0.001)),
    "rgb": (lambda folder: prepared_source(folder, channels=3), MixConfig()),
    "rgba": (lambda folder: prepared_source(folder, channels=4), MixConfig()),
    "rgba, png": (lambda folder: prepared_source(folder, channels=4), MixConfig(image_format="png")),
    "jpeg": (lambda folder: prepared_source(folder, channels=3, photos=True), MixConfig(image_format="png")),
    "raw bytes": (raw_source, MixConfig()),
}


def make(variant: str, folder: Path) -> Made:
    build, config = VARIANTS[variant]
    source = build(folder)
    augment(source, folder / "out", config)
    return Made(folder / "out", source)


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_undamaged_output_passes(tmp_path: Path, variant: str) -> None:
    made = make(variant, tmp_path)
    examples = sum(shard["examples"] for shard in json.loads((made.out / "manifest.json").read_text())["shards"])
    printed = succeed(run_verify(made.out))
    assert f"complete and bit-exact: {examples} records" in printed
    assert f"{examples} examples were mixed again" in succeed(run_verify(made.out, *made.against))
    assert run_verify(made.out, *made.against, "--quiet").output == ""


@pytest.mark.parametrize(("sample", "checked"), [("1", 1), ("7", 7), ("24", 24), ("25", 24)])
def test_a_sample_is_mixed_again(raw: Made, sample: str, checked: int) -> None:
    printed = succeed(run_verify(raw.out, *raw.against, "--sample", sample))
    assert f"{checked} examples were mixed again from {raw.source.src}" in printed


def test_verifying_changes_nothing(raw: Made) -> None:
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in raw.out.iterdir()}
    succeed(run_verify(raw.out, *raw.against))
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in raw.out.iterdir()} == before


# Damage


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    """Outputs by variant, each made once."""
    made: dict[str, Made] = {}

    def get(variant: str) -> Made:
        if variant not in made:
            made[variant] = make(variant, tmp_path_factory.mktemp("variant"))
        return made[variant]

    return get


@pytest.fixture(scope="module")
def raw(variants: Callable[[str], Made]) -> Made:
    """The output that is not damaged."""
    return variants("raw")


@pytest.fixture
def made(raw: Made, tmp_path: Path) -> Made:
    """A copy of it, to be damaged."""
    return raw.copy(tmp_path)


def check_faults(made: Made, *said: str, against: bool = False) -> list[str]:
    """The directory is found to be wrong; each of these texts stands in one of the lines that say how."""
    result = run_verify(made.out, *(made.against if against else []))
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    *faults, last = result.stderr.splitlines()
    assert faults
    assert all(fault.startswith("Fault: ") for fault in faults)
    assert last.startswith(f"Error: {made.out}: {len(faults)} fault")
    for text in said:
        assert any(text in fault for fault in faults), faults
    return faults


# The folder


def test_no_folder_no_manifest_no_dataset(made: Made, tmp_path: Path) -> None:
    assert "nowhere: no manifest.json" in error_of(run_verify(tmp_path / "nowhere"), 1)
    (made.out / "manifest.json").unlink()
    assert "is it the --out of mixup-augment?" in error_of(run_verify(made.out), 1)
    (made.out / ".work").mkdir()
    assert "run the same mixup-augment command again to resume it" in error_of(run_verify(made.out), 1)
    assert "no manifest.json" in error_of(run_verify(made.out / FIRST), 1)


def remove_second(out: Path) -> None:
    (out / SECOND).unlink()


def folder_for_second(out: Path) -> None:
    (out / SECOND).unlink()
    (out / SECOND).mkdir()


def append_byte(out: Path) -> None:
    (out / SECOND).write_bytes((out / SECOND).read_bytes() + b"\0")


def two_damages(out: Path) -> None:
    flip(out / FIRST, 100)
    remove_second(out)


def swap_shards(out: Path) -> None:
    (out / FIRST).rename(out / "first")
    (out / SECOND).rename(out / FIRST)
    (out / "first").rename(out / SECOND)


def shard_twice(out: Path) -> None:
    shutil.copy(out / FIRST, out / SECOND)


def cut_between_records(out: Path) -> None:
    cut(out / SECOND, record_starts(out / SECOND)[-2])


def append_record(out: Path) -> None:
    payloads = read_payloads(out / SECOND)
    write_records(out / SECOND, [*payloads, payloads[0]])


def swap_records(out: Path) -> None:
    payloads = read_payloads(out / SECOND)
    write_records(out / SECOND, [payloads[1], payloads[0], *payloads[2:]])


FOLDER_DAMAGES: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "missing shard": (remove_second, (f"{SECOND}: is missing",)),
    "folder in place of a shard": (folder_for_second, (f"{SECOND}: is no regular file",)),
    "extra file": (lambda out: (out / "notes.txt").write_text(""), ("notes.txt: does not belong to the dataset",)),
    "extra shard": (
        lambda out: shutil.copy(out / FIRST, out / FIRST.replace("00000", "00002")),
        (f"{FIRST.replace('00000', '00002')}: does not belong",),
    ),
    "extra folder": (lambda out: (out / "old").mkdir(), ("old: does not belong to the dataset",)),
    "empty shard": (lambda out: cut(out / SECOND, 0), (f"{SECOND}: has 0 records in 0 bytes",)),
    "shard cut inside a record": (lambda out: cut(out / SECOND, 500), (f"{SECOND}: record ", "truncated")),
    "shard cut between records": (cut_between_records, (f"{SECOND}: has 11 records", "the manifest says 12")),
    "record appended": (append_record, (f"{SECOND}: has 13 records", "the manifest says 12")),
    "bytes appended": (append_byte, (f"{SECOND}: record 12 at byte",)),
    "records swapped": (swap_records, (f"{SECOND}: its sha256 is not that of the manifest",)),
    "shards swapped": (swap_shards, (f"{FIRST}: ", f"{SECOND}: ")),
    "one shard twice": (shard_twice, (f"{SECOND}: ",)),
    "no dataset_info.json": (lambda out: (out / "dataset_info.json").unlink(), ("dataset_info.json: cannot be read",)),
    "no features.json": (lambda out: (out / "features.json").unlink(), ("features.json: cannot be read",)),
    "features.json no JSON": (lambda out: (out / "features.json").write_text("{"), ("features.json: does not",)),
    "dataset_info.json edited": (
        lambda out: edit_json(out / "dataset_info.json", lambda info: info["splits"][0].update(name="test")),
        ("dataset_info.json: does not describe this dataset",),
    ),
    "features.json edited": (
        lambda out: edit_json(out / "features.json", lambda info: info["featuresDict"]["features"].pop("label")),
        ("features.json: does not describe this dataset",),
    ),
    "two damages": (
        two_damages,
        (f"{FIRST}: record 0 at byte", f"{SECOND}: is missing"),
    ),
}


@pytest.mark.parametrize("kind", FOLDER_DAMAGES)
def test_damaged_folders(made: Made, kind: str) -> None:
    damage, said = FOLDER_DAMAGES[kind]
    damage(made.out)
    check_faults(made, *said)


@pytest.mark.parametrize(
    ("place", "reason"),
    [(3, "length does not match its CRC"), (9, "length does not match its CRC"), (12, "CRC"), (80, "CRC"), (-1, "CRC")],
)
@pytest.mark.parametrize("record", [0, 5, 11])
def test_a_flipped_bit_names_the_record(made: Made, place: int, reason: str, record: int) -> None:
    starts = record_starts(made.out / SECOND)
    flip(made.out / SECOND, starts[record + (place < 0)] + place, 0x80)
    (fault,) = check_faults(made, f"{SECOND}: record {record} at byte ")
    assert reason in fault


def test_a_bit_flipped_anywhere_is_found(made: Made) -> None:
    shard = made.out / FIRST
    whole, starts = shard.read_bytes(), record_starts(shard)
    for position in range(0, len(whole), 41):
        shard.write_bytes(whole)
        flip(shard, position, 1 << position % 8)
        faults = verify(made.out).faults
        assert len(faults) == 1, position
        record = sum(start <= position for start in starts) - 1
        assert faults[0].startswith(f"{FIRST}: record {record} at byte ")


# The manifest


@pytest.mark.parametrize("content", [b"", b"{", b"manifest", b"\xff\xfe\x00"])
def test_a_manifest_that_is_no_json(made: Made, content: bytes) -> None:
    (made.out / "manifest.json").write_bytes(content)
    assert "manifest.json: is not JSON" in error_of(run_verify(made.out), 1)


@pytest.mark.parametrize("version", [0, 1, 4, "2", None, 2.5])
def test_another_version_of_the_format(made: Made, version: object) -> None:
    edit_json(made.out / "manifest.json", lambda manifest: manifest.update(format_version=version))
    assert f"format version {version!r}, this version reads 2 and 3" in error_of(run_verify(made.out), 1)


@pytest.mark.parametrize("content", ["[]", "null", "1", '"manifest"', "{}"])
def test_a_manifest_that_is_no_object(made: Made, content: str) -> None:
    (made.out / "manifest.json").write_text(content)
    assert "format version None, this version reads 2 and 3" in error_of(run_verify(made.out), 1)


def edit(manifest: Any, path: str, change: Callable[[Any], Any]) -> None:
    """Change the value at a path such as "source.files.0.name"."""
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in parents:
        manifest = manifest[key]
    manifest[last] = change(manifest[last])


ZEROS = "0" * 64

MANIFEST_EDITS: list[tuple[str, Any, str]] = [
    ("run_id", ZEROS, "run_id does not follow from its config and source"),
    ("run_id", "abc", "$.run_id"),
    ("name", "other_mixup", ""),
    ("name", "shapes", "$.name"),
    ("split", "test", ""),
    ("config.alpha", 0.3, "run_id does not follow"),
    ("config.alpha", 0, "$.config.alpha"),
    ("config.pairing", "within-class", "run_id does not follow"),
    ("config.pairing", "some", "$.config.pairing"),
    ("config.copies", 2, "lists 2 shards, but its config makes 4"),
    ("config.prob", 0.5, "run_id does not follow"),
    ("config.keep_originals", True, "lists 2 shards, but its config makes 4"),
    ("config.seed", 1, "run_id does not follow"),
    ("config.limit", 24, "run_id does not follow"),
    ("config.image_format", "png", "run_id does not follow"),
    ("config.label_format", "compact", "run_id does not follow"),
    ("config.num_shards", 1, "lists 2 shards, but its config makes 1"),
    ("config.on_bad_record", "skip", "run_id does not follow"),
    ("source.examples", 23, "its shards do not add up to 1 passes"),
    ("source.skipped", 1, "run_id does not follow"),
    ("source.files.0.name", "other.tfrecord", "run_id does not follow"),
    ("source.files.0.examples", 13, "run_id does not follow"),
    ("source.files.1.skipped", 1, "run_id does not follow"),
    ("source.files.1.fingerprint", ZEROS, "run_id does not follow"),
    ("source.files", [], "$.source.files"),
    ("source.schema.label_key", "class", "run_id does not follow"),
    ("source.schema.num_classes", 5, "run_id does not follow"),
    ("shape", [4, 16, 1], ""),
    ("shape", [8, 8], ""),
    ("num_classes", 5, ""),
    ("class_names", ["ant", "bee", "cat"], "class_names"),
    ("class_names.0", "\ud800", "class_names holds a name that is no UTF-8 text"),
    ("versions.numpy", "none", "versions.numpy is no version"),
    ("versions.numpy", "2" * 100, "versions.numpy is no version"),
    ("shards.0.name", "../shapes_mixup-train.tfrecord-00000-of-00002", "$.shards[0].name"),
    ("shards.0.name", SECOND, "does not list the 2 shards that its config makes"),
    ("shards.0.copy", 1, "does not list the 2 shards that its config makes"),
    ("shards.0.copy", None, "does not list the 2 shards that its config makes"),
    ("shards.0.examples", 11, "its shards do not add up to 1 passes"),
    ("shards.1.bytes", 1, f"{SECOND}: has 12 records in"),
    ("shards.1.sha256", ZEROS, f"{SECOND}: its sha256 is not that of the manifest"),
    ("shards", [], "$.shards"),
    ("totals.examples", 25, "totals.examples is not what the records add up to"),
    ("totals.mixed", 23, "totals.examples is not what the records add up to"),
    ("totals.unmixed", 1, "totals.examples is not what the records add up to"),
    ("totals.originals", 1, "totals.examples is not what the records add up to"),
    ("totals.nearly_unmixed", 0, "totals.nearly_unmixed is not what the records add up to"),
    ("totals.lam_mean", 0.5, "totals.lam_mean is not what the records add up to"),
    ("totals.lam_mean", None, "totals.lam_mean is not what the records add up to"),
    ("totals.lam_histogram.0", 0, "totals.lam_histogram is not what the records add up to"),
    ("totals.class_pairs.0.0", 99, "totals.class_pairs is not what the records add up to"),
    ("totals.class_pairs", None, "totals.class_pairs is not what the records add up to"),
    ("totals.base_counts.0", 99, "totals.base_counts is not what the records add up to"),
    ("totals.base_counts", [], "totals.base_counts holds 0 values, should hold 4, one for each class"),
    ("totals.class_pairs.1", [0], "totals.class_pairs.1 holds 1 value, should hold 4, one for each class"),
    ("totals.label_mass.3", 1.0, "totals.label_mass is not what the records add up to"),
    ("totals.lam_histogram", [0], "$.totals.lam_histogram"),
    ("versions", {}, "$.versions"),
]


@pytest.mark.parametrize(("path", "value", "said"), MANIFEST_EDITS)
def test_edited_manifests(made: Made, path: str, value: Any, said: str) -> None:
    edit_json(made.out / "manifest.json", lambda manifest: edit(manifest, path, lambda _: value))
    check_faults(made, said)


@pytest.mark.parametrize("path", ["", "config", "source", "totals", "shards.0", "source.files.0"])
def test_fields_more_or_less_break_the_schema(made: Made, path: str) -> None:
    def parent(manifest: Any) -> Any:
        for key in path.split(".") if path else []:
            manifest = manifest[int(key) if key.isdigit() else key]
        return manifest

    whole = (made.out / "manifest.json").read_bytes()
    edit_json(made.out / "manifest.json", lambda manifest: parent(manifest).update(comment="mine"))
    check_faults(made, "comment")
    removed = sorted(set(parent(json.loads(whole))) - {"format_version"})[-1]
    (made.out / "manifest.json").write_bytes(whole)
    edit_json(made.out / "manifest.json", lambda manifest: parent(manifest).pop(removed))
    check_faults(made, f'"{removed}" is a required property')


def test_class_names_are_those_of_the_source(made: Made) -> None:
    edit_json(made.out / "manifest.json", lambda manifest: manifest.update(class_names=["dog", "cat", "bee", "ant"]))
    check_faults(made, "class_names", against=True)


# Records that are framed and hashed rightly, so that only their content is wrong


def change_record(made: Made, shard: str, record: int, change: Callable[[Any], object]) -> None:
    """Change the features of one record; CRCs, sizes and hashes are right again afterwards."""
    path = made.out / shard
    payloads = read_payloads(path)
    message = Example.FromString(payloads[record])
    change(message.features.feature)
    payloads[record] = message.SerializeToString(deterministic=True)
    write_records(path, payloads)
    accept_shards(made.out)


def set_value(key: str, kind: str, value: Any) -> Callable[[Any], object]:
    """The feature holds this one value."""

    def change(features: Any) -> None:
        values = getattr(features[key], kind).value
        del values[:]
        values.append(value)

    return change


def set_lam(lam: float) -> Callable[[Any], object]:
    return set_value("mixup/lam", "float_list", lam)


def other_class(key: str) -> Callable[[Any], object]:
    def change(features: Any) -> None:
        values = features[key].int64_list.value
        values[0] = (values[0] + 1) % NUM_CLASSES

    return change


def flip_label(features: Any) -> None:
    values = features["label"].float_list.value
    values[:] = values[::-1]


def set_label(*values: float) -> Callable[[Any], object]:
    def change(features: Any) -> None:
        features["label"].float_list.value[:] = values

    return change


def nudge_label(features: Any) -> None:
    values = features["label"].float_list.value
    largest = max(range(len(values)), key=values.__getitem__)
    values[largest] = float(np.nextafter(np.float32(values[largest]), np.float32(0)))


def nudge_lam(features: Any) -> None:
    lam = np.float32(features["mixup/lam"].float_list.value[0])
    set_lam(float(np.nextafter(lam, np.float32(0.5))))(features)


def own_partner(features: Any) -> None:
    features["mixup/partner_id"].bytes_list.value[0] = features["mixup/base_id"].bytes_list.value[0]


def swap_parents(features: Any) -> None:
    base, partner = (features[f"mixup/{role}_id"].bytes_list.value for role in ("base", "partner"))
    base[0], partner[0] = partner[0], base[0]


def crop(features: Any) -> None:
    features["image"].bytes_list.value[0] = features["image"].bytes_list.value[0][:-1]


def nudge_pixel(features: Any) -> None:
    pixels = bytearray(features["image"].bytes_list.value[0])
    pixels[17] ^= 1
    features["image"].bytes_list.value[0] = bytes(pixels)


RECORD_EDITS: dict[str, tuple[Callable[[Any], object], str]] = {
    "label of others": (flip_label, "label is not lam"),
    "label off by one bit": (nudge_label, "label is not lam"),
    "label with a value more": (lambda features: features["label"].float_list.value.append(0), "holds 5 values"),
    "label with a value less": (lambda features: features["label"].float_list.value.pop(), "holds 3 values"),
    "label missing": (lambda features: features.pop("label"), "should have image, label"),
    "lam off by one bit": (nudge_lam, "label is not lam"),
    "lam 1.5": (set_lam(1.5), "mixup/lam is 1.5, should lie in 0 to 1"),
    "lam negative": (set_lam(-0.5), "mixup/lam is -0.5, should lie in 0 to 1"),
    "lam nan": (set_lam(float("nan")), "mixup/lam is nan, should lie in 0 to 1"),
    "lam an integer": (set_value("mixup/lam", "int64_list", 1), "'mixup/lam' holds 0 values of its kind"),
    "two lam": (lambda features: features["mixup/lam"].float_list.value.append(0.5), "'mixup/lam' holds 2 values"),
    "base class of another": (other_class("mixup/base_label"), "label is not lam"),
    "partner class of another": (other_class("mixup/partner_label"), "label is not lam"),
    "class too large": (set_value("mixup/base_label", "int64_list", 4), "should lie in 0 to 3"),
    "class negative": (set_value("mixup/partner_label", "int64_list", -1), "should lie in 0 to 3"),
    "class missing": (lambda features: features.pop("mixup/base_label"), "should have image"),
    "id of another dataset": (
        set_value("mixup/base_id", "bytes_list", b"mnist__3"),
        "'mnist__3', which names no record",
    ),
    "id without a record": (
        set_value("mixup/partner_id", "bytes_list", b"shapes-train.tfrecord-00000-of-00002"),
        "which names no record of the source",
    ),
    "id behind the last record": (
        set_value("mixup/base_id", "bytes_list", b"shapes-train.tfrecord-00000-of-00002__12"),
        "which names no record of the source",
    ),
    "id missing": (lambda features: features.pop("mixup/partner_id"), "should have image"),
    "its own partner": (own_partner, "is its own partner with mixup/lam"),
    "image too small": (crop, "image' holds 63 bytes, but 8x8x1 needs 64"),
    "image missing": (lambda features: features.pop("image"), "should have image"),
    "two images": (lambda features: features["image"].bytes_list.value.append(b"x" * 64), "'image' holds 2 values"),
    "image of floats": (set_value("image", "float_list", 0.5), "'image' holds 0 values of its kind"),
    "feature too many": (set_value("comment", "bytes_list", b"mine"), "has features comment, image"),
}


@pytest.mark.parametrize("kind", RECORD_EDITS)
@pytest.mark.parametrize("record", [0, 7])
def test_wrong_records(made: Made, kind: str, record: int) -> None:
    change, said = RECORD_EDITS[kind]
    change_record(made, SECOND, record, change)
    check_faults(made, f"{SECOND}: record {record} at byte ", said)


def test_a_record_that_is_no_example(made: Made) -> None:
    replace_record(made.out / FIRST, 4, b"\xff\xff")
    accept_shards(made.out)
    check_faults(made, f"{FIRST}: record 4 at byte ", "not a tf.Example")


@pytest.mark.parametrize("kind", ["lam", "class"])
def test_wrong_compact_records_do_not_fit_the_totals(
    variants: Callable[[str], Made], tmp_path: Path, kind: str
) -> None:
    made = variants("compact").copy(tmp_path)
    change, key = {"lam": (set_lam(0.5), "lam_mean"), "class": (other_class("mixup/base_label"), "class_pairs")}[kind]
    change_record(made, SECOND, 3, change)
    check_faults(made, f"totals.{key} is not what the records add up to")
    check_faults(made, f"{SECOND}: record 3: ", against=True)


@pytest.mark.parametrize(
    ("variant", "change", "said"),
    [
        ("png", set_value("image", "bytes_list", b"no image"), ""),
        ("png", set_value("image", "bytes_list", png(random_images(1, (8, 7, 1))[0])), ""),
        ("png", set_value("image", "bytes_list", png(random_images(1, (1, 1, 1))[0])), ""),
        ("png", set_value("image", "bytes_list", png(random_images(1, (8, 8, 3))[0])), ""),
        ("soft labels", set_value("label", "float_list", 1.0), "'label' holds 1 value "),
        ("soft labels", set_label(0.5, 0.5, 0.5, 0), "soft label must hold values from 0 to 1 that sum to 1, sum 1.5"),
        ("soft labels", set_label(float("nan"), 0, 0, 1), "label"),
        ("soft labels", set_label(1.5, -0.5, 0, 0), "label"),
        ("soft labels", set_value("mixup/base_label", "int64_list", 1), "has features"),
        ("vectors", lambda features: features["features"].float_list.value.pop(), "'features' holds 6 values"),
        ("vectors", set_value("image", "bytes_list", b"x"), "has features"),
        ("compact", flip_label, "has features"),
    ],
    ids=[
        *("png: no image", "png: 8x7x1", "png: 1x1x1", "png: 8x8x3"),
        *("soft: one value", "soft: too much", "soft: nan", "soft: negative", "soft: class id"),
        *("vector: short", "vector: image", "compact: label"),
    ],
)
@pytest.mark.parametrize("against", [False, True], ids=["alone", "against"])
def test_wrong_records_of_other_forms(
    variants: Callable[[str], Made],
    tmp_path: Path,
    variant: str,
    change: Callable[[Any], object],
    said: str,
    against: bool,
) -> None:
    made = variants(variant).copy(tmp_path)
    shard = min(made.out.glob("*.tfrecord-*")).name
    change_record(made, shard, 2, change)

    check_faults(made, f"{shard}: record 2", said, against=against)


@pytest.mark.parametrize("variant", ["raw", "originals", "nothing mixed"])
def test_an_example_twice_in_place_of_another_is_found(
    variants: Callable[[str], Made], tmp_path: Path, variant: str
) -> None:
    """The record is sound in itself; but then another example is missing."""
    made = variants(variant).copy(tmp_path)
    shard = max(made.out.glob("*.tfrecord-*"))
    payloads = read_payloads(shard)
    classes = [Example.FromString(payload).features.feature["mixup/base_label"] for payload in payloads]
    twin = next(n for n, label in enumerate(classes) if n and label == classes[0])  # of the same class, for the totals
    replace_record(shard, twin, payloads[0])
    accept_shards(made.out)
    check_faults(made)


def test_originals_that_are_mixed_are_found(variants: Callable[[str], Made], tmp_path: Path) -> None:
    made = variants("originals").copy(tmp_path)
    mixed, originals = sorted(made.out.glob("*.tfrecord-*"))
    replace_record(originals, 3, read_payloads(mixed)[3])
    accept_shards(made.out)
    check_faults(made, f"{originals.name}: ")


# What only the source can tell


@pytest.mark.parametrize("variant", ["raw", "png", "compact", "half mixed"])
def test_a_changed_pixel_is_found_against_the_source(
    variants: Callable[[str], Made], tmp_path: Path, variant: str
) -> None:
    made = variants(variant).copy(tmp_path)
    shard = max(made.out.glob("*.tfrecord-*")).name
    if variant == "png":
        change_record(made, shard, 5, set_value("image", "bytes_list", png(random_images(1, (8, 8, 1), seed=9)[0])))
    else:
        change_record(made, shard, 5, nudge_pixel)
    succeed(run_verify(made.out))
    faults = check_faults(made, f"{shard}: record 5: is not lam ", against=True)
    assert len(faults) == 1


@pytest.mark.parametrize("variant", ["raw", "vectors"])
def test_swapped_parents_are_found_against_the_source(
    variants: Callable[[str], Made], tmp_path: Path, variant: str
) -> None:
    made = variants(variant).copy(tmp_path)
    shard = max(made.out.glob("*.tfrecord-*")).name
    change_record(made, shard, 5, swap_parents)
    check_faults(made, f"{shard}: record 5: is not lam ", against=True)


def test_a_changed_vector_is_found_against_the_source(variants: Callable[[str], Made], tmp_path: Path) -> None:
    made = variants("vectors").copy(tmp_path)
    shard = min(made.out.glob("*.tfrecord-*")).name

    def nudge(features: Any) -> None:
        values = features["features"].float_list.value
        values[2] = float(np.nextafter(np.float32(values[2]), np.float32(9)))

    change_record(made, shard, 5, nudge)
    succeed(run_verify(made.out))
    check_faults(made, f"{shard}: record 5: is not lam ", against=True)


def test_a_changed_soft_label_is_found_against_the_source(variants: Callable[[str], Made], tmp_path: Path) -> None:
    made = variants("soft labels").copy(tmp_path)
    shard = min(made.out.glob("*.tfrecord-*")).name
    change_record(made, shard, 5, flip_label)
    succeed(run_verify(made.out))
    check_faults(made, f"{shard}: record 5: its label is not the mix of its parents' labels", against=True)


@pytest.mark.parametrize("seed", [0, 1])
def test_another_source_is_refused(made: Made, tmp_path: Path, seed: int) -> None:
    """Of other images, or of the same ones in another number of files."""
    other = write_tfds(tmp_path / "shapes/1.0.0", num_examples=COUNT, shape=(8, 8, 1), seed=seed, num_files=seed + 1)
    line = error_of(run_verify(made.out, "--against", other.folder), 1)
    assert line.startswith(f"Error: --against {other.folder}: is not the source that was mixed: ")
    assert ("was not mixed" in line, "fingerprint" in line) == (seed == 0, seed == 1)
    assert line.endswith(f" ({made.out} itself is complete and bit-exact)")


def test_a_source_that_is_damaged_since_is_refused(tmp_path: Path) -> None:
    made = make("raw", tmp_path)
    flip(tmp_path / "shapes/1.0.0/shapes-train.tfrecord-00001-of-00002", 100)
    line = error_of(run_verify(made.out, *made.against), 1)
    assert line.startswith("Error: shapes-train.tfrecord-00001-of-00002: record 0 at byte 12")
    assert line.endswith("itself is complete and bit-exact)")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--against", "mnits"], 1, "src mnits"),
        (["--against", "./nothing"], 2, "no such file or folder"),
        (["--sample", "0"], 2, "--sample"),
        (["--splitt", "train"], 2, "No such option"),
    ],
)
def test_wrong_options(raw: Made, options: list[str], code: int, said: str) -> None:
    assert said in error_of(run_verify(raw.out, *options), code)


def test_only_the_first_faults_are_shown(variants: Callable[[str], Made], tmp_path: Path) -> None:
    made = variants("a shard each").copy(tmp_path)
    for shard in made.out.glob("*.tfrecord-*"):
        shard.unlink()
    result = run_verify(made.out)
    assert result.exit_code == 1
    *faults, last = result.stderr.splitlines()
    assert len(faults) == 20
    assert f"{COUNT} faults, of which 20 are shown" in last


def test_debug_lets_the_traceback_through(tmp_path: Path) -> None:
    result = run_verify(tmp_path, "--debug")
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "ManifestError"
