"""Mix sampled examples again from their parents in the source, and compare them to the last bit."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.dataset.manifest import MANIFEST_NAME, Manifest
from mixup_pipeline.dataset.parents import Parents
from mixup_pipeline.dataset.reader import SampledRecord, SampledRecords
from mixup_pipeline.errors import SourceError
from mixup_pipeline.mixing.methods.mixup import mix_class_ids, mix_images, mix_vectors
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.examples import Examples
from mixup_pipeline.sources.index import Entries, IndexedFile
from mixup_pipeline.sources.scan import plain_file, scan_file
from mixup_pipeline.storage.places import place


def recompute(
    shards: Sequence[tuple[str, SampledRecords]], against: SourceConfig, manifest: Manifest
) -> tuple[list[str], int]:
    """The faults of the sampled records of each shard, and how many records were mixed again.

    Raises SourceError where the source cannot be read.
    """
    source = open_source(against)
    config = MixConfig(**manifest["config"])
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mixup-") as folder:
        files: list[IndexedFile] = []
        index: dict[str, Entries] = {}
        for file in source.files:
            path = place(plain_file(file, Path(folder)).path)
            try:
                index[file.name], indexed = scan_file(file, path, source.spec, config)
            except OSError as error:
                raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error
            files.append(indexed)
        listed = [[file["name"], file["fingerprint"]] for file in manifest["source"]["files"]]
        if [[file.name, file.fingerprint] for file in files] != listed:
            return [f"{against.src}: is not the source that was mixed: its files differ from the manifest's"], 0
        names = None if source.class_names is None else list(source.class_names)
        if names != manifest["class_names"]:
            faults.append(f"{MANIFEST_NAME}: class_names are not those of {against.src}")
        parents = Parents(files, manifest, index)
        for name, sampled in shards:
            ids = parent_ids(sampled.values())
            missing = parents.missing(ids)
            if missing is not None:
                faults.append(f"{name}: parent {missing} is not in the source")
                continue
            faults += [f"{name}: {fault}" for fault in recomputed_faults(sampled, parents.load(ids), manifest)]
    return faults, sum(len(sampled) for _, sampled in shards)


def parent_ids(sampled: Iterable[SampledRecord]) -> list[str]:
    """The ids of all bases, then of all partners."""
    records = list(sampled)
    return [record.base_id for record in records] + [record.partner_id for record in records]


def recomputed_faults(sampled: SampledRecords, parents: Examples, manifest: Manifest) -> list[str]:
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
