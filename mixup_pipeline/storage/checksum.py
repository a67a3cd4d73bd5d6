"""The size and the CRC-32C of a file, to tell later whether it is whole."""

from collections.abc import Iterable
from dataclasses import dataclass

import google_crc32c

from mixup_pipeline.storage.places import Place
from mixup_pipeline.storage.range_reader import RangeReader

_CHUNK_BYTES = 4 << 20


@dataclass(frozen=True, kw_only=True)
class Checksum:
    """size: in bytes. crc: the CRC-32C of the content."""

    size: int
    crc: int

    @classmethod
    def of(cls, chunks: Iterable[bytes]) -> "Checksum":
        """The checksum of these bytes, one chunk after another."""
        size = crc = 0
        for chunk in chunks:
            size, crc = size + len(chunk), google_crc32c.extend(crc, chunk)
        return cls(size=size, crc=crc)

    @classmethod
    def of_file(cls, path: Place) -> "Checksum":
        """The checksum of a file. Raises OSError where it cannot be read."""
        with RangeReader(path) as file:
            return cls.of(file.read(_CHUNK_BYTES, offset) for offset in range(0, file.size, _CHUNK_BYTES))

    def fits(self, path: Place) -> bool:
        """Whether the file exists and has this checksum. Raises OSError where it cannot be read."""
        return path.is_file() and path.stat().st_size == self.size and Checksum.of_file(path) == self
