"""`verify`: prove that a directory is complete and bit-exact, and that its examples really are mixed from their
parents.

Faults are collected, not raised, so that one call names all of them; within a shard the first wrong record ends the
look at that shard.
"""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.errors import MixupError
from mixup_pipeline.files import sha256_of
from mixup_pipeline.gather import Examples, gather
from mixup_pipeline.manifest import (
    FEATURES_NAME,
    INFO_NAME,
    MANIFEST_NAME,
    Manifest,
    dataset_info,
    read_manifest,
    tfds_features,
)
from mixup_pipeline.mixed_records import MixedColumns, MixedReader, SampledRecords
from mixup_pipeline.mixing import mix_class_ids, mix_images, mix_vectors
from mixup_pipeline.randomness import distinct
from mixup_pipeline.run import identify
from mixup_pipeline.scan import index_file
from mixup_pipeline.sources import open_source
from mixup_pipeline.totals import ShardTotals, combine
from mixup_pipeline.work import WORK_NAME, WorkFolder


@dataclass
class Verdict:
    """What was found. faults: one line each, none where the directory is right. recomputed: examples mixed again."""

    manifest: Manifest
    faults: list[str] = field(default_factory=list)
    records: int = 0
    recomputed: int = 0


def verify(
    out: Path,
    *,
    against: SourceConfig | None = None,
    sample: int = 1000,
    on_shard: Callable[[str], None] = lambda _: None,
) -> Verdict:
    """Check a directory against its manifest, record by record.

    against: also mix a sample of examples again from this source and compare them bit by bit.
    sample: how many. on_shard: called with the name of each shard that was looked at.

    Raises ManifestError where there is no manifest to check against; all other faults are in the verdict.
    """
    verdict = Verdict(read_manifest(out))
    verdict.faults += _manifest_faults(verdict.manifest)
    if verdict.faults:  # nothing else could be checked against a manifest that is wrong itself
        return verdict
    verdict.faults += _description_faults(out, verdict.manifest)
    verdict.faults += _folder_faults(out, verdict.manifest)
    chosen = _choose(verdict.manifest, sample if against is not None else 0)
    reader, totals, kept = MixedReader(verdict.manifest), [], []
    for shard in verdict.manifest["shards"]:
        try:
            columns = _check_shard(out / shard["name"], shard, reader, chosen.get(shard["name"], frozenset()))
        except MixupError as error:
            verdict.faults.append(str(error))
        else:
            verdict.records += len(columns.lam)
            totals.append(_totals(columns, shard, verdict.manifest))
            kept.append((shard["name"], columns.sampled()))
        on_shard(shard["name"])
    if len(totals) == len(verdict.manifest["shards"]):
        verdict.faults += _totals_faults(combine(totals, num_classes=verdict.manifest["num_classes"]), verdict.manifest)
    if against is not None:
        _recompute(kept, against, verdict)
    return verdict


