"""A folder claimed for one request. The same request may continue there later; one process works at a time.

config.json   the request
.lock         held by the process that works; it stays, and tells that the folder was claimed

What a killed process left unfinished is swept under the lock. Nothing is ever removed but what was made here: names
that the caller lists, and no links are followed.
"""

import contextlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixup_pipeline.errors import OutputError, UsageError
from mixup_pipeline.storage.atomic import output_error, write_atomically
from mixup_pipeline.storage.locks import hold_lock
from mixup_pipeline.storage.unfinished import sweep_beside

_CONFIG, _LOCK = "config.json", ".lock"

OnNote = Callable[[str], None]
"""Is told, in one line, of a file that is not as it was written, and what is done about it."""


def ignore(note: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of folder. what: is made there, and command: by which program, for messages. holds: the names in it.

    before: the folders in it that are made before the request is known, and serve another request as well.
    """

    what: str
    command: str
    holds: frozenset[str]
    before: frozenset[str] = frozenset()

    def is_ours(self, name: str) -> bool:
        """Whether such folders hold this name, or it is that of an unfinished file of theirs."""
        names = {*self.holds, *self.before, _CONFIG, _LOCK}
        return name in names or (name.startswith(".") and name[1:].rpartition(".")[0] in names)


@contextlib.contextmanager
def claimed(
    root: Path, asked: Mapping[str, Any], kind: Kind, on_note: OnNote = ignore, *, may_grow: Collection[str] = ()
) -> Iterator[None]:
    """Hold the folder for a request, which its config.json keeps. A damaged config.json is written again.

    If the work ends before it writes a file, the folder is left as it was, so that a corrected command can use it.

    asked: the request, JSON values. may_grow: full names of numbers in it that may be larger than those of an earlier
    request; config.json then keeps the larger ones.

    Raises UsageError if the folder holds something else, OutputError if another process works there or the folder
    cannot be written.
    """
    wanted = json.loads(json.dumps(asked))
    try:
        existed = root.is_dir()
        _fault_of_request(root, wanted, kind, may_grow)  # before anything is written there
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(root, error) from error
    with hold_lock(root / _LOCK, root, kind.command):
        try:
            _keep_request(root, wanted, kind, on_note, may_grow)
            yield
        finally:
            _remove_if_unused(root, kind, existed)


def is_claimed(root: Path) -> bool:
    """Whether the folder keeps a request."""
    return (root / _CONFIG).is_file()


def check_free(root: Path, kind: Kind) -> None:
    """Raise UsageError if a folder holds what is not of this kind, so that nothing may be written there."""
    try:
        names = sorted(path.name for path in root.iterdir()) if root.is_dir() else []
    except OSError as error:
        raise output_error(root, error) from error
    if not is_claimed(root) and not all(kind.is_ours(name) for name in names):
        raise UsageError(f"--out {root}: is not empty and holds no {kind.what}: choose another --out")


def read_json(path: Path, *, needed: Collection[str] = ()) -> dict[str, Any]:
    """The object in a JSON file. needed: keys it must have.

    Raises ValueError if it is damaged, and OSError if it cannot be read.
    """
    try:
        values = json.loads(path.read_bytes())
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"is not JSON as it was written ({error})") from error
    if not isinstance(values, dict) or not set(needed) <= set(values):
        raise ValueError(
            f"is not JSON as it was written (an object with {', '.join(sorted(needed)) or 'keys'} was written)"
        )
    return values


def _keep_request(
    root: Path, wanted: Mapping[str, Any], kind: Kind, on_note: OnNote, may_grow: Collection[str]
) -> None:
    """Sweep what was left unfinished, and write the request if it is missing or damaged, or has grown."""
    for name in (_CONFIG, *sorted(kind.holds)):
        sweep_beside(root / name)
    try:
        fault = _fault_of_request(root, wanted, kind, may_grow)
    except OSError as error:
        raise output_error(root, error) from error
    if fault is not None:
        if fault:
            on_note(f"{root / _CONFIG}: {fault}: it is written again")
        write_atomically(root / _CONFIG, json.dumps(wanted, indent=2) + "\n")


def _fault_of_request(root: Path, wanted: Mapping[str, Any], kind: Kind, may_grow: Collection[str]) -> str | None:
    """What is wrong with config.json; "" if nothing or less was asked here yet, None if it is the same request.

    Raises UsageError or OutputError if the folder holds something else.
    """
    found = [path.name for path in root.iterdir()] if root.exists() else []
    names = sorted(name for name in found if name not in kind.before)
    config, others = root / _CONFIG, [name for name in names if not kind.is_ours(name)]
    claimed_once = _LOCK in names and not others
    if (root / _LOCK).is_symlink():  # opening it would make a file elsewhere
        raise UsageError(f"{root / _LOCK}: is a link, which is not followed: remove it, or choose another --out")
    if not config.is_file():
        unfinished = all(name == _LOCK or name.startswith(f".{_CONFIG}.") for name in names)
        if not (unfinished or claimed_once):
            raise UsageError(f"--out {root}: is not empty and holds no {kind.what}: choose another --out")
        return "" if unfinished else "is missing"
    try:
        stored = _flattened(read_json(config))
    except (ValueError, RecursionError) as error:
        if claimed_once:
            return str(error)
        raise OutputError(f"{config}: {error}: choose another --out, or remove it if it is of a {kind.what}") from error
    asked = _flattened(wanted)
    grown = [key for key in may_grow if type(stored.get(key)) is int and stored[key] < asked[key]]
    _check_same(root, {**stored, **{key: asked[key] for key in grown}}, asked, kind)
    return "" if grown else None


def _check_same(root: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any], kind: Kind) -> None:
    for key in {**wanted, **stored}:
        if stored.get(key) != wanted.get(key):
            raise UsageError(
                f"--out {root}: holds another {kind.what} ({_as_option(key)} is {stored.get(key)!r}, asked is "
                f"{wanted.get(key)!r}): choose another --out, or remove that folder"
            )


def _as_option(key: str) -> str:
    """The full name of a setting as its option, if it has one."""
    of, _, name = key.rpartition(".")
    return f"--{name.replace('_', '-')}" if of in ("config", "train") else key


def _flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their full names: {"config": {"seed": 1}} becomes {"config.seed": 1}."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flattened(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _remove_if_unused(root: Path, kind: Kind, existed: bool) -> None:
    """Leave the folder as it was, if nothing but the request, the lock and empty folders of this kind was written."""
    with contextlib.suppress(OSError):  # what cannot be removed is used by the next start
        made = [path for path in root.iterdir() if path.name not in (_CONFIG, _LOCK, *kind.before)]
        if not all(path.name in kind.holds and _is_empty(path) for path in made):
            return
        for path in made:
            _remove_empty(path)
        for name in (_CONFIG, _LOCK):
            (root / name).unlink(missing_ok=True)
        if not existed:
            root.rmdir()


def _is_empty(path: Path) -> bool:
    """Whether this is a folder, no link, and all below it are such folders."""
    return path.is_dir() and not path.is_symlink() and all(map(_is_empty, path.iterdir()))


def _remove_empty(folder: Path) -> None:
    """Remove a folder of empty folders. Raises OSError if there is anything else."""
    for path in list(folder.iterdir()):
        _remove_empty(path)
    folder.rmdir()
