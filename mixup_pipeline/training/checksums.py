"""SHA256SUMS: what the finished files of a folder hash to, as `sha256sum --check` reads it.

It tells files as they were written from files with flipped bits or lost ends, which may still look like results.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from mixup_pipeline.storage.atomic import sha256_of, write_atomically

SUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  ([^/]+)")


def sha256(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    """Write the sums of files by name.

    Raises OutputError if the file cannot be written.
    """
    write_atomically(folder / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())))


def changed_file(folder: Path, names: Collection[str]) -> str | None:
    """The name of the first file that is not as SHA256SUMS says; None if all are, or if no sums were written.

    names: the files that it must list.

    Raises OSError if a file cannot be read.
    """
    path = folder / SUMS
    if not path.is_file():  # of a version that wrote none
        return None
    lines = path.read_bytes().decode(errors="replace").splitlines()
    found = [_LINE.fullmatch(line) for line in lines]
    sums = {match[2]: match[1] for match in found if match}
    if None in found or set(sums) != set(names):
        return SUMS
    return next((name for name, digest in sums.items() if not _is(folder / name, digest)), None)


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and sha256_of(path) == digest
