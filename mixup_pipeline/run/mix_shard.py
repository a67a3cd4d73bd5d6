"""MixShard: from the slots of one shard to one finished file per pass. A pass is a copy, or the originals.

For each pass the shard reads its partners, draws λ, and gathers the records it needs. It decodes each record once, then
mixes and encodes the examples block by block. Their output order is a second random order, so that the two uses of an
example are not neighbours. The file is written under a temporary name, and gets its final name once it is flushed to
disk.

Decoded examples take at most `sharding.GATHER_BYTES` of memory, or `TOGETHER_BYTES` where several passes share them,
whatever the size of the dataset.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mixup_pipeline.config import augmentations
from mixup_pipeline.dataset.manifest import ShardEntry
from mixup_pipeline.mixing.draw import Draw, Slots, draw_slots
from mixup_pipeline.mixing.slots import ShardTask, record_order
from mixup_pipeline.mixing.totals import ShardTotals
from mixup_pipeline.mixing.views import whole
from mixup_pipeline.records.encoding import Columns, encode
from mixup_pipeline.records.ids import Ids
from mixup_pipeline.records.kept import kept_of
from mixup_pipeline.records.layout import BASE_ID, PARTNER_ID
from mixup_pipeline.run.notes import FinishedShard
from mixup_pipeline.run.run import Run
from mixup_pipeline.run.sharding import gathering
from mixup_pipeline.run.slots import SlotEntries, rows_of
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.examples import Examples, read_examples
from mixup_pipeline.storage.atomic import output_errors, sha256_of
from mixup_pipeline.storage.places import Place
from mixup_pipeline.storage.shard_writer import ShardWriter

_BLOCK_BYTES = 4 << 20


@dataclass(frozen=True, kw_only=True)
class ShardInfo:
    """One finished shard.

    run_id: the run that it belongs to. totals: its part of the manifest's totals. kept: whether an earlier attempt
    finished it.
    """

    run_id: str
    entry: ShardEntry
    totals: ShardTotals
    kept: bool


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """Decoded examples. slots: int64[m], ascending. examples: those of the slots, in this order. ids: their ids."""

    slots: Slots
    examples: Examples
    ids: Ids


class ShardMixer:
    """Mixes the shards of one run. Reads the plan from the work folder on first use.

    on_decoded: called with the number of examples after each read of examples.
    """

    def __init__(self, out: Place, *, on_decoded: Callable[[int], None] = lambda examples: None) -> None:
        self._out, self._work, self._on_decoded = out, WorkFolder.of(out), on_decoded

    @cached_property
    def run(self) -> Run:
        return self._work.load_run()

    @cached_property
    def _run_id(self) -> str:
        return self.run.run_id

    @cached_property
    def _target(self) -> Place:
        """Where finished shards go."""
        return self._work.staged if self._work.replaces() else self._out

    def mix_shard(self, task: ShardTask) -> Iterator[ShardInfo]:
        """Write the shard's file of every pass, or keep the files that an earlier attempt finished.

        Raises RecordError for a record that cannot be decoded, and OutputError if a file cannot be written, or the
        plan cannot be read any more.
        """
        with output_errors(self._out):
            yield from self._mix_shard(task)

    def _mix_shard(self, task: ShardTask) -> Iterator[ShardInfo]:
        run, size = self.run, task.stop - task.start
        limits = gathering(size, run.num_examples, run.num_passes, run.decoded_bytes)
        bases = self.bases(task)
        for first in range(0, run.num_passes, limits.passes):
            passes = range(first, min(first + limits.passes, run.num_passes))
            draws, entries = {}, bases
            for pass_index in passes:
                draws[pass_index], entries = self.draw(pass_index, task, entries)
            kept = {pass_index: self._kept(run.shard_name(pass_index, task.shard)) for pass_index in passes}
            missing = [draws[pass_index] for pass_index in passes if kept[pass_index] is None]
            together = self._gather(missing, entries) if missing and limits.piece >= size else None
            for pass_index in passes:
                name, draw = run.shard_name(pass_index, task.shard), draws[pass_index]
                shard = kept[pass_index] or self._write_shard(name, draw, together, limits.piece, entries)
                copy = run.copy_of(pass_index)
                yield ShardInfo(
                    run_id=self._run_id,
                    entry=ShardEntry(
                        name=name, copy=copy, examples=shard.examples, bytes=shard.bytes, sha256=shard.sha256
                    ),
                    totals=self._totals(copy, draw, entries),
                    kept=kept[pass_index] is not None,
                )
            del together  # before the next are gathered

    def bases(self, task: ShardTask) -> SlotEntries:
        """The entries of the shard's own slots."""
        return SlotEntries(slots=np.arange(task.start, task.stop), entries=self._work.slots(task.start, task.stop))

    def draw(self, pass_index: int, task: ShardTask, entries: SlotEntries) -> tuple[Draw, SlotEntries]:
        """The draw of the shard in one pass, in output order; and the entries, extended by those of the partners."""
        config, copy, method = self.run.config, self.run.copy_of(pass_index), self.run.layout.mixing
        base = np.arange(task.start, task.stop)
        if copy is None:
            draw = Draw.unmixed(base, method, whole(len(base), self.run.shape) if config.augment else None)
        else:
            partners = self._work.partners(copy, task.start, task.stop)
            entries = entries.joined(partners)
            draw = draw_slots(
                base,
                partners["slot"].astype(np.int64),
                method,
                alpha=config.alpha,
                prob=config.prob,
                shape=self.run.shape,
                seed=config.seed,
                copy=copy,
                augment=augmentations(config),
            )
        order = record_order(task, seed=config.seed, pass_index=pass_index, num_shards=self.run.num_shards)
        return draw[order], entries

    def _kept(self, name: str) -> FinishedShard | None:
        """The shard that an earlier attempt finished, if it belongs to this run and its bytes are correct.

        A run that was stopped while it replaced another one has moved some of its shards already.
        """
        shard = self._work.shards.load(name)
        if shard is None or shard.run_id != self._run_id:
            return None
        places = {self._target / name, self._out / name}
        return shard if any(path.is_file() and sha256_of(path) == shard.sha256 for path in places) else None

    def _write_shard(
        self, name: str, draw: Draw, together: Gathered | None, piece: int, entries: SlotEntries
    ) -> FinishedShard:
        """Mix, encode and write one file."""
        with ShardWriter(self._work.new_partial(name), self._target / name) as writer:
            for start in range(0, len(draw.lam), piece):
                part = draw[start : start + piece]  # only one piece is in memory at a time
                self._write_piece(writer, part, together or self._gather([part], entries))
            self._work.check_run(self._run_id)
            num_bytes, sha256 = writer.finish()
        shard = FinishedShard(run_id=self._run_id, examples=len(draw.lam), bytes=num_bytes, sha256=sha256)
        self._work.shards.save(name, shard)
        return shard

    def _write_piece(self, writer: ShardWriter, draw: Draw, gathered: Gathered) -> None:
        rows = max(1, _BLOCK_BYTES // self.run.record_bytes)
        for first in range(0, len(draw.lam), rows):
            writer.write(encode(self._mix(draw[first : first + rows], gathered), self.run.layout))

    def _gather(self, draws: list[Draw], entries: SlotEntries) -> Gathered:
        """Read every example that the draws use, once."""
        slots = np.unique(np.concatenate([used for draw in draws for used in (draw.base, draw.partner)]))
        examples = read_examples(entries[slots], self.run.files, self.run.spec, self.run.shape)
        self._on_decoded(len(slots))
        return Gathered(slots=slots, examples=examples, ids=Ids.of([name.encode() for name in examples.ids]))

    def _mix(self, draw: Draw, gathered: Gathered) -> Columns:
        examples = gathered.examples
        base, partner = rows_of(draw.base, gathered.slots), rows_of(draw.partner, gathered.slots)
        mixed = self.run.layout.mix(examples.inputs, examples.labels, base, partner, draw)
        mixed |= kept_of(examples.kept, base, partner)
        return {**mixed, BASE_ID.key: gathered.ids[base], PARTNER_ID.key: gathered.ids[partner]}

    def _totals(self, copy: int | None, draw: Draw, entries: SlotEntries) -> ShardTotals:
        if copy is None:
            return ShardTotals.of_originals(len(draw.lam))
        if not self.run.layout.labels.has_classes:
            return ShardTotals.of(draw.lam, draw.base != draw.partner)
        class_ids = entries[draw.base]["class_id"], entries[draw.partner]["class_id"]
        return ShardTotals.of(
            draw.lam, draw.base != draw.partner, class_ids=class_ids, num_classes=self.run.spec.num_classes
        )
