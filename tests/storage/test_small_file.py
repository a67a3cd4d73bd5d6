"""Small files: strict JSON in UTF-8, of a bounded size."""

from pathlib import Path

import pytest

from mixup_pipeline.storage.small_file import parse_json, read_json, read_small


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_small(tmp_path / "a", 5) == b"12345"
    with pytest.raises(ValueError, match="it has 5 bytes, at most 0 MiB are allowed"):
        read_small(tmp_path / "a", 4)
    assert read_json(tmp_path / "a") == 12345


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"NaN",
        b"[-Infinity]",
        b"1e999",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        "{}".encode("utf-16"),
        "{}".encode("utf-32"),
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b"1" * 5000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_not_strictly_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_json(text)


def test_json_is_read_as_it_stands() -> None:
    assert parse_json('{"a": [1, -2.5e3, null, true, "λ\\n\\ud800"]}'.encode()) == {
        "a": [1, -2500.0, None, True, "λ\n\ud800"]
    }
