"""Claiming an output folder. One run at a time may write it; the same run is resumed, another run is refused.

The claim is a lock (`storage.locks`) that ends with its process, so a killed run never blocks the next one.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mixup_pipeline.dataset.left_out import SKIPPED_NAME
from mixup_pipeline.dataset.manifest import MANIFEST_NAME, MIXED_SUFFIX, WORK_NAME, Manifest, read_manifest
from mixup_pipeline.errors import ManifestError, OtherRunError, OutputError, SourceError, UsageError
from mixup_pipeline.records.names import SHARD_NUMBERS
from mixup_pipeline.run.notes import FinishedShard
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.run import resolved_quality
from mixup_pipeline.run.work_content import foreign_content
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.source import Source
from mixup_pipeline.sources.tfds_features import FEATURES_NAME
from mixup_pipeline.sources.tfds_info import INFO_NAME
from mixup_pipeline.storage.atomic import output_error
from mixup_pipeline.storage.locks import hold_lock
from mixup_pipeline.storage.places import Place, lies_in, place
from mixup_pipeline.storage.unfinished import sweep_uploads

_OF_UNFINISHED_RUN = re.compile(rf"[\w-]+{MIXED_SUFFIX}-[\w.-]+{SHARD_NUMBERS}")


@contextlib.contextmanager
def claim(out: Place, request: Request, *, overwrite: bool) -> Iterator[None]:
    """Lock the folder for one run, and prepare it so that this run can start or resume.

    Everything is decided under the lock, so that no other run changes the folder meanwhile.

    Raises OutputError if the folder is in use, cannot be written, holds foreign files, or holds another run and
    overwrite is false.
    """
    work, existed = WorkFolder.of(out), _exists(out)
    if existed and not out.is_dir():
        raise OutputError(f"--out {out}: is a file: choose a folder that does not exist yet")
    if any(lies_in(folder, out) for folder in _folders(request.source)):
        raise OutputError(f"--out {out}: holds the source itself: choose another --out")
    unfinished = existed and _seems_unfinished(out, work)
    with hold_lock(work.lock, out, "mixup-augment"):
        if not isinstance(out, Path):
            sweep_uploads()
        _prepare_or_leave(out, work, request, overwrite=overwrite, unfinished=unfinished)
        try:
            yield
        except (UsageError, SourceError, OtherRunError):  # clean up, but keep finished shards of an unfinished run
            with contextlib.suppress(OSError):  # if a store failed, so may the cleanup
                if (out / MANIFEST_NAME).is_file() or not any(work.finished.glob("*")):
                    work.remove()
                    if not existed:
                        out.rmdir()
            raise


def _prepare_or_leave(out: Place, work: WorkFolder, request: Request, *, overwrite: bool, unfinished: bool) -> None:
    """Check and prepare the folder. If it is refused or fails, the work folder is removed unless it held a run."""
    try:
        unfinished = unfinished or work.holds_a_run()
        _check_ours(out, unfinished=unfinished)
        _prepare(out, work, request, overwrite)
    except (OutputError, OSError) as error:
        if not unfinished:
            work.remove()
        raise error if isinstance(error, OutputError) else output_error(out, error) from error


def _folders(source: Source) -> set[Place]:
    """The folders that hold the files of a source; symbolic links are resolved."""
    paths = (place(file.path) for file in source.files)
    return {path.resolve().parent if isinstance(path, Path) and path.is_symlink() else path.parent for path in paths}


def _exists(out: Place) -> bool:
    try:
        if isinstance(out, Path):
            out.resolve()
        return out.exists()
    except OSError as error:
        raise output_error(out, error) from error
    except RuntimeError as error:  # how older Pythons say that a link leads to itself
        raise OutputError(f"--out {out}: is a link that leads to itself: choose another --out") from error


def _seems_unfinished(out: Place, work: WorkFolder) -> bool:
    """Whether there is a work folder already.

    Raises OutputError, before the lock is written, where the folder is clearly not one of ours.
    """
    root = work.root
    if isinstance(root, Path) and (root.is_symlink() or (root.exists() and not root.is_dir())):
        raise _not_ours(out, WORK_NAME)
    names = {path.name for path in out.iterdir()}
    if names and not names & {WORK_NAME, MANIFEST_NAME}:
        raise _not_ours(out, min(names))
    return WORK_NAME in names


def _check_ours(out: Place, *, unfinished: bool) -> None:
    """Raise OutputError if the folder holds a file that this tool did not write, since no such file may be replaced."""
    ours = {WORK_NAME}
    if (out / MANIFEST_NAME).is_file():
        try:
            manifest = read_manifest(out)
        except ManifestError as error:
            reason = f"its {MANIFEST_NAME} is not from mixup-augment"
            raise OutputError(f"--out {out}: {reason}: choose another --out") from error
        names = [shard.name for shard in manifest.shards]
        ours |= {MANIFEST_NAME, INFO_NAME, FEATURES_NAME, *filter(_OF_UNFINISHED_RUN.fullmatch, names)}
        if manifest.source.left_out is not None:
            ours.add(SKIPPED_NAME)
    elif unfinished:
        ours |= {INFO_NAME, FEATURES_NAME, SKIPPED_NAME}
    paths: list[Place] = sorted(out.iterdir(), key=lambda path: path.name)
    for path in paths:
        is_ours = path.name in ours or (unfinished and _OF_UNFINISHED_RUN.fullmatch(path.name))
        is_folder = isinstance(path, Path) and path.is_dir() and path.name != WORK_NAME
        if not is_ours or is_folder:
            raise _not_ours(out, path.name)
    foreign = foreign_content(out / WORK_NAME)
    if foreign is not None:
        raise _not_ours(out, f"{WORK_NAME}/{foreign}")


def _not_ours(out: Place, name: str) -> OutputError:
    return OutputError(f"--out {out}: is not empty ({name} is not from mixup-augment): choose another --out")


def _prepare(out: Place, work: WorkFolder, request: Request, overwrite: bool) -> None:
    """Prepare the folder: it is empty, holds the same run, or holds another run that is to be replaced.

    What says that files are to be replaced is stored first, the request last. So a run that is stopped in here is
    prepared again by the next one.
    """
    stored, replaces = work.load_request(), work.replaces()
    present = [path.name for path in out.iterdir() if path.name != WORK_NAME]
    finished = MANIFEST_NAME in present
    if overwrite and work.load_previous() is None:
        work.partial.mkdir(exist_ok=True)
        work.save_previous(present)
    if finished and not overwrite and (stored != request or replaces) and _is_same_run(read_manifest(out), request):
        work.clear()
        work.create()
        _keep_shards(work, read_manifest(out))
    elif stored is None and not finished and not replaces and any(work.shards.all().values()):
        work.clear(keep=[work.finished.name])  # the request was lost; each shard's note says of which run it is
    elif stored != request or (replaces and not overwrite):
        if present and not overwrite:
            kind = "a finished" if finished else "an unfinished"
            what = f"{kind} run of another configuration or source"
            raise OutputError(f"--out {out}: holds {what}: use --overwrite to replace it, or another --out")
        work.clear(keep=[work.previous.name])
    work.create()
    if stored != request or work.load_request() is None:
        work.save_request(request)


def _is_same_run(manifest: Manifest, request: Request) -> bool:
    """Whether the request describes the finished run, as far as this is known without indexing the source."""
    finished, requested = manifest.config, request.config
    resolved = replace(
        requested,
        num_shards=requested.num_shards or finished.num_shards,
        label_format=finished.label_format if requested.label_format == "auto" else requested.label_format,
        quality=resolved_quality(requested),
    )
    source = manifest.source
    return (
        finished == resolved
        and [file.name for file in source.files] == [file.name for file in request.source.files]
        and source.schema == request.source.spec
    )


def _keep_shards(work: WorkFolder, manifest: Manifest) -> None:
    """Note the shards of a finished run as those of an unfinished one, which keeps those whose bytes are right."""
    for shard in manifest.shards:
        finished = FinishedShard(
            run_id=manifest.run_id, examples=shard.examples, bytes=shard.bytes, sha256=shard.sha256
        )
        work.shards.save(shard.name, finished)
