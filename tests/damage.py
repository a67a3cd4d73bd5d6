"""Damaging files, as disks, transfers and people do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mixup_pipeline.dataset.descriptions import readable_json
from mixup_pipeline.records.framing import frame
from mixup_pipeline.storage.atomic import sha256_of

HEADER_BYTES = 12
FRAME_BYTES = 16


def read_payloads(path: Path) -> list[bytes]:
    """Read the payloads of a TFRecord file; the framing is parsed by hand."""
    data, position, payloads = path.read_bytes(), 0, []
    while position < len(data):
        length = int.from_bytes(data[position : position + 8], "little")
        payloads.append(data[position + HEADER_BYTES : position + HEADER_BYTES + length])
        position += length + FRAME_BYTES
    return payloads


def record_starts(path: Path) -> list[int]:
    """The first byte of each record of a TFRecord file, followed by the file's size."""
    starts = [0]
    for payload in read_payloads(path):
        starts.append(starts[-1] + len(payload) + FRAME_BYTES)
    return starts


def flip(path: Path, position: int, mask: int = 1) -> None:
    """Invert bits of one byte. A negative position counts from the end."""
    data = bytearray(path.read_bytes())
    data[position] ^= mask
    path.write_bytes(data)


def cut(path: Path, size: int) -> None:
    """Keep only the first bytes."""
    path.write_bytes(path.read_bytes()[:size])


def replace_record(path: Path, record: int, payload: bytes) -> None:
    """Replace the payload of a record, with correct framing."""
    payloads = read_payloads(path)
    payloads[record] = payload
    path.write_bytes(b"".join(map(frame, payloads)))


def edit_json(path: Path, change: Callable[[Any], None]) -> None:
    """Change the content of a JSON file in place. It is written as ours are, so that nothing else is wrong."""
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(readable_json(content))


def accept_shards(out: Path) -> None:
    """Update the sizes and hashes in an output's JSON files to those of its shards."""

    def accept(manifest: Any) -> None:
        for shard in manifest["shards"]:
            path = out / shard["name"]
            shard |= {"bytes": path.stat().st_size, "sha256": sha256_of(path)}

    edit_json(out / "manifest.json", accept)
    num_bytes = sum(path.stat().st_size for path in out.glob("*.tfrecord-*"))
    edit_json(out / "dataset_info.json", lambda info: info["splits"][0].update(numBytes=str(num_bytes)))
