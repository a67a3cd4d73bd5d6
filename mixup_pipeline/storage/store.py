"""The operations we need from an object store. `gcs.py` and `s3.py` implement them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """What a store tells about an object.

    size: in bytes. version: changes at every write (the generation on Google Cloud Storage, the ETag on S3).
    """

    key: str
    size: int
    version: str


class Store(Protocol):
    """An object store. Keys are paths inside a bucket. All methods raise StoreError."""

    def read_range(self, bucket: str, key: str, offset: int, length: int) -> bytes:
        """Read bytes [offset, offset + length) of an object; fewer at its end."""

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Write a small object, whole or not at all."""

    def put_if_match(self, bucket: str, key: str, content: bytes, version: str | None) -> str | None:
        """Write only if the object still has this version, or does not exist where the version is None.

        Returns the new version, or None where the write was refused.
        """

    def upload(self, bucket: str, key: str, path: Path) -> None:
        """Upload a local file of any size, whole or not at all."""

    def copy(self, bucket: str, key: str, target: str) -> None:
        """Copy an object of any size to another key of its bucket, whole or not at all."""

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """Look up one object; None where there is none."""

    def list_objects(self, bucket: str, prefix: str, *, recursive: bool) -> Iterator[ObjectInfo | str]:
        """List the objects whose keys start with the prefix, in key order.

        Not recursive: keys with another "/" after the prefix are left out. Instead, each subfolder is given once, as a
        string that ends in "/".
        """

    def delete(self, bucket: str, keys: Iterable[str]) -> None:
        """Delete objects. Missing ones are no error."""

    def close(self) -> None:
        """Close all connections."""
