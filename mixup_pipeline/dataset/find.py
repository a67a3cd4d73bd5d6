"""Find: which outputs contain a given source example, for example to check for contamination.

The ids are at the end of each record. So only the last few hundred bytes of a large record are read, and no image.
Small records are read whole, because that is faster than skipping, and their CRCs are checked. Every record of every
shard is
searched: the answer is what is on disk, not what the plan says should be there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mixup_pipeline.dataset.manifest import Manifest, ShardEntry
from mixup_pipeline.dataset.reader import MixedReader, MixedRecord, provenance_bytes
from mixup_pipeline.errors import OutputError, UsageError, record_error
from mixup_pipeline.records.framing import read_records, walk_records
from mixup_pipeline.records.names import ID_SEPARATOR, example_id, file_of, located
from mixup_pipeline.storage.places import Place

_SHOWN = 8
_SMALL_BYTES = 8 << 10


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """One output that contains the example.

    role: "base", "partner", "unmixed" (it is both) or "original" (from --keep-originals).
    weight: its weight in that output, λ or 1−λ. other: the id of the example it is mixed with. other_class: the class
    id of that example, None if labels are soft.
    """

    shard: str
    record: int
    copy: int | None
    role: str
    lam: float
    weight: float
    other: str
    other_class: int | None

    @property
    def id(self) -> str:
        return example_id(self.shard, self.record)


def find(
    out: Place,
    manifest: Manifest,
    source_id: str,
    *,
    on_shard: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Appearance]:
    """Yield all outputs that contain this example of the source, in order.

    source_id: its id; of an image in a class folder its path below --src will do.
    on_shard: called after each shard with the number of shards done and their total.

    Raises UsageError for an id that the source does not have. Raises OutputError or RecordError if a shard is missing
    or damaged.
    """
    source_id = _below_the_list(manifest, source_id)
    check_source_id(manifest, source_id)
    encoded, by_path = source_id.encode(), _is_path(manifest, source_id)
    needle = b"\n" + _varint(len(encoded)) + encoded  # tag and length of a value, so that a longer id cannot match
    if by_path:
        needle = f"{source_id}{ID_SEPARATOR}".encode()
    reader, tail_bytes = MixedReader(manifest), provenance_bytes(manifest)
    for done, shard in enumerate(manifest.shards):
        path = out / shard.name
        try:
            count, records = 0, []
            for count, tail in enumerate(_tails(path, shard, tail_bytes), 1):
                if needle in tail:
                    records.append(count - 1)
            if count != shard.examples:
                raise OutputError(
                    f"{path}: holds {count:,} records, the manifest says {shard.examples:,}: make the directory again"
                )
            found = reader.pick(path, records) if records else {}
        except OSError as error:
            raise OutputError(f"{path}: cannot be read ({error.strerror or error}): was it removed?") from error
        for record, mixed in found.items():
            ids = mixed.base_id, mixed.partner_id
            own = next((id_ for id_ in ids if (file_of(id_) if by_path else id_) == source_id), None)
            if own is not None:  # else other bytes of the record equal the id
                yield _appearance(mixed, own, shard.name, record, shard.copy)
        on_shard(done + 1, len(manifest.shards))


def _tails(path: Place, shard: ShardEntry, tail_bytes: int) -> Iterator[bytes]:
    """Yield the last tail_bytes of all records of a shard. Small records are read whole, and their CRCs are checked."""
    if shard.bytes > _SMALL_BYTES * shard.examples:
        yield from (tail for _, _, tail, _ in walk_records(path, path.name, tail_bytes))
        return
    for record, (offset, payload, _, fault) in enumerate(read_records(path, path.name)):
        if fault is not None:
            raise record_error(path.name, record, offset, fault)
        yield payload[-tail_bytes:]


def check_source_id(manifest: Manifest, source_id: str) -> None:
    """Raise UsageError for an id that no example of the source can have. The message says which ids exist."""
    files = {file.name: file.records for file in manifest.source.files}
    parts = located(source_id, files)
    if (parts is not None and parts[1] in files[parts[0]]) or _is_path(manifest, source_id):
        return
    if any(file.member_bytes for file in manifest.source.files):
        shown = ", ".join([*files][:_SHOWN]) + (", …" if len(files) > _SHOWN else "")
        raise UsageError(f"find {source_id!r}: is no path of an image below --src: the paths begin with {shown}")
    name = parts[0] if parts is not None else file_of(source_id)
    shown = name if files.get(name) else next(file for file, records in files.items() if records)
    more = f", and of {len(files) - 1} more files" if len(files) > 1 and name != shown else ""
    limit = manifest.config.limit
    within = "" if limit is None else f" (only the first {limit:,} examples were used: --limit)"
    raise UsageError(
        f"find {source_id!r}: the source has no such example: ids are {example_id(shown, files[shown][0])} to "
        f"{example_id(shown, files[shown][-1])}{more}{within}"
    )


def _below_the_list(manifest: Manifest, source_id: str) -> str:
    """The id, with the name of the list before a path below it, where all images are in one list."""
    names = [file.name for file in manifest.source.files]
    alone = len(names) == 1 and manifest.source.files[0].member_bytes > 0
    return f"{names[0]}/{source_id}" if alone and not source_id.startswith(f"{names[0]}/") else source_id


def _is_path(manifest: Manifest, source_id: str) -> bool:
    """Whether this is the path of an image in a class folder, without its number."""
    folders = [file.name for file in manifest.source.files if file.member_bytes]
    return not located(source_id, folders) and any(source_id.startswith(f"{name}/") for name in folders)


def _appearance(mixed: MixedRecord, source_id: str, shard: str, record: int, copy: int | None) -> Appearance:
    is_base = mixed.base_id == source_id
    unmixed = mixed.base_id == mixed.partner_id
    role = ("original" if copy is None else "unmixed") if unmixed else "base" if is_base else "partner"
    return Appearance(
        shard=shard,
        record=record,
        copy=copy,
        role=role,
        lam=mixed.lam,
        weight=mixed.lam if is_base else 1 - mixed.lam,
        other=mixed.partner_id if is_base else mixed.base_id,
        other_class=None if mixed.class_ids is None else mixed.class_ids[is_base],
    )


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
