"""Stop a function, or fail it, at its k-th call that changes a file below a folder. In process, so every k is cheap.

    number = count_calls(out, run)
    for k in range(number):
        with injected(out, at=k, fault=KILL) as seen:
            run()

A call is counted where Python itself makes it: the audit hook sees open (for writing), mkdir, rename, replace, remove,
rmdir, link, symlink and truncate, also from libraries and from `shutil.rmtree`; fsync has no audit event and is
replaced. What C++ libraries write on their own (HDF5, TensorFlow) is not seen, and neither are other processes.

KILL: as SIGKILL. `Killed` is raised before the call, and by every later one, so that no clean-up can run. Locks are
dropped, since handles are closed. POWER_CUT: the same, and files that were not flushed are empty afterwards. An OSError
is raised once, and the function goes on as it can.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any
from unittest import mock

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_ONE_PATH = {"os.mkdir": 2, "os.rmdir": 1, "os.remove": 1, "os.truncate": None}
"""The events of one path, and which of their arguments is the folder's handle that the path is relative to."""
_TWO_PATHS = {"os.rename": (2, 3), "os.link": (2, 3)}
_FSYNC = os.fsync


class Killed(BaseException):
    """The process is dead. No `except Exception` may catch it."""


class Fault(Enum):
    """What happens besides an OSError."""

    KILL = "kill"
    POWER_CUT = "power cut"


KILL, POWER_CUT = Fault.KILL, Fault.POWER_CUT


@dataclass
class Seen:
    """The calls below the folder so far, in words.

    at, fault: as given to `injected`. fired: the fault has happened. unflushed: the files that a power cut empties.
    """

    folder: Path
    at: int | None
    fault: Fault | OSError
    calls: list[str] = field(default_factory=list)
    fired: bool = False
    unflushed: set[Path] = field(default_factory=set)

    def call(self, what: str, *paths: Path | None) -> bool:
        """Count a call, or raise the fault. Returns whether the call is below the folder."""
        if not any(path is not None and path.is_relative_to(self.folder) for path in paths):
            return False
        dead = self.fired and isinstance(self.fault, Fault)
        if not dead:
            self.calls.append(" ".join([what, *(os.path.relpath(path, self.folder) for path in paths if path)]))
        if dead or len(self.calls) - 1 == self.at:
            self.fired = True
            raise Killed(self.calls[-1]) if isinstance(self.fault, Fault) else OSError(*self.fault.args)
        return True


_active: list[Seen] = []
"""The one that is injected now."""


@contextlib.contextmanager
def injected(folder: Path, *, at: int | None, fault: Fault | OSError = KILL) -> Iterator[Seen]:
    """Let the call number `at` below the folder meet the fault; None: only count.

    After a kill whatever the function raised is swallowed: nobody hears a dead process. Other errors pass.
    """
    _hook_once()
    seen = Seen(folder.resolve(), at, fault)
    _active.append(seen)
    try:
        with mock.patch.object(os, "fsync", _fsync):
            yield seen
    except BaseException:
        if not (seen.fired and isinstance(fault, Fault)):
            raise
    finally:
        _active.remove(seen)
    if seen.fired and fault is POWER_CUT:
        for path in seen.unflushed:
            if path.is_file() and not path.is_symlink():
                os.truncate(path, 0)


def count_calls(folder: Path, function: Callable[[], Any]) -> int:
    """How many calls of the function change a file below the folder. Nothing is injected."""
    with injected(folder, at=None) as seen:
        function()
    return len(seen.calls)


def _fsync(handle: Any) -> None:
    path = _path(handle if isinstance(handle, int) else handle.fileno())
    for seen in _active:
        if seen.call("fsync", path) and path is not None:
            seen.unflushed.discard(path)
    _FSYNC(handle)


_hooks: list[Callable[..., None]] = []


def _hook_once() -> None:
    if not _hooks:  # a hook stays for ever, so that there is one
        _hooks.append(_hook)
        sys.addaudithook(_hook)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    for seen in _active:
        _note(seen, event, args)


def _note(seen: Seen, event: str, args: tuple[Any, ...]) -> None:
    if event == "open":
        _opened(seen, args)
    elif event in _ONE_PATH:
        within = _ONE_PATH[event]
        path = _path(args[0], None if within is None else args[within])
        if seen.call(event.removeprefix("os."), path) and path is not None and event == "os.remove":
            seen.unflushed.discard(path)
    elif event == "os.symlink":
        seen.call("symlink", _path(args[1], args[2]))
    elif event in _TWO_PATHS:
        paths = [_path(args[number], args[within]) for number, within in enumerate(_TWO_PATHS[event])]
        if seen.call(event.removeprefix("os."), *paths) and event == "os.rename":
            _renamed(seen, *paths)


def _opened(seen: Seen, args: tuple[Any, ...]) -> None:
    target, _, flags = args
    if isinstance(target, int) or not flags & _WRITING:  # a handle that is open already, or only read
        return
    path = _path(target)
    if seen.call("open", path) and path is not None and (flags & os.O_TRUNC or not path.exists()):
        seen.unflushed.add(path)


def _renamed(seen: Seen, source: Path | None, target: Path | None) -> None:
    if source is not None and target is not None:
        (seen.unflushed.add if source in seen.unflushed else seen.unflushed.discard)(target)
        seen.unflushed.discard(source)


def _path(path: Any, folder: int | None = None) -> Path | None:
    """The absolute path, its folder resolved; None where it cannot be said."""
    with contextlib.suppress(OSError, TypeError):
        if isinstance(path, int):
            return Path(f"/proc/self/fd/{path}").readlink()
        start = Path.cwd() if folder is None or folder < 0 else Path(f"/proc/self/fd/{folder}").readlink()
        whole = start / os.fsdecode(path)
        return whole.parent.resolve() / whole.name
    return None
