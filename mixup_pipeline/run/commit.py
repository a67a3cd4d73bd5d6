"""Commit: check that every shard exists, then write the manifest, which makes the directory a complete dataset."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from mixup_pipeline.dataset.manifest import FORMAT_VERSION, MANIFEST_NAME, Manifest, ShardEntry, read_manifest
from mixup_pipeline.dataset.tfds_files import dataset_info, tfds_features
from mixup_pipeline.errors import OutputError
from mixup_pipeline.mixing.totals import Totals, combine
from mixup_pipeline.run.mix_shard import ShardInfo
from mixup_pipeline.run.run import Run
from mixup_pipeline.run.sharding import shard_tasks
from mixup_pipeline.run.versions import versions
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.tfds import FEATURES_NAME, INFO_NAME
from mixup_pipeline.storage.atomic import sizes, write_atomically
from mixup_pipeline.storage.places import Place


def commit_run(shards: Iterable[ShardInfo], out: Place, *, tidy: bool = False) -> Manifest:
    """Write the manifest of a run. shards: its shards, in any order. tidy: remove the work folder afterwards.

    An engine may call this twice, if it loses the first result. The second call then returns the manifest.

    Raises OutputError if a shard is missing, is listed twice, or does not have its size on disk.
    """
    work = WorkFolder.of(out)
    if tidy and not work.run.exists():
        return read_manifest(out)
    run = work.load_run()
    # names sort by number only if they have the same length: numbers have five digits or more
    infos = sorted(shards, key=lambda info: (len(info.entry.name), info.entry.name))
    tasks = shard_tasks(run.num_examples, run.num_shards)
    expected = {
        run.shard_name(pass_index, task.shard): task.stop - task.start
        for pass_index in range(run.num_passes)
        for task in tasks
    }
    if {info.entry.name: info.entry.examples for info in infos} != expected or len(infos) != len(expected):
        raise OutputError(f"{out}: {len(infos)} of {len(expected)} shards were written: run the same command again")
    present = sizes(out)
    for info in infos:
        if present.get(info.entry.name) != info.entry.bytes:
            raise OutputError(
                f"{out / info.entry.name}: is missing or was changed during the run: run the same command again"
            )
    totals = combine((info.totals for info in infos), num_classes=run.spec.num_classes)
    manifest = build_manifest(run, [info.entry for info in infos], totals)
    write_manifest(out, manifest)
    if tidy:
        work.remove()
    return manifest


def build_manifest(run: Run, shards: Sequence[ShardEntry], totals: Totals) -> Manifest:
    """The manifest of a finished run. shards: in the order of their numbers."""
    return Manifest(
        format_version=FORMAT_VERSION,
        run_id=run.run_id,
        name=run.name,
        split=run.split,
        config=run.config,
        source=run.source,
        shape=run.shape,
        num_classes=run.spec.num_classes,
        class_names=run.class_names,
        shards=tuple(shards),
        totals=totals,
        versions=versions(),
    )


def write_manifest(out: Place, manifest: Manifest) -> None:
    """Write the files that TFDS needs, then the manifest as the last file.

    Raises OutputError if a file cannot be written.
    """
    write_atomically(out / INFO_NAME, readable_json(dataset_info(manifest)))
    write_atomically(out / FEATURES_NAME, readable_json(tfds_features(manifest.layout)))
    write_atomically(out / MANIFEST_NAME, readable_json(manifest.to_json()))


def readable_json(content: dict[str, Any]) -> str:
    """Format JSON with one line per field of the top two levels. This is readable, and compact for long lists."""
    lines = []
    for key, value in content.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            body = "[\n" + ",\n".join(f"    {json.dumps(item)}" for item in value) + "\n  ]"
        elif isinstance(value, dict):
            body = "{\n" + ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n  }"
        else:
            body = json.dumps(value)
        lines.append(f"  {json.dumps(key)}: {body}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
