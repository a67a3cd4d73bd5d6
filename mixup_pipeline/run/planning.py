"""Plan: from the indexed files to the run, its slot table, its pairings and its shard tasks.

One worker does this, once per run.
"""

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO

import numpy as np

from mixup_pipeline.config import MAX_EXAMPLES, MixConfig
from mixup_pipeline.config.registry import LABEL_KINDS, PAIRINGS
from mixup_pipeline.dataset.left_out import reason_of
from mixup_pipeline.dataset.manifest import MANIFEST_NAME, MIXED_SUFFIX, read_manifest
from mixup_pipeline.errors import OtherRunError, OutputError, SourceError, UsageError
from mixup_pipeline.mixing.pairing import ClassIds, Earlier, Policy
from mixup_pipeline.mixing.slots import ShardTask, examples_in_slots, shard_tasks
from mixup_pipeline.records.names import SHARD_NAME
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.run import Run, estimated_record_bytes, resolve_config, resolved_label_format
from mixup_pipeline.run.sharding import default_num_shards
from mixup_pipeline.run.slots import slot_table
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.census import Census, one_shape, summary_of
from mixup_pipeline.sources.index import Entries, IndexedFile, group_ids
from mixup_pipeline.sources.payloads import UNDER_WAY
from mixup_pipeline.sources.scan import scan_file
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.atomic import free_bytes, output_errors, sizes
from mixup_pipeline.storage.places import ObjectPath, Place
from mixup_pipeline.storage.prefetch import prefetch

_SHOWN_REASONS = 3
_NAME_BYTES = 220
"""The longest name of a shard. Most file systems allow 255 bytes, and unfinished shards have longer names."""


def plan_run(request: Request, files: Sequence[IndexedFile], out: Place) -> list[ShardTask]:
    """Write the plan of a run into the work folder, and return its shard tasks.

    Raises UsageError or SourceError if the source does not allow the requested configuration. Raises OutputError if
    the folder holds shards of another run, or the disk is too small or fails.
    """
    work = WorkFolder.of(out)
    with output_errors(out):
        run, slots, paired_by = resolve(request, files, work)
        _keep_to_this_run(run, out, work)
        _check_room(run, out, work)
        work.save_slots(slots)
        _save_pairings(run, slots, paired_by, work)
        work.save_run(run)
    return shard_tasks(run.num_examples, run.num_shards)


def resolve(request: Request, files: Sequence[IndexedFile], work: WorkFolder) -> tuple[Run, Entries, ClassIds]:
    """Resolve what the request leaves open: the run, its slot table, and by what slots are paired."""
    source, config = request.source, request.config
    at_a_time = UNDER_WAY if isinstance(work.root, ObjectPath) else 1
    found = list(prefetch(work.found, range(len(files)), at_a_time))
    census = Census.of(_used(request, files, [part for part, _ in found]))
    shape = one_shape(census, source.spec)
    if shape is None:
        bad = Counter(reason_of(one.reason) for _, left_out in found for one in left_out)
        why = "; ".join(f"{reason} ({count:,})" for reason, count in bad.most_common(_SHOWN_REASONS))
        said = f", so there is nothing to mix{': ' if why else ''}{why}"
        raise SourceError(f"{source.name}: split {source.split!r} holds no usable record{said}")
    usable = sum(file.examples for file in files)
    num_examples = usable if config.limit is None else min(usable, config.limit)
    check_counts(config, num_examples, source.spec)
    entries = prefetch(lambda position: work.entries(position, files[position].examples), range(len(files)), at_a_time)
    slots = slot_table(entries, num_examples=num_examples, seed=config.seed)
    policy: Policy = PAIRINGS[config.pairing]
    paired_by = _paired_by(policy, slots, work, num_examples, config.seed, len(files))
    policy.check_pairable(paired_by, config, source.class_names)
    num_classes = source.spec.num_classes
    label_format = resolved_label_format(config, num_classes)
    record_bytes = estimated_record_bytes(source.spec, shape, label_format, tuple(files))
    num_shards = config.num_shards or default_num_shards(num_examples, record_bytes)
    run = Run(
        name=source.name + MIXED_SUFFIX,
        split=source.split,
        config=resolve_config(config, num_classes=num_classes, num_shards=num_shards),
        spec=source.spec,
        shape=shape,
        num_examples=num_examples,
        class_names=source.class_names,
        files=tuple(files),
        origin=source.origin,
        census=summary_of(census, source.spec, shape),
    )
    _check_names(run)
    if not run.layout.is_vector:
        try:
            run.layout.image.check(config.image_format, shape)
        except ValueError as error:
            raise UsageError(str(error)) from error
    return run, slots, paired_by


def _paired_by(
    policy: Policy, slots: Entries, work: WorkFolder, num_examples: int, seed: int, num_files: int
) -> ClassIds:
    """int32[N] in slot order: the class ids, or whatever the pairing looks at."""
    if not policy.needs_groups:
        return np.ascontiguousarray(slots["class_id"])
    groups = group_ids([work.groups(position) for position in range(num_files)])
    return groups[:num_examples][examples_in_slots(num_examples, seed)]