def _manifest_faults(manifest: Manifest) -> list[str]:
    from jsonschema import Draft202012Validator

    schema = json.loads((resources.files("mixup_pipeline.schemas") / "manifest.schema.json").read_text())
    errors = Draft202012Validator(schema).iter_errors(manifest)
    faults = [f"{MANIFEST_NAME}: {error.json_path}: {error.message[:200]}" for error in errors]
    if faults:
        return faults
    config, shards = manifest["config"], manifest["shards"]
    copies = [*range(config["copies"]), *([None] if config["keep_originals"] else [])]
    total = len(copies) * config["num_shards"]
    expected = [
        (
            f"{manifest['name']}-{manifest['split']}.tfrecord-{number:05d}-of-{total:05d}",
            copies[number // config["num_shards"]],
        )
        for number in range(total)
    ]
    if [(shard["name"], shard["copy"]) for shard in shards] != expected:
        faults.append(f"{MANIFEST_NAME}: lists {len(shards)} shards, which are not the {total} that its config makes")
    if sum(shard["examples"] for shard in shards) != manifest["source"]["examples"] * len(copies):
        faults.append(f"{MANIFEST_NAME}: its shards do not add up to {len(copies)} passes over its source")
    if manifest["run_id"] != identify(manifest["name"], manifest["split"], config, manifest["source"]):
        faults.append(f"{MANIFEST_NAME}: run_id does not follow from its config and source: it was edited")
    return faults


def _description_faults(out: Path, manifest: Manifest) -> list[str]:
    faults = []
    for name, expected in ((INFO_NAME, dataset_info(manifest)), (FEATURES_NAME, tfds_features(manifest))):
        try:
            if json.loads((out / name).read_bytes()) != expected:
                faults.append(f"{name}: does not describe this dataset: TFDS would read it wrongly")
        except (OSError, ValueError) as error:
            faults.append(f"{name}: cannot be read ({error})")
    return faults


def _folder_faults(out: Path, manifest: Manifest) -> list[str]:
    known = {shard["name"] for shard in manifest["shards"]} | {MANIFEST_NAME, INFO_NAME, FEATURES_NAME, WORK_NAME}
    return [f"{path.name}: does not belong to the dataset" for path in sorted(out.iterdir()) if path.name not in known]


def _choose(manifest: Manifest, sample: int) -> dict[str, frozenset[int]]:
    """Which records of which shards to mix again: a keyed choice over all of them."""
    sizes = np.array([shard["examples"] for shard in manifest["shards"]])
    ends = np.cumsum(sizes)
    drawn = np.sort(distinct(int(ends[-1]), sample, manifest["config"]["seed"], "verify"))
    shards = np.searchsorted(ends, drawn, side="right")
    return {
        manifest["shards"][shard]["name"]: frozenset((drawn[shards == shard] - (ends - sizes)[shard]).tolist())
        for shard in np.unique(shards).tolist()
    }


def _check_shard(path: Path, shard: dict[str, Any], reader: MixedReader, keep: frozenset[int]) -> MixedColumns:
    """The records of a shard. Raises MixupError with its first fault."""
    if not path.is_file():
        raise MixupError(f"{path.name}: is missing")
    size = path.stat().st_size
    columns = reader.read(path, keep)  # first the records: they say where the damage is
    if size != shard["bytes"] or len(columns.lam) != shard["examples"]:
        raise MixupError(
            f"{path.name}: has {len(columns.lam):,} records in {size:,} bytes, the manifest says "
            f"{shard['examples']:,} in {shard['bytes']:,}"
        )
    if sha256_of(path) != shard["sha256"]:
        raise MixupError(f"{path.name}: its sha256 is not that of the manifest: the file was changed")
    return columns


def _totals(columns: MixedColumns, shard: dict[str, Any], manifest: Manifest) -> ShardTotals:
    if shard["copy"] is None:
        return ShardTotals.of_originals(len(columns.lam))
    mixed = np.array(columns.base_id) != np.array(columns.partner_id)
    lam = np.array(columns.lam, np.float32)
    if not columns.base_class:
        return ShardTotals.of(lam, mixed)
    classes = np.array(columns.base_class, np.int32), np.array(columns.partner_class, np.int32)
    return ShardTotals.of(lam, mixed, classes=classes, num_classes=manifest["num_classes"])


def _totals_faults(found: dict[str, Any], manifest: Manifest) -> list[str]:
    return [
        f"{MANIFEST_NAME}: totals.{key} is not what the records add up to"
        for key, value in found.items()
        if manifest["totals"][key] != value
    ]


def _recompute(shards: list[tuple[str, SampledRecords]], against: SourceConfig, verdict: Verdict) -> None:
    """Mix the sampled examples again from their parents."""
    manifest = verdict.manifest
    source = open_source(against)
    config = MixConfig(**manifest["config"])
    with tempfile.TemporaryDirectory(prefix="mixup-") as folder:
        work = WorkFolder(Path(folder))
        work.create()
        files = [index_file(file, source.spec, config, work) for file in source.files]
        listed = [[file["name"], file["fingerprint"]] for file in manifest["source"]["files"]]
        if [[file.name, file.fingerprint] for file in files] != listed:
            verdict.faults.append(
                f"{against.src}: is not the source that was mixed: its files differ from the manifest's"
            )
            return
        entries = np.concatenate([work.entries(position) for position in range(len(files))])
        names = [file.name for file in files]
        place = {f"{names[f]}__{r}": n for n, (f, r) in enumerate(entries[["file", "record"]].tolist())}
        for name, sampled in shards:
            ids = [record.base_id for record in sampled.values()] + [record.partner_id for record in sampled.values()]
            unknown = [parent for parent in ids if parent not in place]
            if unknown:
                verdict.faults.append(f"{name}: parent {unknown[0]} is not in the source")
                continue
            parents = gather(entries[[place[parent] for parent in ids]], files, source.spec, tuple(manifest["shape"]))
            verdict.faults += [f"{name}: {fault}" for fault in _remix_faults(sampled, parents, manifest)]
            verdict.recomputed += len(sampled)


def _remix_faults(sampled: SampledRecords, parents: Examples, manifest: Manifest) -> list[str]:
    """The faults of records whose bases, then partners, are the parents."""
    count = len(sampled)
    base, partner = np.arange(count), np.arange(count) + count
    lam = np.array([record.lam for record in sampled.values()], np.float32)
    mix = mix_images if parents.inputs.dtype == np.uint8 else mix_vectors
    inputs: npt.NDArray[Any] = mix(parents.inputs, base, partner, lam)
    labels: npt.NDArray[np.float32] | None = None
    classes = parents.class_ids
    if parents.soft_labels is not None:
        labels = mix_vectors(parents.soft_labels, base, partner, lam)
    elif classes is not None and manifest["config"]["label_format"] == "dense":
        labels = mix_class_ids(classes[base], classes[partner], lam, num_classes=manifest["num_classes"])
    faults = []
    for row, (number, record) in enumerate(sampled.items()):
        if (record.input != inputs[row]).any():
            faults.append(
                f"record {number}: is not lam {record.lam} of {record.base_id} and the rest of {record.partner_id}"
            )
        if labels is not None and (record.label != labels[row]).any():
            faults.append(f"record {number}: its label is not the mix of its parents' labels")
        if classes is not None and record.classes != (classes[row], classes[row + count]):
            faults.append(f"record {number}: its class ids {record.classes} are not those of its parents")
    return faults
