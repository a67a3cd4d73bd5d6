"""A folder that belongs to what was asked for in it: the same may go on later, one process at a time."""

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from mixup_pipeline.errors import OutputError, UsageError
from mixup_pipeline.storage.atomic import output_error, write_atomically
from mixup_pipeline.storage.locks import hold_lock

_CONFIG, _LOCK = "config.json", ".lock"


@contextlib.contextmanager
def claimed(root: Path, asked: Mapping[str, Any], *, what: str, command: str) -> Iterator[None]:
    """Hold the folder for what is asked, JSON values, which its config.json keeps.

    Where it ends before anything else is in the folder, no trace is left, so that a corrected command may use it. what:
    is done there, for people.

    Raises UsageError where it holds something else, OutputError where another process is at work there or it cannot be
    written.
    """
    existed = _open(root, json.loads(json.dumps(asked)), what)
    with hold_lock(root / _LOCK, root, command):
        try:
            yield
        finally:
            _forget(root, existed)


def read_json(path: Path, *, remove: Path, needed: Collection[str] = ()) -> dict[str, Any]:
    """A small file of a folder. remove: what to make anew where it is damaged. needed: keys that it has.

    Raises OutputError where it is damaged.
    """
    try:
        values = json.loads(path.read_bytes())
        if not isinstance(values, dict) or not set(needed) <= set(values):
            raise ValueError(f"an object with {', '.join(needed) or 'keys'} was written")
    except ValueError as error:
        raise OutputError(f"{path}: is not JSON as it was written ({error}): remove {remove} and run again") from error
    return values


def _open(root: Path, asked: Mapping[str, Any], what: str) -> bool:
    """Make the folder, or find it begun with the same; whether it was there."""
    config = root / _CONFIG
    try:
        existed = root.is_dir()
        if config.is_file():
            stored, wanted = _leaves(read_json(config, remove=root)), _leaves(asked)
            for key in {**wanted, **stored}:
                if stored.get(key) != wanted.get(key):
                    raise UsageError(
                        f"out {root}: holds another {what} ({key} is {stored.get(key)!r}, asked is "
                        f"{wanted.get(key)!r}): choose another --out, or remove that folder"
                    )
            return existed
        if existed and any(root.iterdir()):
            raise UsageError(f"out {root}: is not empty and holds no {what}: choose another --out")
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(root, error) from error
    write_atomically(config, json.dumps(asked, indent=2) + "\n")
    return existed


def _leaves(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their full names: {"config": {"seed": 1}} gives {"config.seed": 1}."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _forget(root: Path, existed: bool) -> None:
    """Leave the folder as it was, where nothing came of it."""
    paths = sorted(root.rglob("*"), reverse=True)
    if any(path.is_file() and path.name not in (_CONFIG, _LOCK) for path in paths):
        return
    for path in paths:
        path.rmdir() if path.is_dir() else path.unlink()
    if not existed:
        root.rmdir()
