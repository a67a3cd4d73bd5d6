"""Commit: check that every shard is there, then write the manifest, which makes the directory a dataset."""

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
    """Write the manifest of a run from the infos of all its shards, in any order; tidy: then remove the work folder.

    A worker may be told twice, where an engine has lost its answer.

    Raises OutputError where a shard is missing, doubled, or not of its size on disk.
    """
    work = WorkFolder.of(out)
    if tidy and not work.run.exists():
        return read_manifest(out)
    run = work.load_run()
    infos = sorted(
        shards, key=lambda info: (len(info.entry.name), info.entry.name)
    )  # numbers have five digits, or more
    tasks = shard_tasks(run.num_examples, run.num_shards)
    expected = {run.shard_name(n, task.shard): task.stop - task.start for n in range(run.num_passes) for task in tasks}
    if {info.entry.name: info.entry.examples for info in infos} != expected or len(infos) != len(expected):
        raise OutputError(f"{out}: {len(infos)} of {len(expected)} shards were made: run the same command again")
    present = sizes(out)
    for info in infos:
        if present.get(info.entry.name) != info.entry.bytes:
            raise OutputError(
                f"{out / info.entry.name}: is missing or changed while the run went on: run the same command again"
            )
    totals = combine((info.totals for info in infos), num_classes=run.spec.num_classes)
    manifest = build_manifest(run, [info.entry for info in infos], totals)
    write_manifest(out, manifest)
    if tidy:
        work.remove()
    return manifest


def build_manifest(run: Run, shards: Sequence[ShardEntry], totals: Totals) -> Manifest:
    """The manifest of a finished run; shards in the order of their names."""
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
    """Write what TFDS needs, then the manifest as the last file.

    Raises OutputError where a file cannot be written.
    """
    write_atomically(out / INFO_NAME, readable_json(dataset_info(manifest)))
    write_atomically(out / FEATURES_NAME, readable_json(tfds_features(manifest.layout)))
    write_atomically(out / MANIFEST_NAME, readable_json(manifest.to_json()))


def readable_json(content: dict[str, Any]) -> str:
    """JSON with one line for every field of the top two levels: readable, and short for long lists."""
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
