"""Places of files: a local `Path`, or an `ObjectPath` in an object store, which has the same methods.

Only what this package needs of `pathlib.Path` is there. A folder of a store is the beginning that names share: making
one does nothing, and it exists as long as anything lies below it. What differs for good reasons (atomic writes, room)
is in `files.py`.
"""

import errno
import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import total_ordering
from pathlib import Path
from typing import TypeAlias, TypeGuard

from mixup_pipeline.errors import StoreError, UsageError
from mixup_pipeline.storage.clients import store
from mixup_pipeline.storage.store import Found, Store

_CLASS = re.compile(r"\[[^]]+\]")
_WILD = re.compile(r"[*?\[]")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)

_CUT_URL = re.compile(r"(gs|s3):/?(?!/)", re.IGNORECASE)


@dataclass(frozen=True)
class Stat:
    """Of an object: its size in bytes. stamp: another one each time it is written."""

    st_size: int
    stamp: str


@total_ordering
@dataclass(frozen=True)
class ObjectPath:
    """An object of a store, or a folder of them. It holds its address alone, and can be sent to workers."""

    scheme: str
    bucket: str
    key: str
    _listed: Stat | None = field(default=None, repr=False, compare=False)  # what a listing told

    @classmethod
    def of(cls, url: str) -> "ObjectPath":
        """Raises UsageError for a URL without a bucket, or of another scheme than those of `stores`."""
        match = _URL.fullmatch(url)
        scheme, rest = (match[1].lower(), match[2]) if match else ("", url)
        bucket, _, key = rest.partition("/")
        if not bucket:
            raise UsageError(f"{url}: names no bucket: write {scheme}://BUCKET/PATH")
        try:
            store(scheme)
        except UsageError as error:
            raise UsageError(f"{url}: {error}") from error
        return cls(scheme, bucket, re.sub("/+", "/", key).strip("/"))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"

    def __lt__(self, other: "ObjectPath") -> bool:
        return str(self) < str(other)

    def __truediv__(self, name: str | Path) -> "ObjectPath":
        return self.joinpath(str(name))

    def joinpath(self, *names: str) -> "ObjectPath":
        return ObjectPath(self.scheme, self.bucket, "/".join(part for part in (self.key, *names) if part))

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        return Path(self.name).suffix

    @property
    def parent(self) -> "ObjectPath":
        return ObjectPath(self.scheme, self.bucket, self.key.rpartition("/")[0])

    def with_suffix(self, suffix: str) -> "ObjectPath":
        return self.parent / f"{self.name.rpartition('.')[0] or self.name}{suffix}"

    def absolute(self) -> "ObjectPath":
        return self

    @property
    def store(self) -> Store:
        """The store; raises UsageError where its libraries are missing."""
        return store(self.scheme)

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        return bool(self.key) and (self._listed is not None or self.store.look(self.bucket, self.key) is not None)

    def is_dir(self) -> bool:
        return (
            self._listed is None
            and next(iter(self.store.objects(self.bucket, self._prefix, deep=False)), None) is not None
        )

    def stat(self) -> Stat:
        """Raises StoreError where there is no such object."""
        if self._listed is not None:
            return self._listed
        found = self.store.look(self.bucket, self.key) if self.key else None
        if found is None:
            raise StoreError(errno.ENOENT, "no such object", str(self))
        return Stat(found.size, found.stamp)

    def iterdir(self) -> Iterator["ObjectPath"]:
        """What lies directly below; objects know their size then."""
        for found in self.store.objects(self.bucket, self._prefix, deep=False):
            if isinstance(found, str):
                yield ObjectPath(self.scheme, self.bucket, found.rstrip("/"))
            elif not found.key.endswith("/"):  # a mark that other tools leave for an empty folder
                yield self._found(found)

    def walk_files(self) -> Iterator["ObjectPath"]:
        """All objects below, however deep."""
        for found in self.store.objects(self.bucket, self._prefix, deep=True):
            if not isinstance(found, str):
                yield self._found(found)

    def glob(self, pattern: str) -> Iterator["ObjectPath"]:
        """Objects below that match: * and ? do not cross a slash, ** does."""
        head = _WILD.split(pattern)[0]
        prefix, fitting = self._prefix + head, re.compile(re.escape(self._prefix) + _translated(pattern))
        for found in self.store.objects(self.bucket, prefix, deep="/" in pattern[len(head) :]):
            if not isinstance(found, str) and fitting.fullmatch(found.key):
                yield self._found(found)

    def read_bytes(self) -> bytes:
        """Raises StoreError where there is no such object."""
        return self.read_range(self.stat().st_size, 0)

    def read_range(self, length: int, offset: int) -> bytes:
        """Bytes [offset, offset + length); fewer where the object ends before."""
        return self.store.read(self.bucket, self.key, offset, length) if length > 0 else b""

    def write_bytes(self, content: bytes) -> None:
        """Write a small object, whole or not at all."""
        self.store.put(self.bucket, self.key, content)

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def upload(self, path: Path) -> None:
        """Write what a local file holds, whole or not at all."""
        self.store.upload(self.bucket, self.key, path)

    def write_over(self, content: bytes, stamp: str | None) -> str | None:
        """Write only over the object of this stamp, or only where there is none: the new stamp, None if refused."""
        return self.store.put_over(self.bucket, self.key, content, stamp)

    def stamp(self) -> str | None:
        """Of the object as it is now, None where there is none."""
        found = self.store.look(self.bucket, self.key)
        return None if found is None else found.stamp

    def remove_tree(self) -> None:
        """Remove all objects below."""
        self.store.delete(self.bucket, [path.key for path in self.walk_files()])

    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: folders need not be made."""

    def rmdir(self) -> None:
        """Nothing: an empty folder does not exist."""

    def unlink(self, *, missing_ok: bool = False) -> None:
        if not missing_ok:
            self.stat()
        self.store.delete(self.bucket, [self.key])

    @property
    def _prefix(self) -> str:
        return f"{self.key}/" if self.key else ""

    def _found(self, found: Found) -> "ObjectPath":
        return ObjectPath(self.scheme, self.bucket, found.key, Stat(found.size, found.stamp))


Place: TypeAlias = Path | ObjectPath


def place(where: "str | Place") -> Place:
    """The place that a user or a file names.

    Raises UsageError for a URL of a store that is not supported, or with too few slashes.
    """
    if isinstance(where, ObjectPath):
        return where
    if isinstance(where, str) and (cut := _CUT_URL.match(where)):
        raise UsageError(f"{where}: is no address of a store: write {cut[1].lower()}://BUCKET/PATH, or ./{where}")
    return ObjectPath.of(where) if is_url(where) else Path(where).expanduser()


def is_url(where: str | Path) -> TypeGuard[str]:
    """Whether this names something of an object store."""
    return isinstance(where, str) and _URL.fullmatch(where) is not None


def check_local(option: str, where: str | None) -> None:
    """Raises UsageError for an object store, where only local files can be read."""
    if where is not None and is_url(where):
        raise UsageError(f"{option} {where}: training reads local files only: copy them here first")


def lies_in(inner: Place, outer: Place) -> bool:
    """Whether a place is another, or below it; links are followed."""
    if isinstance(inner, ObjectPath) or isinstance(outer, ObjectPath):
        return f"{inner}/".startswith(f"{str(outer).rstrip('/')}/")
    return inner.resolve().is_relative_to(outer.resolve())


def matching(pattern: Place) -> list[Place]:
    """The files of a pattern, or the one file of that name, in no certain order."""
    if isinstance(pattern, ObjectPath):
        if not _WILD.search(pattern.key):
            return [pattern] if pattern.is_file() else []
        return list(ObjectPath(pattern.scheme, pattern.bucket, "").glob(pattern.key))
    found: list[Place] = [Path(path) for path in glob.glob(str(pattern), recursive=True) if Path(path).is_file()]
    return found or [path for path in [pattern] if path.is_file()]


def _translated(pattern: str) -> str:
    """A glob as a regular expression."""
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(rf"(\*\*/|\*\*|\*|\?|{_CLASS.pattern})", pattern)
    return "".join(
        known.get(piece) or (_translated_class(piece) if _CLASS.fullmatch(piece) else re.escape(piece))
        for piece in pieces
    )


def _translated_class(piece: str) -> str:
    """[abc] or [!abc]"""
    negated = piece[1] == "!"
    letters = piece[1 + negated : -1].replace("\\", "\\\\").replace("[", r"\[").replace("^", r"\^")
    return f"[{'^' * negated}{letters}]"
