"""Redraw: draw pairs and weights again from the seed, and compare them with those of sampled records.

So a manifest that claims another seed, α, share or pairing than its records were made with is found, although its run
id fits. This takes about 24 bytes an example of the source, and 4 more for each copy if the pairing needs the earlier
ones.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config import augmentations
from mixup_pipeline.config.registry import PAIRINGS
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.dataset.reader import MixedRecords
from mixup_pipeline.errors import MixupError
from mixup_pipeline.mixing.draw import Draw, draw_slots
from mixup_pipeline.mixing.pairing import Partners, Policy
from mixup_pipeline.mixing.slots import ShardTask, examples_in_slots, record_order, shard_tasks
from mixup_pipeline.mixing.views import whole
from mixup_pipeline.records.names import example_id
from mixup_pipeline.sources.file_formats import readable
from mixup_pipeline.sources.index import Entries, Groups, NamedFile, group_ids
from mixup_pipeline.storage.places import place


def redrawn_faults(
    shards: Sequence[tuple[str, MixedRecords]],
    files: Sequence[NamedFile],
    index: Mapping[str, Entries],
    groups: Sequence[Groups],
    manifest: Manifest,
) -> list[str]:
    """The faults of sampled records, one a shard.

    files: the readable source files, in their order. index: the entries of each, by its name, in the same order.
    groups: those of its examples.
    """
    sampled = {name: records for name, records in shards if records}
    try:
        slots = _Slots(files, index, groups, manifest)
        found = (_shard_fault(name, sampled[name], slots, draw) for name, draw in _redrawn(manifest, slots, sampled))
        return [fault for fault in found if fault is not None]
    except MixupError as error:
        return [f"the source cannot be paired as the manifest says: {error}"]


class _Slots:
    """The example in each slot. paired_by: int32[N], its class id or whatever the pairing looks at."""

    def __init__(
        self,
        files: Sequence[NamedFile],
        index: Mapping[str, Entries],
        groups: Sequence[Groups],
        manifest: Manifest,
    ) -> None:
        count = manifest.source.examples
        order = examples_in_slots(count, manifest.config.seed)
        self._names = [(file.name, readable(file).members(place(file.path))) for file in files]
        self._file = np.repeat(np.arange(len(index), dtype=np.int32), [len(part) for part in index.values()])[order]
        self._record = _column(index, "record")[:count][order]
        policy: Policy = PAIRINGS[manifest.config.pairing]
        by = group_ids(groups) if policy.needs_groups else _column(index, "class_id")
        self.paired_by = by[:count][order]

    def id(self, slot: int) -> str:
        """The id of the example in a slot."""
        (name, members), record = self._names[self._file[slot]], int(self._record[slot])
        return example_id(name, record, "" if members is None else members[record])


def _column(index: Mapping[str, Entries], name: str) -> npt.NDArray[np.int32]:
    return np.concatenate([part[name] for part in index.values()])


def _redrawn(manifest: Manifest, slots: _Slots, wanted: Collection[str]) -> Iterator[tuple[str, Draw]]:
    """The draws of the wanted shards, in the order of their records."""
    config, shards = manifest.config, iter(manifest.shards)
    num_shards = config.num_shards or 1
    tasks = shard_tasks(len(slots.paired_by), num_shards)
    for pass_index, (copy, partners) in enumerate(_passes(manifest, slots.paired_by)):
        for task in tasks:
            name = next(shards).name
            if name in wanted:
                order = record_order(task, seed=config.seed, pass_index=pass_index, num_shards=num_shards)
                yield name, _draw(manifest, copy, task, partners)[order]


def _passes(manifest: Manifest, class_ids: npt.NDArray[np.int32]) -> Iterator[tuple[int | None, Partners]]:
    """The copy and the pairing of each pass; the originals are paired with themselves."""
    config = manifest.config
    policy: Policy = PAIRINGS[config.pairing]
    earlier: list[npt.NDArray[np.int32]] = []
    for copy in range(config.copies):
        partners = policy.partners(class_ids, copy, config, earlier)
        yield copy, partners
        if policy.uses_earlier:
            earlier.append(partners.astype(np.int32))
    if config.keep_originals:
        yield None, np.arange(len(class_ids))


def _draw(manifest: Manifest, copy: int | None, task: ShardTask, partners: Partners) -> Draw:
    config, method = manifest.config, manifest.layout.mixing
    base = np.arange(task.start, task.stop)
    if copy is None:
        return Draw.unmixed(base, method, whole(len(base), manifest.shape) if config.augment else None)
    return draw_slots(
        base,
        partners[task.start : task.stop],
        method,
        alpha=config.alpha,
        prob=config.prob,
        shape=manifest.shape,
        seed=config.seed,
        copy=copy,
        augment=augmentations(config),
    )


def _shard_fault(name: str, records: MixedRecords, slots: _Slots, draw: Draw) -> str | None:
    """The first sampled record that is not the one drawn."""
    for number, record in records.items():
        base, partner = slots.id(int(draw.base[number])), slots.id(int(draw.partner[number]))
        if (record.base_id, record.partner_id) != (base, partner):
            drawn, found = f"{base} with {partner}", f"{record.base_id} with {record.partner_id}"
        elif np.float32(record.lam) != draw.lam[number]:
            drawn, found = f"lam {draw.lam[number]}", f"lam {record.lam}"
        elif other := [key for key, views in draw.views.items() if (record.views[key] != views[number]).any()]:
            key = other[0]
            drawn, found = f"{key} {draw.views[key][number].tolist()}", f"{key} {record.views[key].tolist()}"
        else:
            continue
        return (
            f"{name}: record {number}: the manifest's seed and options draw {drawn}, the record holds {found}: another "
            f"run, or a NumPy whose random numbers differ"
        )
    return None
