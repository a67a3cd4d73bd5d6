"""Claiming an output folder: one run at a time, resumed if it is the same, refused if it is another.

The claim is a lock (`locks.py`) that ends with its process, so a killed run never blocks the next.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mixup_pipeline.dataset.manifest import MANIFEST_NAME, WORK_NAME, Manifest, read_manifest
from mixup_pipeline.errors import ManifestError, OutputError, SourceError, UsageError
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.work_folder import FinishedShard, WorkFolder
from mixup_pipeline.sources.source import Source
from mixup_pipeline.sources.tfds import FEATURES_NAME, INFO_NAME
from mixup_pipeline.storage.atomic import output_error, sizes
from mixup_pipeline.storage.locks import hold_lock
from mixup_pipeline.storage.places import Place, lies_in, place

_OF_UNFINISHED_RUN = re.compile(
    rf"[\w-]+_mixup-[\w.-]+\.tfrecord-\d{{5,}}-of-\d{{5,}}|\.({MANIFEST_NAME}|{INFO_NAME}|{FEATURES_NAME})\.[0-9a-f]+"
)


@contextlib.contextmanager
def claim(out: Place, request: Request, *, overwrite: bool) -> Iterator[None]:
    """Hold the folder for one run and bring it into a state from which that run can go on.

    Raises OutputError where the folder is in use, cannot be written, holds foreign files, or holds another run and
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
                _settle(out, work, request.as_json(), overwrite)
            except OutputError:
                if not had_work:
                    work.remove()
                raise
            work.create()
            for leftover in work.partial.iterdir():
                leftover.unlink()
            work.save_request(request.as_json())
            yield
        except (UsageError, SourceError):  # leave no trace, unless there are finished shards that no manifest lists
            with contextlib.suppress(OSError):  # a store that fails, where the source may have failed by it
                if (out / MANIFEST_NAME).is_file() or not any(work.finished.glob("*")):
                    work.remove()
                    if not existed:
                        out.rmdir()
            raise


def _folders(source: Source) -> set[Place]:
    """Where the files of a source really are."""
    paths = (place(file.path) for file in source.files)
    return {path.resolve().parent if isinstance(path, Path) and path.is_symlink() else path.parent for path in paths}


def _exists(out: Place) -> bool:
    try:
        return out.exists()
    except OSError as error:
        raise output_error(out, error) from error


def _check_ours(out: Place) -> None:
    """Nothing that this tool did not write is ever overwritten or mixed with its files."""
    ours = {WORK_NAME}
    if (out / MANIFEST_NAME).is_file():
        try:
            names = [shard["name"] for shard in read_manifest(out)["shards"]]
            ours |= {MANIFEST_NAME, *filter(_OF_UNFINISHED_RUN.fullmatch, names)}
        except (ManifestError, KeyError, TypeError) as error:
            raise OutputError(f"out {out}: its {MANIFEST_NAME} is not ours: choose another --out") from error
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


def _settle(out: Place, work: WorkFolder, request: dict[str, Any], overwrite: bool) -> None:
    """Leave the folder as the run needs it: empty, with an unfinished run of the same, or one to be replaced."""
    stored = work.load_request()
    present = [path.name for path in out.iterdir() if path.name != WORK_NAME]
    if stored != request or work.previous.exists():
        finished = MANIFEST_NAME in present
        if finished and not overwrite and _same(read_manifest(out), request):
            work.clear()
            _reopen(out, work, read_manifest(out))
            return
        if present and not overwrite:
            kind = "a finished" if finished else "an unfinished"
            what = f"{kind} run of another configuration or source"
            raise OutputError(f"out {out}: holds {what}: use --overwrite to replace it, or another --out")
        work.clear()
    if overwrite:
        work.save_previous(present)  # they go once the new run is known to be possible


def _same(manifest: Manifest, request: dict[str, Any]) -> bool:
    """Whether the manifest is of a run that was asked for so, as far as can be told without indexing the source."""
    asked, made = request["config"], manifest["config"]
    same_config = all(
        made[option] == value
        for option, value in asked.items()
        if not (option == "num_shards" and value is None) and not (option == "label_format" and value == "auto")
    )
    names = [file["name"] for file in request["source"]["files"]]
    source = manifest["source"]
    same_files = [file["name"] for file in source["files"]] == names
    return same_config and same_files and source["schema"] == request["source"]["spec"]


def _reopen(out: Place, work: WorkFolder, manifest: Manifest) -> None:
    """Let the run go over a finished folder again: it keeps the shards that are right and writes the others anew."""
    work.create()
    for shard in manifest["shards"]:
        fields = {key: shard[key] for key in ("examples", "bytes", "sha256")}
        work.save_finished(shard["name"], FinishedShard(run_id=manifest["run_id"], **fields))
    present = sizes(out)
    if any(present.get(shard["name"]) != shard["bytes"] for shard in manifest["shards"]):
        (out / MANIFEST_NAME).unlink()  # it promises shards that are not there
