"""Plan: from the indexed files to the run, its slot table, its pairings and its shard tasks.

One worker does this, once per run.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config import MAX_EXAMPLES, MixConfig
from mixup_pipeline.config.registry import LABEL_KINDS, PAIRINGS
from mixup_pipeline.dataset.manifest import MIXED_SUFFIX
from mixup_pipeline.errors import OutputError, SourceError, UsageError
from mixup_pipeline.mixing.pairing import Policy
from mixup_pipeline.records.names import shard_pattern
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.run import Run, estimated_record_bytes, resolve_config, resolved_label_format
from mixup_pipeline.run.sharding import ShardTask, default_num_shards, shard_tasks
from mixup_pipeline.run.slots import slot_table
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.index import Entries, IndexedFile
from mixup_pipeline.sources.payloads import UNDER_WAY
from mixup_pipeline.sources.scan import size_mismatch
from mixup_pipeline.storage.atomic import free_bytes, sizes
from mixup_pipeline.storage.places import ObjectPath, Place
from mixup_pipeline.storage.prefetch import prefetch

_NAME_BYTES = 220
"""The longest name of a shard. Most file systems allow 255 bytes, and unfinished shards have longer names."""


def plan_run(request: Request, files: Sequence[IndexedFile], out: Place) -> list[ShardTask]:
    """Write the plan of a run into the work folder, and return its shard tasks.

    Raises UsageError or SourceError if the source does not allow the requested configuration. Raises OutputError if
    the folder holds shards of another run, or the disk is too small.
    """
    work = WorkFolder.of(out)
    run, slots = resolve(request, files, work)
    _check_room(run, out, work)
    _remove_other_run(run, work)
    work.save_slots(slots)
    _save_pairings(run, slots, work)
    work.save_run(run)
    return shard_tasks(run.num_examples, run.num_shards)


def resolve(request: Request, files: Sequence[IndexedFile], work: WorkFolder) -> tuple[Run, Entries]:
    """Resolve what the request leaves open: the run, and its slot table."""
    source, config = request.source, request.config
    first = next((file for file in files if file.shape is not None), None)
    if first is None or first.shape is None:
        raise SourceError(f"{source.name}: split {source.split!r} holds no usable record, so there is nothing to mix")
    for file in files:
        if file.shape not in (None, first.shape):
            raise size_mismatch(first.name, first.first_record, first.shape, file.name, file.first_record, file.shape)
    found = sum(file.examples for file in files)
    num_examples = found if config.limit is None else min(found, config.limit)
    check_counts(config, num_examples, source.spec.label_kind)
    at_a_time = UNDER_WAY if isinstance(work.root, ObjectPath) else 1
    entries = prefetch(lambda position: work.entries(position, files[position].examples), range(len(files)), at_a_time)
    slots = slot_table(entries, num_examples=num_examples, seed=config.seed)
    policy: Policy = PAIRINGS[config.pairing]
    policy.check(slots["class_id"], config.copies)
    num_classes = source.spec.num_classes
    label_format = resolved_label_format(config, num_classes)
    record_bytes = estimated_record_bytes(first.shape, num_classes, label_format, tuple(files))
    num_shards = config.num_shards or default_num_shards(num_examples, record_bytes)
    run = Run(
        name=source.name + MIXED_SUFFIX,
        split=source.split,
        config=resolve_config(config, num_classes=num_classes, num_shards=num_shards),
        spec=source.spec,
        shape=first.shape,
        num_examples=num_examples,
        class_names=source.class_names,
        files=tuple(files),
    )
    _check_names(run)
    return run, slots


def _check_names(run: Run) -> None:
    longest = run.shard_name(run.num_passes - 1, run.num_shards - 1)
    if len(longest.encode()) > _NAME_BYTES:
        raise UsageError(
            f"shards would be called {longest[:40]}…, which is {len(longest.encode())} bytes long, at most "
            f"{_NAME_BYTES} are allowed: rename the source files"
        )


def _save_pairings(run: Run, slots: Entries, work: WorkFolder) -> None:
    """Pair the slots of every copy. Earlier pairings are mapped from disk, so memory does not grow with the copies."""
    earlier: list[npt.NDArray[np.int32]] = []
    class_ids = np.ascontiguousarray(slots["class_id"])
    policy: Policy = PAIRINGS[run.config.pairing]
    with work.scratch() as scratch:
        for copy in range(run.config.copies):
            partners = policy.pair(class_ids, copy, run.config.seed, earlier).astype(np.int32)
            work.save_partners(copy, partners, slots)
            if policy.uses_earlier and copy < run.config.copies - 1:
                path = Path(scratch) / str(copy)
                partners.tofile(path)
                earlier.append(np.memmap(path, np.int32, "r"))


def check_counts(config: MixConfig, num_examples: int, label_kind: str) -> None:
    """Raise UsageError if the configuration does not fit the number of examples or the kind of labels."""
    if num_examples > MAX_EXAMPLES:
        raise UsageError(
            f"the split holds {num_examples:,} examples, at most {MAX_EXAMPLES:,} can be mixed: use --limit"
        )
    has_classes = LABEL_KINDS[label_kind].has_classes
    if not has_classes and PAIRINGS[config.pairing].needs_classes:
        raise UsageError(
            f"pairing {config.pairing} needs integer labels, but this source has {label_kind} labels: use --pairing any"
        )
    if not has_classes and config.label_format == "compact":
        raise UsageError(
            f"label-format compact needs integer labels, but this source has {label_kind} labels: use dense"
        )
    if config.num_shards is not None and config.num_shards > num_examples:
        raise UsageError(
            f"num-shards must be from 1 to {num_examples:,}, the number of examples, got {config.num_shards}"
        )


def output_bytes(run: Run) -> int:
    """An estimate of the bytes that the shards of the run will take."""
    return run.num_examples * run.num_passes * run.record_bytes


def _remove_other_run(run: Run, work: WorkFolder) -> None:
    """Keep finished shards of this run. Remove those of another run with --overwrite; raise OutputError without."""
    notes: list[Place] = list(work.finished.glob("*.json"))
    stored = [work.load_finished(path.name.removesuffix(".json")) for path in notes]
    if run.run_id not in {shard.run_id for shard in stored if shard is not None}:
        if stored and not work.previous.exists():
            raise OutputError(
                f"out {work.root.parent}: holds shards of another run, because the source has changed: use "
                f"--overwrite or another --out"
            )
        for path in (*work.previous_files(), *notes):
            path.unlink(missing_ok=True)
    work.previous.unlink(missing_ok=True)


def _check_room(run: Run, out: Place, work: WorkFolder) -> None:
    free = free_bytes(out)
    if free is None:
        return
    present = sizes(out)
    replaced = sum(present.get(path.name, 0) for path in work.previous_files())
    done = sum(size for name, size in present.items() if fnmatchcase(name, shard_pattern(run.name, run.split)))
    needed = output_bytes(run) - max(done, replaced)
    if run.config.image_format == "raw" and needed > free:
        raise OutputError(
            f"out {out}: the shards need about {needed / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free: make room, or "
            f"use another --out, fewer --copies or --image-format png"
        )
