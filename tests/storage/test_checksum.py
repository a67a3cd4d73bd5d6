"""Checksums: whole files fit theirs, damaged ones do not."""

from pathlib import Path

import google_crc32c
import pytest

from mixup_pipeline.storage import checksum
from mixup_pipeline.storage.checksum import Checksum

CONTENT = bytes(range(256)) * 3


@pytest.mark.parametrize("chunk_bytes", [1, 100, 768, 4096])
def test_a_file_has_the_checksum_of_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    monkeypatch.setattr(checksum, "_CHUNK_BYTES", chunk_bytes)
    (tmp_path / "a").write_bytes(CONTENT)
    expected = Checksum(size=768, crc=google_crc32c.value(CONTENT))
    assert Checksum.of_file(tmp_path / "a") == Checksum.of([CONTENT[:5], CONTENT[5:]]) == expected
    assert expected.fits(tmp_path / "a")


@pytest.mark.parametrize("damaged", [b"", bytes(768), CONTENT[:-1], CONTENT + b"\0", CONTENT[:700] + bytes(68)])
def test_a_damaged_file_does_not_fit(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "a").write_bytes(damaged)
    assert not Checksum.of([CONTENT]).fits(tmp_path / "a")
    assert not Checksum.of([CONTENT]).fits(tmp_path / "missing")
