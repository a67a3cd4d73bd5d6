"""Recompute: mix sampled examples again from their parents in the source, and compare them bit by bit."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.dataset.manifest import MANIFEST_NAME, Manifest
from mixup_pipeline.dataset.parents import Parents
from mixup_pipeline.dataset.reader import MixedRecord, MixedRecords
from mixup_pipeline.dataset.redraw import redrawn_faults
from mixup_pipeline.dataset.source_again import differing, not_mixed, open_again
from mixup_pipeline.errors import SourceError
from mixup_pipeline.mixing.draw import Draw
from mixup_pipeline.records.images import decode
from mixup_pipeline.records.kept import SIDES, kept_value
from mixup_pipeline.records.labels import LABEL_KEY
from mixup_pipeline.records.layout import Layout
from mixup_pipeline.sources.examples import Examples
from mixup_pipeline.sources.index import Entries, Groups, IndexedFile
from mixup_pipeline.sources.scan import scan_all
from mixup_pipeline.spec import ExampleSpec

_ENCODER = "opencv-python-headless"
LOSSY_TOLERANCE = 2.0
"""Levels, on average over an image."""


def recompute(
    shards: Sequence[tuple[str, MixedRecords]], against: SourceConfig, manifest: Manifest
) -> tuple[list[str], int]:
    """Mix the sampled records of each shard again: their faults, and the number of records mixed.

    Raises SourceError if the source cannot be read, or is not the one that was mixed.
    """
    source = open_again(against, manifest)
    faults: list[str] = []
    with ExitStack() as opened:
        files: list[IndexedFile] = []
        index: dict[str, Entries] = {}
        groups: list[Groups] = []
        for scanned in scan_all(source, manifest.config, opened):
            index[scanned.file.name] = scanned.entries
            groups.append(scanned.groups)
            files.append(scanned.file)
        difference = differing(files, source, manifest)
        if difference is not None:
            raise SourceError(not_mixed(against.src, difference, manifest))
        if source.class_names != manifest.class_names:
            faults.append(f"{MANIFEST_NAME}: class_names are not those of {against.src}")
        faults += _schema_faults(source.spec, manifest, against.src)
        faults += redrawn_faults(shards, files, index, groups, manifest)
        parents = Parents(files, manifest, index)
        for name, sampled in shards:
            ids = parent_ids(sampled.values())
            missing = parents.missing(ids)
            if missing is not None:
                faults.append(f"{name}: parent {missing} is not in the source")
                continue
            faults += [f"{name}: {fault}" for fault in recomputed_faults(sampled, parents.load(ids), manifest)]
    return faults, sum(len(sampled) for _, sampled in shards)


def _schema_faults(spec: ExampleSpec, manifest: Manifest, src: str) -> list[str]:
    """The fields of the schema in which the source, as it is described here, differs from the manifest."""
    listed = manifest.source.schema
    keys = (
        "input_key",
        "label_key",
        "encoding",
        "num_classes",
        "label_kind",
        "first_class",
        "class_texts",
        "images",
        "columns",
        "dtype",
        "keep",
        "group_key",
    )
    faults = [key for key in keys if getattr(spec, key) != getattr(listed, key)]
    shape = manifest.shape
    if spec.images.channels is not None:  # asked for, whatever the schema says
        shape = (*shape[:2], spec.shape[2] or shape[2])
    if spec.images.size is None and not spec.fits(shape):
        faults.append("shape")
    return [f"{MANIFEST_NAME}: source.schema is not that of {src}: {key} differs" for key in faults]


def parent_ids(sampled: Iterable[MixedRecord]) -> list[str]:
    """The ids of all bases, followed by those of all partners."""
    records = list(sampled)
    return [record.base_id for record in records] + [record.partner_id for record in records]


def recomputed_faults(sampled: MixedRecords, parents: Examples, manifest: Manifest) -> list[str]:
    """The faults of sampled records. parents: all their bases, followed by all their partners."""
    layout, records, count = manifest.layout, list(sampled.values()), len(sampled)
    base, partner = np.arange(count), np.arange(count) + count
    draw = Draw(
        base=base,
        partner=partner,
        lam=np.array([record.lam for record in records], np.float32),
        extra={f.key: np.array([record.extra[f.key] for record in records]) for f in layout.drawn_fields},
        views={f.key: np.array([record.views[f.key] for record in records]) for f in layout.view_fields},
    )
    mixed = layout.mix(parents.inputs, parents.labels, base, partner, draw)
    same_encoder = version(_ENCODER) == manifest.versions.get(_ENCODER)
    faults = []
    for row, (number, record) in enumerate(sampled.items()):
        if not _is_stored(record, mixed[layout.input.key][row], layout, same_encoder=same_encoder):
            faults.append(
                f"record {number}: is not lam {record.lam} of {record.base_id} plus 1 - lam of {record.partner_id}"
            )
        if LABEL_KEY in mixed and (record.label != mixed[LABEL_KEY][row]).any():
            faults.append(f"record {number}: its label is not the mix of its parents' labels")
        for side, rows in zip(SIDES, (base, partner), strict=True):
            for key, column in parents.kept.items():
                if record.kept[f"{side}/{key}"] != kept_value(column, int(rows[row])):
                    faults.append(f"record {number}: its {side}/{key} is not that of its {side}")
        if record.class_ids is not None and record.class_ids != (parents.labels[row], parents.labels[row + count]):
            faults.append(f"record {number}: its class ids {record.class_ids} are not those of its parents")
    return faults


def _is_stored(record: MixedRecord, mixed: npt.NDArray[Any], layout: Layout, *, same_encoder: bool) -> bool:
    """Whether a record holds the input that its parents give. A lossy file is made again, and compared byte by byte.

    Another version of the encoder may make another file: its pixels must lie within `LOSSY_TOLERANCE`.
    """
    if not layout.is_lossy:
        return bool((record.input == mixed).all())
    file = layout.encoded(mixed)
    if same_encoder:
        return record.stored == file
    again = decode(file, layout.shape).astype(np.float32)
    return float(np.abs(again - record.input).mean()) <= LOSSY_TOLERANCE
