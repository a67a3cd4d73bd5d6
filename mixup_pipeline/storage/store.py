"""What an object store can do: one small interface, behind which Google's and Amazon's stand."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Found:
    """An object of a store. stamp: changes whenever the object is written anew."""

    key: str
    size: int
    stamp: str


class Store(Protocol):
    """What is needed of a store. Keys are paths inside a bucket. All methods raise StoreError."""

    def read(self, bucket: str, key: str, offset: int, length: int) -> bytes:
        """Bytes [offset, offset + length) of an object; fewer where it ends before."""

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Write a small object, whole or not at all."""

    def put_over(self, bucket: str, key: str, content: bytes, stamp: str | None) -> str | None:
        """Write only over the object of this stamp, or only where there is none: the new stamp, None if refused."""

    def upload(self, bucket: str, key: str, path: Path) -> None:
        """Write a file of any size as an object, whole or not at all."""

    def look(self, bucket: str, key: str) -> Found | None:
        """The object, or None where there is none."""

    def objects(self, bucket: str, prefix: str, *, deep: bool) -> Iterator[Found | str]:
        """All objects that begin so, in the order of their keys.

        Not deep: only those without a further slash; what is common up to one comes once, as a string that ends in it.
        """

    def delete(self, bucket: str, keys: Iterable[str]) -> None:
        """Remove objects; it is no error where one is not there."""

    def close(self) -> None:
        """Close all connections."""
