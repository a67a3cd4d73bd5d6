"""A simple, slow reference of mixing, from the provenance in the records: Python loops and float32 scalars."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.records.tf_example import Example

_ORIGIN = re.compile(rb',\n    "origin": \{.*\}(?=,?\n)')


@dataclass(frozen=True)
class MixedRecord:
    """One record of the output, parsed by protobuf."""

    shard: str
    features: Mapping[str, Any]

    @property
    def lam(self) -> np.float32:
        return np.float32(self.features["mixup/lam"].float_list.value[0])

    @property
    def base_id(self) -> str:
        return str(self.features["mixup/base_id"].bytes_list.value[0], "utf-8")

    @property
    def partner_id(self) -> str:
        return str(self.features["mixup/partner_id"].bytes_list.value[0], "utf-8")

    @property
    def base_label(self) -> int:
        return int(self.features["mixup/base_label"].int64_list.value[0])

    @property
    def partner_label(self) -> int:
        return int(self.features["mixup/partner_label"].int64_list.value[0])

    @property
    def label(self) -> npt.NDArray[np.float32]:
        return np.array(self.features["label"].float_list.value, np.float32)

    @property
    def image(self) -> bytes:
        return bytes(self.features["image"].bytes_list.value[0])


def read_output(out: Path) -> list[MixedRecord]:
    """Read all records of an output, shard after shard; the framing is parsed by hand."""
    records = []
    for shard in read_manifest(out).shards:
        data, position = (out / shard.name).read_bytes(), 0
        while position < len(data):
            length = int.from_bytes(data[position : position + 8], "little")
            payload = data[position + 12 : position + 12 + length]
            records.append(MixedRecord(shard.name, Example.FromString(payload).features.feature))
            position += length + 16
    return records


def mix_pixels(base: npt.NDArray[np.uint8], partner: npt.NDArray[np.uint8], lam: np.float32) -> bytes:
    """Compute round-half-even(lam·base + (1−lam)·partner), one pixel after the other; RGBA by opacity."""
    rest = np.float32(1) - lam
    if base.shape[2] == 4:
        pairs = zip(base.reshape(-1, 4).tolist(), partner.reshape(-1, 4).tolist(), strict=True)
        return b"".join(_mix_rgba(first, second, lam, rest) for first, second in pairs)
    mixed = bytearray()
    for first, second in zip(base.ravel().tolist(), partner.ravel().tolist(), strict=True):
        mixed.append(round(float(lam * np.float32(first) + rest * np.float32(second))))
    return bytes(mixed)


def _mix_rgba(first: list[int], second: list[int], lam: np.float32, rest: np.float32) -> bytes:
    """One pixel: a colour counts as much as its pixel is opaque."""
    one, other = lam * np.float32(first[3]), rest * np.float32(second[3])
    opacity = one + other
    weights = (lam, rest, np.float32(1)) if opacity == 0 else (one, other, opacity)
    colours = [
        (np.float32(a) * weights[0] + np.float32(b) * weights[1]) / weights[2]
        for a, b in zip(first[:3], second[:3], strict=True)
    ]
    return bytes(round(float(value)) for value in [*colours, opacity])


def mix_label(base: int, partner: int, lam: np.float32, num_classes: int) -> npt.NDArray[np.float32]:
    label = np.zeros(num_classes, np.float32)
    label[base] = lam
    label[partner] += np.float32(1) - lam
    return label


def shard_hashes(out: Path) -> dict[str, str]:
    return {shard.name: shard.sha256 for shard in read_manifest(out).shards}


def pairs_and_lam(out: Path) -> list[tuple[str, str, float]]:
    """The pairs and λ of all records. Neither they nor their order depend on the number of shards."""
    return sorted((record.base_id, record.partner_id, float(record.lam)) for record in read_output(out))


def folder_bytes(folder: Path) -> dict[str, bytes]:
    """The content of every file directly in a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def without_origin(manifest: bytes) -> bytes:
    """A manifest.json without what was asked for: all else is the same for the same data, wherever they lie."""
    found = _ORIGIN.sub(b"", manifest)
    assert found != manifest
    return found
