"""What a work folder may hold. A folder with anything else in it is refused, so that nothing else is ever removed.

Links are foreign, whatever they point to: what is removed below a link lies outside the folder.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from mixup_pipeline.records.names import SHARD_NAME
from mixup_pipeline.storage.places import ObjectPath, Place

REQUEST_NAME = "request.json"
_UNFINISHED = r"\.[0-9a-f]{12}"  # the end of a name that `new_partial` makes
_FILES = re.compile(
    rf"""lock | {re.escape(REQUEST_NAME)} | previous\.json | run\.json | slots | partners-\d{{5,}}
    | index/\d{{5,}}\.(entries|json) | spool/\d{{5,}} | shards/{SHARD_NAME}\.json | staged/{SHARD_NAME}
    | partial/[^/]+{_UNFINISHED} | partial/mixup-\w+/\d+""",
    re.VERBOSE,
)
_FOLDERS = re.compile(r"index|spool|shards|staged|partial|partial/mixup-\w+")
_BEGINNINGS_OF_OURS = (b"{", b"\0", b"")
"""A request begins like a JSON object; after a power cut it may be empty, or hold zeros."""


def foreign_content(root: Place) -> str | None:
    """The name of the first thing in a work folder that this tool did not put there; None where there is none.

    It is the empty string where the work folder itself is a link or a file.
    """
    if isinstance(root, Path):
        if root.is_symlink() or (root.exists() and not root.is_dir()):
            return ""
        names = _foreign_files(root, "")
    else:
        names = (
            name for name in (path.key.removeprefix(f"{root.key}/") for path in root.walk_files()) if not _is_ours(name)
        )
    foreign = min(names, default=None)
    if foreign is None and not _begins_as_request(root / REQUEST_NAME):
        return REQUEST_NAME
    return foreign


def _is_ours(name: str) -> bool:
    return _FILES.fullmatch(name) is not None


def _foreign_files(folder: Path, prefix: str) -> Iterator[str]:
    """The names of links, of files and of folders that are not ours. What another process removes meanwhile is none."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
        for entry in found:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False) and _FOLDERS.fullmatch(name):
                yield from _foreign_files(folder / entry.name, f"{name}/")
            elif not (entry.is_file(follow_symlinks=False) and _is_ours(name)):
                yield name


def _begins_as_request(request: Place) -> bool:
    if isinstance(request, ObjectPath):
        return not request.is_file() or request.read_range(1, 0) in _BEGINNINGS_OF_OURS
    try:
        with request.open("rb") as file:
            return file.read(1) in _BEGINNINGS_OF_OURS
    except FileNotFoundError:
        return True
