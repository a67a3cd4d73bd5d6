"""Commit: check that every shard is there, then write the manifest, which makes the directory a dataset."""

from collections.abc import Iterable

from mixup_pipeline.errors import OutputError
from mixup_pipeline.files import sizes
from mixup_pipeline.manifest import Manifest, build_manifest, read_manifest, write_manifest
from mixup_pipeline.places import Place
from mixup_pipeline.plan import shard_tasks
from mixup_pipeline.shards import ShardInfo
from mixup_pipeline.totals import combine
from mixup_pipeline.work import WorkFolder


def commit_run(shards: Iterable[ShardInfo], out: Place, *, tidy: bool = False) -> Manifest:
    """Write the manifest of a run from the infos of all its shards, in any order; tidy: then remove the work folder.

    A worker may be told twice, where an engine has lost its answer.

    Raises OutputError where a shard is missing, doubled, or not of its size on disk.
    """
    work = WorkFolder.of(out)
    if tidy and not work.run.exists():
        return read_manifest(out)
    run = work.load_run()
    infos = sorted(shards, key=lambda info: info.name)
    tasks = shard_tasks(run.num_examples, run.num_shards)
    expected = {run.shard_name(n, task.shard): task.stop - task.start for n in range(run.num_passes) for task in tasks}
    if {info.name: info.examples for info in infos} != expected or len(infos) != len(expected):
        raise OutputError(f"{out}: {len(infos)} of {len(expected)} shards were made: run the same command again")
    present = sizes(out)
    for info in infos:
        if present.get(info.name) != info.bytes:
            raise OutputError(
                f"{out / info.name}: is missing or changed while the run went on: run the same command again"
            )
    listed = [
        {"name": info.name, "copy": info.copy, "examples": info.examples, "bytes": info.bytes, "sha256": info.sha256}
        for info in infos
    ]
    totals = combine((info.totals for info in infos), num_classes=run.spec.num_classes)
    manifest = build_manifest(run, listed, totals)
    write_manifest(out, manifest)
    if tidy:
        work.remove()
    return manifest
