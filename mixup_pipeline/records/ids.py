"""Texts of different lengths as arrays: the ids of examples, and texts that go along with them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Ids:
    """Texts of different lengths, such as the ids of n examples: uint8 (n, longest), padded, and lengths int64[n]."""

    text: Bytes
    lengths: npt.NDArray[np.int64]

    @classmethod
    def of(cls, ids: list[bytes]) -> "Ids":
        longest = max(map(len, ids), default=0)
        padded = b"".join(text.ljust(longest, b"\0") for text in ids)
        return cls(
            np.frombuffer(padded, np.uint8).reshape(-1, longest), np.array([len(text) for text in ids], np.int64)
        )

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> "Ids":
        return Ids(self.text[rows], self.lengths[rows])