def _used(request: Request, files: Sequence[IndexedFile], found: Sequence[Census]) -> Iterator[Census]:
    """The census of each file, but of those examples alone that --limit leaves."""
    left = request.config.limit
    for file, indexed, census in zip(request.source.files, files, found, strict=True):
        if left is None or indexed.examples <= left:
            yield census
        elif left:
            limited = replace(request.config, limit=left)
            plain = replace(file, path=indexed.path, format=indexed.format)
            yield scan_file(plain, request.source.spec, limited).census
        left = None if left is None else max(0, left - indexed.examples)


def _check_names(run: Run) -> None:
    longest = run.shard_name(run.num_passes - 1, run.num_shards - 1)
    if len(longest.encode()) > _NAME_BYTES:
        raise UsageError(
            f"shards would be called {longest[:40]}…, which is {len(longest.encode())} bytes long, at most "
            f"{_NAME_BYTES} are allowed: rename the source files"
        )


def _save_pairings(run: Run, slots: Entries, paired_by: ClassIds, work: WorkFolder) -> None:
    """Pair the slots of every copy. Earlier pairings are mapped from disk, so memory does not grow with the copies."""
    policy: Policy = PAIRINGS[run.config.pairing]
    with work.scratch() if policy.uses_earlier else contextlib.nullcontext() as scratch:
        for copy in range(run.config.copies):
            earlier = [] if scratch is None else _stored_pairings(scratch, copy, run.num_examples)
            partners = policy.partners(paired_by, copy, run.config, earlier).astype(np.int32)
            work.save_partners(copy, partners, slots)
            if scratch is not None:
                scratch.write(partners.data)
                scratch.flush()


def _stored_pairings(scratch: IO[bytes], copies: int, num_examples: int) -> Earlier:
    """The pairings of the first copies, which lie in the file one after another."""
    return list(np.memmap(scratch, np.int32, "r", shape=(copies, num_examples))) if copies else []


def check_counts(config: MixConfig, num_examples: int, spec: ExampleSpec) -> None:
    """Raise UsageError if the configuration does not fit the number of examples or the kind of labels."""
    if num_examples > MAX_EXAMPLES:
        raise UsageError(
            f"the split holds {num_examples:,} examples, at most {MAX_EXAMPLES:,} can be mixed: use --limit"
        )
    has_classes, label_kind, policy = (
        LABEL_KINDS[spec.label_kind].has_classes,
        spec.label_kind,
        PAIRINGS[config.pairing],
    )
    if not has_classes and policy.needs_classes:
        raise UsageError(
            f"--pairing {config.pairing} needs integer labels, but this source has {label_kind} labels: use --pairing "
            f"any"
        )
    if policy.needs_groups and not spec.group_key:
        raise UsageError(f"--pairing {config.pairing} needs --group-key, the feature that says of which group each is")
    if policy.needs_values and (label_kind != "regression" or spec.num_classes > 1):
        found = f"{label_kind} labels" if label_kind != "regression" else f"labels of {spec.num_classes} values"
        raise UsageError(
            f"--pairing {config.pairing} needs labels of one real value (--label-kind regression), but this source has "
            f"{found}: use --pairing any"
        )
    if not has_classes and config.label_format == "compact":
        raise UsageError(
            f"--label-format compact needs integer labels, but this source has {label_kind} labels: use dense"
        )
    if config.num_shards is not None and config.num_shards > num_examples:
        raise UsageError(
            f"--num-shards must be from 1 to {num_examples:,}, the number of examples, got {config.num_shards}"
        )


def output_bytes(run: Run) -> int:
    """An estimate of the bytes that the shards of the run will take."""
    return run.num_examples * run.num_passes * run.record_bytes


def _keep_to_this_run(run: Run, out: Place, work: WorkFolder) -> None:
    """Keep finished shards of this run, and forget those of another one that this run replaces.

    Raises OtherRunError if there are some that it does not replace. A manifest that lists shards which are not there is
    removed: from here on it is an unfinished run, which makes them again.
    """
    replaces, notes, present = work.replaces(), work.shards.all(), sizes(out)
    of_others = [name for name, note in notes.items() if note is None or note.run_id != run.run_id]
    strays = [name for name in present if re.fullmatch(SHARD_NAME, name) and not run.has_shard(name)]
    if not replaces and (strays or any(notes[name] is not None for name in of_others)):
        raise OtherRunError(
            f"--out {out}: holds shards of another run, because the source has changed: use --overwrite or another "
            f"--out"
        )
    for name in of_others:
        work.forget_shard(name)
    if not replaces and (out / MANIFEST_NAME).is_file():
        listed = read_manifest(out).shards
        if any(present.get(shard.name) != shard.bytes for shard in listed):
            (out / MANIFEST_NAME).unlink()


def _check_room(run: Run, out: Place, work: WorkFolder) -> None:
    free = free_bytes(out)
    if free is None:
        return
    done = sum(note.bytes for note in work.shards.all().values() if note is not None)
    needed = output_bytes(run) - done
    if run.config.image_format == "raw" and needed > free:
        raise OutputError(
            f"--out {out}: the shards need about {needed / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free: make room, or "
            f"use another --out, fewer --copies or --image-format png"
        )
