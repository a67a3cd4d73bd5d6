"""Names of files and folders: a local `Path`, or an `ObjectPath` (gs://, s3://) with the same methods.

`ObjectPath` has only those methods of `pathlib.Path` that this package needs. A folder in a store is only a prefix that
keys share: `mkdir` does nothing, and the folder exists while an object lies below it.

Here are names and what can be asked about them. `range_reader.py` opens a file to read parts of it; `atomic.py` writes
files.
"""

import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import total_ordering
from pathlib import Path
from typing import TypeAlias, TypeGuard

from mixup_pipeline.errors import StoreError, UsageError, first_line
from mixup_pipeline.storage.clients import store
from mixup_pipeline.storage.patterns import WILDCARD, regex_of
from mixup_pipeline.storage.store import ObjectInfo, Store

_NAME_BYTES, _PATH_BYTES = 255, 4095
"""What file systems and the operating system allow."""
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_FILE_URL = re.compile(r"file://(localhost)?(?=/)", re.IGNORECASE)
_CUT_URL = re.compile(r"(gs|s3):/?(?!/)", re.IGNORECASE)


@dataclass(frozen=True)
class Stat:
    """What `stat` gives for an object.

    st_size: in bytes. version: changes at every write.
    """

    st_size: int
    version: str


@total_ordering
@dataclass(frozen=True)
class ObjectPath:
    """An object in a store, or a folder of objects. It holds only its address, so it can be sent to workers."""

    scheme: str
    bucket: str
    key: str
    _listed: Stat | None = field(default=None, repr=False, compare=False)  # known from a listing

    @classmethod
    def of(cls, url: str) -> "ObjectPath":
        """Parse a URL. Raises UsageError where it has no bucket, or a scheme other than gs and s3."""
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
        return bool(self.key) and (self._listed is not None or self.store.head(self.bucket, self.key) is not None)

    def is_dir(self) -> bool:
        return (
            self._listed is None
            and next(iter(self.store.list_objects(self.bucket, self._prefix, recursive=False)), None) is not None
        )

    def stat(self) -> Stat:
        """Size and version. Raises StoreError where the object does not exist."""
        if self._listed is not None:
            return self._listed
        found = self.store.head(self.bucket, self.key) if self.key else None
        if found is None:
            raise StoreError(errno.ENOENT, "there is no such object", str(self))
        return Stat(found.size, found.version)

    def iterdir(self) -> Iterator["ObjectPath"]:
        """Objects and folders directly below. The listing tells each object's size, so `stat` asks no more."""
        for found in self.store.list_objects(self.bucket, self._prefix, recursive=False):
            if isinstance(found, str):
                yield ObjectPath(self.scheme, self.bucket, found.rstrip("/"))
            elif not found.key.endswith("/"):  # other tools mark an empty folder by such an object
                yield self._listed_path(found)

    def walk_files(self) -> Iterator["ObjectPath"]:
        """All objects below, at any depth."""
        for found in self.store.list_objects(self.bucket, self._prefix, recursive=True):
            if not isinstance(found, str):
                yield self._listed_path(found)

    def glob(self, pattern: str) -> Iterator["ObjectPath"]:
        """Objects below that match the pattern. `*` and `?` do not match a slash, `**` does."""
        head = WILDCARD.split(pattern)[0]
        prefix, fitting = self._prefix + head, re.compile(re.escape(self._prefix) + regex_of(pattern))
        for found in self.store.list_objects(self.bucket, prefix, recursive="/" in pattern[len(head) :]):
            if not isinstance(found, str) and fitting.fullmatch(found.key):
                yield self._listed_path(found)

    def read_bytes(self) -> bytes:
        """The whole object. Raises StoreError where it does not exist."""
        return self.read_range(self.stat().st_size, 0)

    def read_range(self, length: int, offset: int) -> bytes:
        """Bytes [offset, offset + length); fewer at the end of the object."""
        return self.store.read_range(self.bucket, self.key, offset, length) if length > 0 else b""

    def write_bytes(self, content: bytes) -> None:
        """Write a small object, whole or not at all."""
        self.store.put(self.bucket, self.key, content)

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def upload(self, path: Path) -> None:
        """Upload a local file, whole or not at all."""
        self.store.upload(self.bucket, self.key, path)

    def copy(self, target: "ObjectPath") -> None:
        """Copy the object inside its bucket, whole or not at all. The store does it; no bytes pass here."""
        self.store.copy(self.bucket, self.key, target.key)

    def write_if_match(self, content: bytes, version: str | None) -> str | None:
        """Write only if the object still has this version, or does not exist where the version is None.

        Returns the new version, or None where the write was refused.
        """
        return self.store.put_if_match(self.bucket, self.key, content, version)

    def version(self) -> str | None:
        """The version that the store has now; None where the object does not exist."""
        found = self.store.head(self.bucket, self.key)
        return None if found is None else found.version

    def remove_tree(self) -> None:
        """Delete all objects below."""
        self.store.delete(self.bucket, [path.key for path in self.walk_files()])

    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Does nothing: a store has no folders to make."""

    def rmdir(self) -> None:
        """Does nothing: an empty folder does not exist in a store."""

    def unlink(self, *, missing_ok: bool = False) -> None:
        if not missing_ok:
            self.stat()
        self.store.delete(self.bucket, [self.key])

    @property
    def _prefix(self) -> str:
        return f"{self.key}/" if self.key else ""

    def _listed_path(self, found: ObjectInfo) -> "ObjectPath":
        return ObjectPath(self.scheme, self.bucket, found.key, Stat(found.size, found.version))


Place: TypeAlias = Path | ObjectPath


def place(where: "str | Place") -> Place:
    """Turn a path or URL into a `Path` or an `ObjectPath`. `~` is expanded, and file:///path is /path.

    Raises UsageError for a URL of a store that is not supported, or one with too few slashes (gs:/bucket), and for a
    path that no file can have.
    """
    if isinstance(where, ObjectPath):
        return where
    if isinstance(where, str) and (cut := _CUT_URL.match(where)):
        raise UsageError(f"{where}: is not the URL of a store: write {cut[1].lower()}://BUCKET/PATH, or ./{where}")
    if isinstance(where, str) and (local := _FILE_URL.match(where)):
        where = where[local.end() :]
    if is_url(where):
        return ObjectPath.of(where)
    if "\0" in str(where):
        raise UsageError(f"{where}: is not a path: it holds a NUL character")
    try:
        path = Path(where).expanduser()
    except RuntimeError as error:
        reason = first_line(error)
        raise UsageError(f"{where}: is not a path here ({reason}): write ./{where} if you mean it") from error
    longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
    if longest > _NAME_BYTES or len(os.fsencode(path)) > _PATH_BYTES:
        raise UsageError(f"{str(path)[:40]}…: is too long a path: a name may have {_NAME_BYTES} bytes")
    return path


def is_url(where: str | Path) -> TypeGuard[str]:
    """Whether this is a URL (of any scheme but file), not a local path."""
    return isinstance(where, str) and _URL.fullmatch(where) is not None and not _FILE_URL.match(where)


def check_local(option: str, where: str | None) -> None:
    """Raises UsageError where an option that takes local files only names an object store."""
    if where is not None and is_url(where):
        raise UsageError(f"--{option} {where}: training reads local files only: copy them here first")


def lies_in(inner: Place, outer: Place) -> bool:
    """Whether `inner` is `outer` or lies below it. Symbolic links are followed."""
    if isinstance(inner, ObjectPath) or isinstance(outer, ObjectPath):
        return f"{inner}/".startswith(f"{str(outer).rstrip('/')}/")
    return inner.resolve().is_relative_to(outer.resolve())
