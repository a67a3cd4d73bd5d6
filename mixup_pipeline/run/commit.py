"""Commit: check that every shard exists, then write the manifest, which makes the directory a complete dataset."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from mixup_pipeline.dataset.descriptions import description_texts
from mixup_pipeline.dataset.left_out import SKIPPED_NAME, LeftOutSummary, left_out_summary, skipped_text
from mixup_pipeline.dataset.manifest import FORMAT_VERSION, MANIFEST_NAME, Manifest, ShardEntry, read_manifest
from mixup_pipeline.errors import OtherRunError, OutputError, SourceError
from mixup_pipeline.mixing.slots import shard_tasks
from mixup_pipeline.mixing.totals import Totals, combine
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.mix_shard import ShardInfo
from mixup_pipeline.run.run import Run
from mixup_pipeline.run.versions import versions
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.file_formats import file_stamps
from mixup_pipeline.sources.index import IndexedFile
from mixup_pipeline.sources.scan import LeftOut
from mixup_pipeline.sources.tfds_features import FEATURES_NAME
from mixup_pipeline.sources.tfds_info import INFO_NAME
from mixup_pipeline.storage.atomic import move, output_errors, sha256_of, sizes, sync_folder, write_atomically
from mixup_pipeline.storage.places import Place


def commit_run(shards: Iterable[ShardInfo], out: Place, *, tidy: bool = False) -> Manifest:
    """Write the manifest of a run. shards: its shards, in any order. tidy: remove the work folder afterwards.

    If the run replaces another one, this is where it does: the old files stay until all new ones are there.

    An engine may call this twice, if it loses the first result. The second call then returns the manifest.

    Raises OutputError if a shard is missing, is listed twice, does not have its size on disk, or is another run's.
    Raises SourceError if the source has changed since it was indexed.
    """
    work = WorkFolder.of(out)
    if tidy and not work.run.exists():
        return read_manifest(out)
    with output_errors(out):
        manifest = _committed(shards, out, work)
    if tidy:
        work.remove()
    return manifest


def _committed(shards: Iterable[ShardInfo], out: Place, work: WorkFolder) -> Manifest:
    run = work.load_run()
    # names sort by number only if they have the same length: numbers have five digits or more
    infos = sorted(shards, key=lambda info: (len(info.entry.name), info.entry.name))
    _check_shards(infos, run, work)
    _check_source(run, work)
    totals = combine((info.totals for info in infos), num_classes=run.spec.num_classes)
    skipped = skipped_text(_left_out(run, work))
    manifest = build_manifest(run, [info.entry for info in infos], totals, left_out=left_out_summary(skipped))
    if work.replaces():
        _replace(out, work, manifest)
    if manifest.source.left_out is not None:
        write_atomically(out / SKIPPED_NAME, skipped, partial=work.new_partial(SKIPPED_NAME))
    write_manifest(out, manifest, work)
    return manifest


def _left_out(run: Run, work: WorkFolder) -> Iterator[tuple[IndexedFile, LeftOut]]:
    """The bad records that were left out, each with its file."""
    for position, file in enumerate(run.files):
        if file.skipped:
            _, left_out = work.found(position)
            yield from ((file, bad) for bad in left_out)


def _check_shards(infos: Sequence[ShardInfo], run: Run, work: WorkFolder) -> None:
    """Raise OutputError unless these are all shards of the run, and lie on disk as they were written."""
    out, tasks = work.root.parent, shard_tasks(run.num_examples, run.num_shards)
    expected = {
        run.shard_name(pass_index, task.shard): task.stop - task.start
        for pass_index in range(run.num_passes)
        for task in tasks
    }
    if {info.entry.name: info.entry.examples for info in infos} != expected or len(infos) != len(expected):
        raise OutputError(f"{out}: {len(infos)} of {len(expected)} shards were written: run the same command again")
    present = sizes(out) | (sizes(work.staged) if work.replaces() else {})
    for info, note in zip(infos, work.shards.load_each([info.entry.name for info in infos]), strict=True):
        name, written = info.entry.name, (run.run_id, info.entry.sha256)
        if (info.run_id, info.entry.sha256) != written or note is None or (note.run_id, note.sha256) != written:
            raise OtherRunError(f"{out / name}: another run has written it meanwhile: run the same command again")
        if present.get(name) != info.entry.bytes:
            raise OutputError(f"{out / name}: is missing or was changed during the run: run the same command again")


def _check_source(run: Run, work: WorkFolder) -> None:
    """Raise SourceError if a file of the source is no longer what was indexed. Only files whose stamp changed are read.

    What was mixed is what was indexed in any case: the index holds the CRC of each record.
    """
    request = work.load_request()
    if request is None:
        raise OutputError(f"{work.root.parent}: the request is gone: run the same command again")
    source = request.source
    try:
        now = file_stamps(source.files)
    except OSError as error:
        raise SourceError(f"{error.filename}: cannot be read any more ({error.strerror or error})") from error
    for file, indexed, current in zip(source.files, run.files, now, strict=True):
        if current is None:
            raise SourceError(f"{file.path}: was removed during the run: put it back and run the same command again")
        if current == indexed.stamp:
            continue
        if index_file(file, source.spec, request.config, work).fingerprint != indexed.fingerprint:
            raise SourceError(f"{file.path}: was changed during the run: run the same command again")


def _replace(out: Place, work: WorkFolder, manifest: Manifest) -> None:
    """Remove the files of the replaced run, its manifest first, and move the staged shards to their places.

    It can be stopped anywhere: what is left is an unfinished run, which goes on here.

    Raises OSError if a file cannot be removed or moved.
    """
    previous = work.load_previous()
    if previous is None:
        raise OutputError(f"--out {out}: the list of replaced files is damaged: run again with --overwrite")
    names = [shard.name for shard in manifest.shards]
    staged = sizes(work.staged)
    (out / MANIFEST_NAME).unlink(missing_ok=True)
    for name in sorted({*previous} - {*names, MANIFEST_NAME, INFO_NAME, FEATURES_NAME}):
        (out / name).unlink(missing_ok=True)
    for shard in manifest.shards:
        if shard.name in staged:
            move(work.staged / shard.name, out / shard.name)
        elif sha256_of(out / shard.name) != shard.sha256:  # moved before this run was stopped, or it is the old one
            raise OutputError(f"{out / shard.name}: is missing or was changed: run the same command again")
    if isinstance(out, Path):
        sync_folder(out)


def build_manifest(
    run: Run, shards: Sequence[ShardEntry], totals: Totals, left_out: LeftOutSummary | None = None
) -> Manifest:
    """The manifest of a finished run. shards: in the order of their numbers. left_out: its bad records."""
    return Manifest(
        format_version=FORMAT_VERSION,
        run_id=run.run_id,
        name=run.name,
        split=run.split,
        config=run.config,
        source=msgspec.structs.replace(run.source, left_out=left_out),
        shape=run.shape,
        num_classes=run.spec.num_classes,
        class_names=run.class_names,
        shards=tuple(shards),
        totals=totals,
        versions=versions(),
    )


def write_manifest(out: Place, manifest: Manifest, work: WorkFolder) -> None:
    """Write the files that TFDS needs, then the manifest as the last file.

    Raises OutputError if a file cannot be written.
    """
    for name, text in description_texts(manifest).items():
        write_atomically(out / name, text, partial=work.new_partial(name))
