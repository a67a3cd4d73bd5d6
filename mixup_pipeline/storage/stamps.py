"""Stamps: what shows that a file is the one that was read before, without reading it again.

A local file's stamp holds its inode and the time of its last change of status too. These cannot be set, so a copy that
keeps size and modification time (`cp -p`, `rsync -t`) has another stamp. An object's stamp is its version.
"""

from collections.abc import Sequence
from typing import TypeAlias

from mixup_pipeline.storage.places import ObjectPath, Place

Stamp: TypeAlias = tuple[int | str, ...]


def stamp(path: Place) -> Stamp:
    """The stamp of one file. Raises OSError where it does not exist."""
    if isinstance(path, ObjectPath):
        found = path.stat()
        return found.st_size, found.version
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def stamps(paths: Sequence[Place]) -> list[Stamp | None]:
    """The stamp of each file, None where it does not exist. Folders of a store are listed, not asked file by file.

    Raises OSError where a file cannot be looked up.
    """
    folders = {path.parent for path in paths if isinstance(path, ObjectPath)}
    listed = {path: stamp(path) for folder in folders for path in folder.glob("*")}
    return [listed.get(path) if isinstance(path, ObjectPath) else _local_stamp(path) for path in paths]


def _local_stamp(path: Place) -> Stamp | None:
    try:
        return stamp(path)
    except FileNotFoundError:
        return None
