"""Mix sampled examples again from their parents in the source, and compare them to the last bit."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.gather import Examples, gather
from mixup_pipeline.manifest import MANIFEST_NAME, Manifest
from mixup_pipeline.mixed_records import SampledRecords
from mixup_pipeline.mixing import mix_class_ids, mix_images, mix_vectors
from mixup_pipeline.scan import index_file
from mixup_pipeline.sources import open_source
from mixup_pipeline.work import WorkFolder


def remix(
    shards: Sequence[tuple[str, SampledRecords]], against: SourceConfig, manifest: Manifest
) -> tuple[list[str], int]:
    """The faults of the sampled records of each shard, and how many records were mixed again.

    Raises SourceError where the source cannot be read.
    """
    source = open_source(against)
    config = MixConfig(**manifest["config"])
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mixup-") as folder:
        work = WorkFolder(Path(folder))
        work.create()
        files = [index_file(file, source.spec, config, work) for file in source.files]
        listed = [[file["name"], file["fingerprint"]] for file in manifest["source"]["files"]]
        if [[file.name, file.fingerprint] for file in files] != listed:
            return [f"{against.src}: is not the source that was mixed: its files differ from the manifest's"], 0
        names = None if source.class_names is None else list(source.class_names)
        if names != manifest["class_names"]:
            faults.append(f"{MANIFEST_NAME}: class_names are not those of {against.src}")
        entries = np.concatenate([work.entries(position) for position in range(len(files))])
        place = {f"{files[f].name}__{r}": n for n, (f, r) in enumerate(entries[["file", "record"]].tolist())}
        for name, sampled in shards:
            ids = [record.base_id for record in sampled.values()] + [record.partner_id for record in sampled.values()]
            unknown = [parent for parent in ids if parent not in place]
            if unknown:
                faults.append(f"{name}: parent {unknown[0]} is not in the source")
                continue
            parents = gather(entries[[place[parent] for parent in ids]], files, source.spec, tuple(manifest["shape"]))
            faults += [f"{name}: {fault}" for fault in remix_faults(sampled, parents, manifest)]
    return faults, sum(len(sampled) for _, sampled in shards)


def remix_faults(sampled: SampledRecords, parents: Examples, manifest: Manifest) -> list[str]:
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
