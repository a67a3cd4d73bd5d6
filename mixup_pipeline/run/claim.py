"""Claiming an output folder. One run at a time may write it; the same run is resumed, another run is refused.

The claim is a lock (`storage.locks`) that ends with its process, so a killed run never blocks the next one.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mixup_pipeline.dataset.manifest import MANIFEST_NAME, MIXED_SUFFIX, WORK_NAME, Manifest, read_manifest
from mixup_pipeline.errors import ManifestError, OutputError, SourceError, UsageError
from mixup_pipeline.records.names import SHARD_NUMBERS
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.work_folder import FinishedShard, WorkFolder
from mixup_pipeline.sources.source import Source
from mixup_pipeline.sources.tfds import FEATURES_NAME, INFO_NAME
from mixup_pipeline.storage.atomic import output_error, sizes
from mixup_pipeline.storage.locks import hold_lock
from mixup_pipeline.storage.places import Place, lies_in, place

_OF_UNFINISHED_RUN = re.compile(
    rf"[\w-]+{MIXED_SUFFIX}-[\w.-]+{SHARD_NUMBERS}|\.({MANIFEST_NAME}|{INFO_NAME}|{FEATURES_NAME})\.[0-9a-f]+"
)


@contextlib.contextmanager
def claim(out: Place, request: Request, *, overwrite: bool) -> Iterator[None]:
    """Lock the folder for one run, and prepare it so that this run can start or resume.

    Raises OutputError if the folder is in use, cannot be written, holds foreign files, or holds another run and
    overwrite is false.
    """
    work, existed = WorkFolder.of(out), _exists(out)
    if existed and not out.is_dir():
        raise OutputError(f"out {out}: is a file: choose a folder that does not exist yet")
    if any(lies_in(folder, out) for folder in _folders(request.source)):
        raise OutputError(f"out {out}: holds the source itself: choose another --out")
    if existed:
        _check_ours(out)
    had_work = work.root.exists()
    with hold_lock(work.lock, out, "mixup-augment"):
        try:
            try:
                _prepare(out, work, request, overwrite)
            except OutputError:
                if not had_work:
                    work.remove()
                raise
            work.create()
            for leftover in work.partial.iterdir():
                leftover.unlink()
            work.save_request(request)
            yield
        except (UsageError, SourceError):  # clean up, but keep finished shards of an unfinished run
            with contextlib.suppress(OSError):  # if a store failed, so may the cleanup
                if (out / MANIFEST_NAME).is_file() or not any(work.finished.glob("*")):
                    work.remove()
                    if not existed:
                        out.rmdir()
            raise


def _folders(source: Source) -> set[Place]:
    """The folders that hold the files of a source; symbolic links are resolved."""
    paths = (place(file.path) for file in source.files)
    return {path.resolve().parent if isinstance(path, Path) and path.is_symlink() else path.parent for path in paths}


def _exists(out: Place) -> bool:
    try:
        return out.exists()
    except OSError as error:
        raise output_error(out, error) from error


def _check_ours(out: Place) -> None:
    """Raise OutputError if the folder holds a file that this tool did not write, since no such file may be replaced."""
    ours = {WORK_NAME}
    if (out / MANIFEST_NAME).is_file():
        try:
            names = [shard.name for shard in read_manifest(out).shards]
            ours |= {MANIFEST_NAME, *filter(_OF_UNFINISHED_RUN.fullmatch, names)}
        except ManifestError as error:
            reason = f"its {MANIFEST_NAME} is not from mixup-augment"
            raise OutputError(f"out {out}: {reason}: choose another --out") from error
    unfinished = (out / WORK_NAME).is_dir()
    if MANIFEST_NAME in ours or unfinished:
        ours |= {INFO_NAME, FEATURES_NAME}
    foreign = [
        name
        for name in sorted(path.name for path in out.iterdir())
        if name not in ours and not (unfinished and _OF_UNFINISHED_RUN.fullmatch(name))
    ]
    foreign += [f"{WORK_NAME}/{name}" for name in WorkFolder.of(out).foreign()]
    if foreign:
        raise OutputError(f"out {out}: is not empty ({foreign[0]} is not from mixup-augment): choose another --out")


def _prepare(out: Place, work: WorkFolder, request: Request, overwrite: bool) -> None:
    """Prepare the folder: it is empty, holds the same run, or holds another run that is listed to be replaced."""
    stored = work.load_request()
    present = [path.name for path in out.iterdir() if path.name != WORK_NAME]
    if stored != request or work.previous.exists():
        finished = MANIFEST_NAME in present
        if finished and not overwrite and _is_same_run(read_manifest(out), request):
            work.clear()
            _reopen(out, work, read_manifest(out))
            return
        if present and not overwrite:
            kind = "a finished" if finished else "an unfinished"
            what = f"{kind} run of another configuration or source"
            raise OutputError(f"out {out}: holds {what}: use --overwrite to replace it, or another --out")
        work.clear()
    if overwrite:
        work.save_previous(present)  # they are removed once the new run is known to be possible


def _is_same_run(manifest: Manifest, request: Request) -> bool:
    """Whether the request describes the finished run, as far as this is known without indexing the source."""
    finished, requested = manifest.config, request.config
    resolved = replace(
        requested,
        num_shards=requested.num_shards or finished.num_shards,
        label_format=finished.label_format if requested.label_format == "auto" else requested.label_format,
    )
    source = manifest.source
    return (
        finished == resolved
        and [file.name for file in source.files] == [file.name for file in request.source.files]
        and source.schema == request.source.spec
    )


def _reopen(out: Place, work: WorkFolder, manifest: Manifest) -> None:
    """Turn a finished folder into an unfinished run, which keeps the correct shards and writes the others again."""
    work.create()
    for shard in manifest.shards:
        finished = FinishedShard(
            run_id=manifest.run_id, examples=shard.examples, bytes=shard.bytes, sha256=shard.sha256
        )
        work.save_finished(shard.name, finished)
    present = sizes(out)
    if any(present.get(shard.name) != shard.bytes for shard in manifest.shards):
        (out / MANIFEST_NAME).unlink()  # it lists shards that do not exist
