"""MixShard: slots of one shard in, one finished file a copy out.

For each pass (a copy, or the originals) the shard draws its λ and partners, gathers the records it needs, decodes each
once, mixes and encodes them block by block in a second random order, so that the two uses of an example are not
neighbours, and writes the file under a temporary name. Only a file that is flushed to disk gets its final name.

Gathering is bounded by `plan.GATHER_BYTES`, whatever the size of the dataset.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mixup_pipeline.mixing.methods.mixup import draw_lam, draw_mixed, mix_class_ids, mix_images, mix_vectors
from mixup_pipeline.mixing.randomness import permutation
from mixup_pipeline.mixing.totals import ShardTotals
from mixup_pipeline.records.encoding import Ids, MixedBlock, encode
from mixup_pipeline.run.run import Run
from mixup_pipeline.run.sharding import ShardTask, gathering
from mixup_pipeline.run.slots import SlotEntries, rows_of
from mixup_pipeline.run.work_folder import FinishedShard, WorkFolder
from mixup_pipeline.sources.examples import Examples, read_examples
from mixup_pipeline.storage.atomic import sha256_of
from mixup_pipeline.storage.places import Place
from mixup_pipeline.storage.shard_writer import ShardWriter

Slots = npt.NDArray[np.int64]

_BLOCK_BYTES = 4 << 20


@dataclass(frozen=True, kw_only=True)
class ShardInfo:
    """One finished shard, as the manifest lists it, and what it adds to the totals.

    kept: an earlier attempt had finished it.
    """

    name: str
    copy: int | None
    examples: int
    bytes: int
    sha256: str
    totals: ShardTotals
    kept: bool


@dataclass(frozen=True, kw_only=True)
class PassDraw:
    """Who is mixed with whom in one pass over a shard, in output order.

    base, partner: int64[n] slots. lam: float32[n]. An example left unmixed has lam = 1 and is its own partner.
    """

    base: Slots
    partner: Slots
    lam: npt.NDArray[np.float32]

    def __getitem__(self, rows: slice) -> "PassDraw":
        return PassDraw(base=self.base[rows], partner=self.partner[rows], lam=self.lam[rows])


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """The decoded examples of some slots, int64[m] ascending, with their ids as bytes."""

    slots: Slots
    examples: Examples
    ids: Ids


class ShardMixer:
    """Mixes the shards of one run. Reads the plan from the work folder on first use.

    on_decoded: called with the number of examples each time that some are decoded.
    """

    def __init__(self, out: Place, *, on_decoded: Callable[[int], None] = lambda examples: None) -> None:
        self._out, self._work, self._on_decoded = out, WorkFolder.of(out), on_decoded

    @cached_property
    def run(self) -> Run:
        return self._work.load_run()

    @cached_property
    def _run_id(self) -> str:
        return self.run.run_id

    def mix_shard(self, task: ShardTask) -> Iterator[ShardInfo]:
        """Write the shard's file of every pass, or keep those that an earlier attempt finished.

        Raises RecordError for a record that cannot be decoded, OutputError where a file cannot be written.
        """
        run, size = self.run, task.stop - task.start
        how = gathering(size, run.num_examples, run.num_passes, run.decoded_bytes)
        bases = self.bases(task)
        for first in range(0, run.num_passes, how.passes):
            passes = range(first, min(first + how.passes, run.num_passes))
            draws, entries = {}, bases
            for number in passes:
                draws[number], entries = self.draw(number, task, entries)
            kept = {number: self._kept(run.shard_name(number, task.shard)) for number in passes}
            missing = [draws[number] for number in passes if kept[number] is None]
            together = self._gather(missing, entries) if missing and how.piece >= size else None
            for number in passes:
                name, draw = run.shard_name(number, task.shard), draws[number]
                shard = kept[number] or self._write_shard(name, draw, together, how.piece, entries)
                yield ShardInfo(
                    name=name,
                    copy=run.copy_of(number),
                    examples=shard.examples,
                    bytes=shard.bytes,
                    sha256=shard.sha256,
                    totals=self._totals(run.copy_of(number), draw, entries),
                    kept=kept[number] is not None,
                )

    def bases(self, task: ShardTask) -> SlotEntries:
        """The entries of the shard's own slots."""
        return SlotEntries(slots=np.arange(task.start, task.stop), entries=self._work.slots(task.start, task.stop))

    def draw(self, number: int, task: ShardTask, entries: SlotEntries) -> tuple[PassDraw, SlotEntries]:
        """λ and partners of the shard's slots in one pass, in output order; the entries joined with the partners'."""
        config, copy = self.run.config, self.run.copy_of(number)
        base = np.arange(task.start, task.stop)
        partner, lam = base, np.ones(len(base), np.float32)
        if copy is not None:
            partners = self._work.partners(copy, task.start, task.stop)
            met, entries = partners["slot"].astype(np.int64), entries.joined(partners)
            drawn = draw_lam(task.start, task.stop, alpha=config.alpha, seed=config.seed, copy=copy)
            mixed = draw_mixed(task.start, task.stop, prob=config.prob, seed=config.seed, copy=copy) & (met != base)
            partner, lam = np.where(mixed, met, base), np.where(mixed, drawn, 1).astype(np.float32)
        order = permutation(len(base), config.seed, "order", number, task.shard, self.run.num_shards)
        return PassDraw(base=base[order], partner=partner[order], lam=lam[order]), entries

    def _kept(self, name: str) -> FinishedShard | None:
        """The shard that already stands under its final name, if it belongs to this run and its bytes are right."""
        shard, path = self._work.load_finished(name), self._out / name
        if shard is None or shard.run_id != self._run_id or not path.is_file():
            return None
        return shard if sha256_of(path) == shard.sha256 else None

    def _write_shard(
        self, name: str, draw: PassDraw, together: Gathered | None, piece: int, entries: SlotEntries
    ) -> FinishedShard:
        """Mix, encode and write one file."""
        with ShardWriter(self._work.new_partial(name), self._out / name) as writer:
            for start in range(0, len(draw.lam), piece):
                part = draw[start : start + piece]  # no two pieces are held at a time
                self._write_piece(writer, part, together or self._gather([part], entries))
            num_bytes, sha256 = writer.finish()
        shard = FinishedShard(run_id=self._run_id, examples=len(draw.lam), bytes=num_bytes, sha256=sha256)
        self._work.save_finished(name, shard)
        return shard

    def _write_piece(self, writer: ShardWriter, draw: PassDraw, gathered: Gathered) -> None:
        png = self.run.config.image_format == "png" and self.run.spec.encoding != "vector"
        rows = max(1, _BLOCK_BYTES // self.run.record_bytes)
        for first in range(0, len(draw.lam), rows):
            writer.write(encode(self._mix(draw[first : first + rows], gathered), png=png))

    def _gather(self, draws: list[PassDraw], entries: SlotEntries) -> Gathered:
        """Every example that the draws name, once."""
        slots = np.unique(np.concatenate([used for draw in draws for used in (draw.base, draw.partner)]))
        examples = read_examples(entries[slots], self.run.files, self.run.spec, self.run.shape)
        self._on_decoded(len(slots))
        return Gathered(slots=slots, examples=examples, ids=Ids.of([name.encode() for name in examples.ids]))

    def _mix(self, draw: PassDraw, gathered: Gathered) -> MixedBlock:
        run, lam, examples = self.run, draw.lam, gathered.examples
        base, partner = rows_of(draw.base, gathered.slots), rows_of(draw.partner, gathered.slots)
        mix = mix_vectors if run.spec.encoding == "vector" else mix_images
        base_class = partner_class = label = None
        if examples.class_ids is not None:
            base_class, partner_class = examples.class_ids[base], examples.class_ids[partner]
        if examples.soft_labels is not None:
            label = mix_vectors(examples.soft_labels, base, partner, lam)
        elif run.config.label_format == "dense" and base_class is not None and partner_class is not None:
            label = mix_class_ids(base_class, partner_class, lam, num_classes=run.spec.num_classes)
        return MixedBlock(
            inputs=mix(examples.inputs, base, partner, lam),
            lam=lam,
            label=label,
            base_id=gathered.ids[base],
            partner_id=gathered.ids[partner],
            base_class=base_class,
            partner_class=partner_class,
        )

    def _totals(self, copy: int | None, draw: PassDraw, entries: SlotEntries) -> ShardTotals:
        if copy is None:
            return ShardTotals.of_originals(len(draw.lam))
        if self.run.spec.soft_labels:
            return ShardTotals.of(draw.lam, draw.base != draw.partner)
        classes = entries[draw.base]["label"], entries[draw.partner]["label"]
        return ShardTotals.of(
            draw.lam, draw.base != draw.partner, classes=classes, num_classes=self.run.spec.num_classes
        )
