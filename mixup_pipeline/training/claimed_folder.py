"""A folder claimed for one request. The same request may continue there later; one process works at a time."""

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
    """Hold the folder for a request, which its config.json keeps.

    If the work ends before it writes a file, the folder is left as it was, so that a corrected command can use it.

    asked: the request, JSON values. what: is made there, for messages. command: the program, for messages.

    Raises UsageError if the folder holds something else, OutputError if another process works there or the folder
    cannot be written.
    """
    existed = _create_or_check(root, json.loads(json.dumps(asked)), what)
    with hold_lock(root / _LOCK, root, command):
        try:
            yield
        finally:
            _remove_if_unused(root, existed)


def read_json(path: Path, *, remove: Path, needed: Collection[str] = ()) -> dict[str, Any]:
    """The object in a JSON file. remove: what the user should remove if it is damaged. needed: keys it must have.

    Raises OutputError if it is damaged.
    """
    try:
        values = json.loads(path.read_bytes())
        if not isinstance(values, dict) or not set(needed) <= set(values):
            raise ValueError(f"an object with {', '.join(needed) or 'keys'} was written")
    except ValueError as error:
        raise OutputError(f"{path}: is not JSON as it was written ({error}): remove {remove} and run again") from error
    return values


def _create_or_check(root: Path, asked: Mapping[str, Any], what: str) -> bool:
    """Create the folder, or check that it holds the same request. Returns whether it existed."""
    config = root / _CONFIG
    try:
        existed = root.is_dir()
        if config.is_file():
            stored, wanted = _flattened(read_json(config, remove=root)), _flattened(asked)
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


def _flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their full names: {"config": {"seed": 1}} becomes {"config.seed": 1}."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _remove_if_unused(root: Path, existed: bool) -> None:
    """Leave the folder as it was, if nothing but the request and the lock was written."""
    paths = sorted(root.rglob("*"), reverse=True)
    if any(path.is_file() and path.name not in (_CONFIG, _LOCK) for path in paths):
        return
    for path in paths:
        path.rmdir() if path.is_dir() else path.unlink()
    if not existed:
        root.rmdir()
