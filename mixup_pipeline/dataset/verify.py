"""Verify: check that a directory is complete and bit-exact, and that its examples are mixed from their parents.

Faults are collected, not raised, so that one call reports all of them. Only the first bad record of a shard is
reported, because the remaining records are not checked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.option import options_of
from mixup_pipeline.dataset.manifest import MANIFEST_NAME, Manifest, ShardEntry
from mixup_pipeline.dataset.quick_check import checked_manifest, description_faults, folder_faults
from mixup_pipeline.dataset.reader import MixedColumns, MixedReader, sample_records
from mixup_pipeline.dataset.recompute import recompute
from mixup_pipeline.dataset.source_again import source_config
from mixup_pipeline.errors import ManifestError, MixupError, SourceError, UsageError, first_line
from mixup_pipeline.mixing.totals import ShardTotals, Totals, combine
from mixup_pipeline.records.names import located
from mixup_pipeline.storage.atomic import sha256_of
from mixup_pipeline.storage.places import Place
from mixup_pipeline.storage.stamps import Stamp, stamp


@dataclass
class Verdict:
    """The result. faults: one line each; empty if the directory is correct. num_shards: the shards in the manifest.

    records: the number of records in correct shards. recomputed: the number of examples mixed again.
    wrong_source: why nothing could be mixed again: the source cannot be read, or is not the one that was mixed. This is
    no fault of the directory.
    """

    faults: list[str] = field(default_factory=list)
    num_shards: int = 0
    records: int = 0
    recomputed: int = 0
    wrong_source: MixupError | None = None


def verify(
    out: Place,
    *,
    against: SourceConfig | None = None,
    sample: int = 1000,
    on_shard: Callable[[int, int], None] = lambda done, total: None,
) -> Verdict:
    """Check a directory against its manifest, record by record.

    against: the source; if given, a sample of examples is mixed again from it and compared bit by bit. What it leaves
    open is as the manifest says.
    sample: the size of this sample. on_shard: called after each shard with the number of shards done and their total.

    Raises ManifestError if there is no manifest, or another run replaces the dataset meanwhile. All other faults are in
    the verdict.
    """
    before = _manifest_stamp(out)
    verdict = _verdict(out, against, sample, on_shard)
    if verdict.faults and _manifest_stamp(out) != before:
        raise ManifestError(f"{out}: another run replaced this dataset while it was checked: check it again")
    return verdict


def _manifest_stamp(out: Place) -> Stamp | None:
    try:
        return stamp(out / MANIFEST_NAME)
    except OSError:  # there is none: it is reported where it is read
        return None


def _verdict(out: Place, against: SourceConfig | None, sample: int, on_shard: Callable[[int, int], None]) -> Verdict:
    manifest, faults = checked_manifest(out)
    if manifest is None or faults:  # nothing can be checked against a wrong manifest
        return Verdict(faults=faults)
    verdict = Verdict(faults=description_faults(out, manifest) + folder_faults(out, manifest))
    verdict.num_shards = len(manifest.shards)
    chosen = sample_records(manifest.shards, sample if against is not None else 0, manifest.config.seed, "verify")
    reader, bases, totals, kept = MixedReader(manifest), Bases(manifest), [], []
    for number, shard in enumerate(manifest.shards):
        try:
            columns = _check_shard(out / shard.name, shard, reader, chosen.get(shard.name, frozenset()))
            totals.append(_totals(columns, shard, manifest))
        except MixupError as error:
            verdict.faults.append(str(error))
        except OSError as error:
            verdict.faults.append(f"{shard.name}: cannot be read ({(error.strerror or first_line(error)).lower()})")
        else:
            verdict.records += len(columns.lam)
            bases.add(shard.copy, columns.base_id)
            kept.append((shard.name, columns.kept))
        on_shard(number + 1, len(manifest.shards))
    if len(totals) == len(manifest.shards):
        verdict.faults += bases.faults()
        verdict.faults += _totals_faults(combine(totals, num_classes=manifest.num_classes), manifest.totals)
    if against is not None:
        try:
            faults, verdict.recomputed = recompute(kept, _asked(manifest, against), manifest)
            verdict.faults += faults
        except (SourceError, UsageError) as error:
            verdict.wrong_source = error
    return verdict


def _asked(manifest: Manifest, against: SourceConfig) -> SourceConfig:
    given = {
        name: getattr(against, name) for name in options_of(SourceConfig) if name not in ("src", "allow_eval_split")
    }
    return source_config(manifest, against.src, **given)


def _check_shard(path: Place, shard: ShardEntry, reader: MixedReader, keep: frozenset[int]) -> MixedColumns:
    """Read and check a shard: its records. Raises MixupError with its first fault."""
    if not path.is_file():
        raise MixupError(f"{path.name}: is {'no regular file' if path.exists() else 'missing'}")
    size = path.stat().st_size
    columns = reader.read(path, keep)  # records first: their errors say where the damage is
    if size != shard.bytes or len(columns.lam) != shard.examples:
        raise MixupError(
            f"{path.name}: has {len(columns.lam):,} records in {size:,} bytes, the manifest says "
            f"{shard.examples:,} in {shard.bytes:,}"
        )
    if sha256_of(path) != shard.sha256:
        raise MixupError(f"{path.name}: its sha256 is not that of the manifest: the file was changed")
    return columns


def _totals(columns: MixedColumns, shard: ShardEntry, manifest: Manifest) -> ShardTotals:
    if shard.copy is None:
        if columns.base_id != columns.partner_id:
            raise MixupError(f"{shard.name}: holds originals, but some of its examples are mixed")
        return ShardTotals.of_originals(len(columns.lam))
    mixed = np.array(columns.base_id) != np.array(columns.partner_id)
    lam = np.array(columns.lam, np.float32)
    if not columns.base_class:
        return ShardTotals.of(lam, mixed)
    class_ids = np.array(columns.base_class, np.int32), np.array(columns.partner_class, np.int32)
    return ShardTotals.of(lam, mixed, class_ids=class_ids, num_classes=manifest.num_classes)


class Bases:
    """The bases of each copy, to check that every example is the base once. Takes 8 bytes per example and copy."""

    def __init__(self, manifest: Manifest) -> None:
        files = manifest.source.files
        ends = np.cumsum([file.num_records for file in files]).tolist()
        starts = zip(files, [0, *ends], strict=False)
        self._first = {file.name: start - file.first_record for file, start in starts}
        self._seen: dict[int | None, list[npt.NDArray[np.int64]]] = {}

    def add(self, copy: int | None, ids: list[str]) -> None:
        """Add the bases of one shard."""
        parts = [located(text, self._first) for text in ids]
        positions = np.array([self._first[part[0]] + part[1] for part in parts if part is not None], np.int64)
        self._seen.setdefault(copy, []).append(positions)

    def faults(self) -> list[str]:
        """The faults, one line each: copies with an example that is base twice, or with other examples than copy 0."""
        faults, first = [], None
        for copy, shards in self._seen.items():
            where = "the originals" if copy is None else f"copy {copy}"
            positions = np.sort(np.concatenate(shards))
            if (np.diff(positions) == 0).any():
                faults.append(f"{where}: an example is base more than once, so another is missing")
            elif first is not None and (positions != first).any():
                faults.append(f"{where}: its examples are not those of copy 0")
            first = positions if first is None else first
        return faults


def _totals_faults(found: Totals, listed: Totals) -> list[str]:
    return [
        f"{MANIFEST_NAME}: totals.{key} is not what the records add up to"
        for key in Totals.__struct_fields__
        if getattr(found, key) != getattr(listed, key)
    ]
