"""Plan: from the indexed files to the run, its slot table, its pairings and its shard tasks. One worker, once a run."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config import MAX_EXAMPLES, MixConfig
from mixup_pipeline.errors import OutputError, SourceError, UsageError
from mixup_pipeline.index import Entries, slot_table
from mixup_pipeline.pairing import POLICIES
from mixup_pipeline.plan import ShardTask, default_num_shards, shard_tasks
from mixup_pipeline.run import IndexedFile, Run, estimated_record_bytes, settle
from mixup_pipeline.scan import mixed_sizes
from mixup_pipeline.sources import Source
from mixup_pipeline.work import WorkFolder


def plan_run(source: Source, config: MixConfig, files: Sequence[IndexedFile], out: Path) -> list[ShardTask]:
    """Write the plan of a run into the work folder and give its shard tasks.

    Raises UsageError or SourceError where the source does not allow what was asked for, OutputError where the folder
    holds shards of another run or the disk is too small.
    """
    work = WorkFolder.of(out)
    run, slots = resolve(source, config, files, work)
    _check_same_run(run, work)
    _check_room(run, out)
    work.save_slots(slots)
    for copy, partners in enumerate(pairings(run, slots["label"])):
        work.save_partners(copy, partners)
    work.save_run(run)
    return shard_tasks(run.num_examples, run.num_shards)


def resolve(source: Source, config: MixConfig, files: Sequence[IndexedFile], work: WorkFolder) -> tuple[Run, Entries]:
    """The run with nothing left to choose, and its slot table."""
    first = next((file for file in files if file.shape is not None), None)
    if first is None or first.shape is None:
        raise SourceError(f"{source.name}: split {source.split!r} holds no usable record, there is nothing to mix")
    for file in files:
        if file.shape not in (None, first.shape):
            raise mixed_sizes(first.name, first.first_record, first.shape, file.name, file.first_record, file.shape)
    slots = slot_table([work.entries(position) for position in range(len(files))], seed=config.seed, limit=config.limit)
    num_examples = len(slots)
    check_counts(config, num_examples, source.spec.soft_labels)
    record_bytes = estimated_record_bytes(first.shape, source.spec.num_classes, config.label_format, tuple(files))
    num_shards = config.num_shards or default_num_shards(num_examples, record_bytes)
    run = Run(
        name=f"{source.name}_mixup",
        split=source.split,
        config=settle(config, num_classes=source.spec.num_classes, num_shards=num_shards),
        spec=source.spec,
        shape=first.shape,
        num_examples=num_examples,
        class_names=source.class_names,
        files=tuple(files),
    )
    return run, slots


def pairings(run: Run, labels: npt.NDArray[np.int32]) -> "list[npt.NDArray[np.int64]]":
    """The partner slots of every copy: int64[N] each; labels are int32[N] in slot order."""
    earlier: list[npt.NDArray[np.int64]] = []
    for copy in range(run.config.copies):
        earlier.append(POLICIES[run.config.pairing](labels, copy, run.config.seed, earlier))
    return earlier


def check_counts(config: MixConfig, num_examples: int, soft_labels: bool) -> None:
    """Raises UsageError for a configuration that so many examples do not allow."""
    if num_examples > MAX_EXAMPLES:
        raise UsageError(
            f"the split holds {num_examples:,} examples, at most {MAX_EXAMPLES:,} can be mixed: use --limit"
        )
    if soft_labels and config.pairing != "any":
        raise UsageError(
            f"pairing {config.pairing} needs integer labels, but this source has soft labels: use --pairing any"
        )
    if soft_labels and config.label_format == "compact":
        raise UsageError("label-format compact needs integer labels, but this source has soft labels: use dense")
    if config.num_shards is not None and config.num_shards > num_examples:
        raise UsageError(
            f"num-shards must be from 1 to {num_examples:,}, the number of examples, got {config.num_shards}"
        )
    if config.pairing == "any" and config.copies > max(1, num_examples - 1):
        raise UsageError(
            f"copies must be from 1 to {max(1, num_examples - 1):,}, as {num_examples:,} examples have no more "
            f"different partners, got {config.copies}"
        )


def output_bytes(run: Run) -> int:
    """Bytes that the shards of the run will take, about."""
    return run.num_examples * run.num_passes * run.record_bytes


def _check_same_run(run: Run, work: WorkFolder) -> None:
    """A folder whose finished shards stem from another run: the source has changed since."""
    ids = Counter(
        shard.run_id
        for path in work.finished.glob("*.json")
        if (shard := work.load_finished(path.name.removesuffix(".json"))) is not None
    )
    if ids and run.run_id not in ids:
        raise OutputError(
            f"out {work.root.parent}: holds shards of another run, because the source changed since: use --overwrite "
            f"or another --out"
        )


def _check_room(run: Run, out: Path) -> None:
    done = sum(path.stat().st_size for path in out.glob(f"{run.name}-{run.split}.tfrecord-*"))
    needed, free = output_bytes(run) - done, shutil.disk_usage(out).free
    if run.config.image_format == "raw" and needed > free:
        raise OutputError(
            f"out {out}: the shards need about {needed / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free: make room, or "
            f"use another --out, fewer --copies or --image-format png"
        )
