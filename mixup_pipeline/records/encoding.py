"""Mixed examples → framed TFRecord bytes, a block at a time.

Records whose variable parts have equal lengths share one byte template: NumPy copies the template once a record and
fills the fields in place. A block holds few such groups, because only the number of digits in the ids and the length
of the class id varies. The bytes are those of protobuf's deterministic serialization (map keys in order); a test
compares them. PNG images differ in length from record to record, so those records are serialized by protobuf itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.framing import FOOTER_BYTES, HEADER_BYTES, frame, header, masked_crc32cs
from mixup_pipeline.records.images import encode_png
from mixup_pipeline.records.tf_example import Example

Bytes = npt.NDArray[np.uint8]

_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3
_Piece = bytes | tuple[str, int]
"""Literal bytes, or a field to fill: its name and its size in bytes."""


@dataclass(frozen=True)
class Ids:
    """`{file name}__{record index}` of n examples: uint8 (n, longest) and their lengths, int64[n]."""

    text: Bytes
    lengths: npt.NDArray[np.int64]

    @classmethod
    def of(cls, ids: list[bytes]) -> "Ids":
        longest = max(map(len, ids))
        padded = b"".join(text.ljust(longest, b"\0") for text in ids)
        return cls(
            np.frombuffer(padded, np.uint8).reshape(-1, longest), np.array([len(text) for text in ids], np.int64)
        )

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> "Ids":
        return Ids(self.text[rows], self.lengths[rows])


@dataclass(frozen=True, kw_only=True)
class MixedBlock:
    """n mixed examples, ready to be encoded.

    inputs: uint8 (n, h, w, c) images or float32 (n, d) vectors.
    lam: float32[n].
    label: float32 (n, num_classes), or None where labels are compact.
    base_class, partner_class: int32[n], or None where source labels are soft.
    """

    inputs: npt.NDArray[np.generic]
    lam: npt.NDArray[np.float32]
    label: npt.NDArray[np.float32] | None
    base_id: Ids
    partner_id: Ids
    base_class: npt.NDArray[np.int32] | None
    partner_class: npt.NDArray[np.int32] | None


def encode(block: MixedBlock, *, png: bool = False) -> bytes | bytearray:
    """The framed records of a block, in its order."""
    if png:
        return b"".join(frame(payload) for payload in _serialize_pngs(block))
    fixed, varying = _fields(block)
    groups = [
        (rows, _fill({key: (kind, data[rows]) for key, (kind, data) in fixed.items()} | cut))
        for rows, cut in _groups(varying)
    ]
    lengths = np.empty(len(block.lam), np.int64)
    for rows, frames in groups:
        lengths[rows] = frames.dtype.itemsize
    starts = np.cumsum(lengths) - lengths
    encoded = bytearray(int(lengths.sum()))
    for rows, frames in groups:
        size = frames.dtype.itemsize
        for start, record in zip(starts[rows].tolist(), frames.view(f"V{size}").tolist(), strict=True):
            encoded[start : start + size] = record
    return encoded


def _fields(block: MixedBlock) -> tuple[dict[str, tuple[int, Bytes]], dict[str, tuple[int, Ids]]]:
    """The features of a block by key: (kind, uint8 (n, size)) of those with one size, (kind, Ids) of the others."""
    fixed = {"mixup/lam": (_FLOAT_LIST, _as_bytes(block.lam[:, None]))}
    if block.inputs.dtype == np.uint8:
        fixed["image"] = _BYTES_LIST, _as_bytes(block.inputs)
    else:
        fixed["features"] = _FLOAT_LIST, _as_bytes(block.inputs)
    if block.label is not None:
        fixed["label"] = _FLOAT_LIST, _as_bytes(block.label)
    varying = {"mixup/base_id": (_BYTES_LIST, block.base_id), "mixup/partner_id": (_BYTES_LIST, block.partner_id)}
    if block.base_class is not None and block.partner_class is not None:
        varying["mixup/base_label"] = _INT64_LIST, _varints(block.base_class)
        varying["mixup/partner_label"] = _INT64_LIST, _varints(block.partner_class)
    return fixed, varying


def _groups(
    varying: dict[str, tuple[int, Ids]],
) -> Iterator[tuple[npt.NDArray[np.int64], dict[str, tuple[int, Bytes]]]]:
    """Rows whose varying fields all have equal lengths, with those fields cut to their lengths."""
    code = np.zeros(len(next(iter(varying.values()))[1].lengths), np.int64)
    for _, ids in varying.values():
        code = code * (ids.text.shape[1] + 1) + ids.lengths
    for group in np.unique(code):
        rows = np.flatnonzero(code == group)
        yield rows, {key: (kind, ids.text[rows, : ids.lengths[rows[0]]]) for key, (kind, ids) in varying.items()}


def _fill(fields: dict[str, tuple[int, Bytes]]) -> npt.NDArray[np.void]:
    """Framed records that share all lengths: the template copied, the fields written over it, the CRCs filled in."""
    template, starts = _template(tuple((key, kind, data.shape[1]) for key, (kind, data) in sorted(fields.items())))
    frame_type = np.dtype([("header", f"V{HEADER_BYTES}"), ("payload", f"V{len(template)}"), ("crc", "<u4")])
    frames = np.empty(len(fields["mixup/lam"][1]), frame_type)
    filled = frames.view(np.uint8).reshape(len(frames), -1)
    filled[:, :HEADER_BYTES] = np.frombuffer(header(len(template)), np.uint8)
    filled[:, HEADER_BYTES:-FOOTER_BYTES] = template
    for key, (_, data) in fields.items():
        start = HEADER_BYTES + starts[key]
        filled[:, start : start + data.shape[1]] = data
    frames["crc"] = masked_crc32cs(frames["payload"].tolist())
    return frames


@lru_cache(maxsize=256)
def _template(layout: tuple[tuple[str, int, int], ...]) -> tuple[Bytes, dict[str, int]]:
    """The tf.Example with features (key, kind, size) in this order, all fields zero, and where each field starts."""
    features: list[_Piece] = []
    for key, kind, size in layout:
        value = _tagged(1, [(key, size)])  # the only field of a list: its value, packed where it is numeric
        feature = _tagged(kind, value)
        features += _tagged(1, [*_tagged(1, [key.encode()]), *_tagged(2, feature)])
    template, starts = bytearray(), {}
    for piece in _tagged(1, features):
        if isinstance(piece, bytes):
            template += piece
        else:
            starts[piece[0]] = len(template)
            template += bytes(piece[1])
    return np.frombuffer(bytes(template), np.uint8), starts


def _tagged(field: int, pieces: list[_Piece]) -> list[_Piece]:
    """Protobuf's length-delimited field around the pieces."""
    size = sum(len(piece) if isinstance(piece, bytes) else piece[1] for piece in pieces)
    prefix = bytearray([field << 3 | 2])
    while size > 0x7F:
        prefix.append(size & 0x7F | 0x80)
        size >>= 7
    return [bytes(prefix) + bytes([size]), *pieces]


def _varints(values: npt.NDArray[np.int32]) -> Ids:
    """Protobuf varints of int32[n] ≥ 0, padded with zeros behind, and their lengths."""
    longest = 5
    septets = values[:, None] >> (7 * np.arange(longest, dtype=np.int32)) & 0x7F  # (n, 5)
    lengths = np.maximum(1, longest - (septets[:, ::-1] != 0).argmax(axis=1))
    lengths[values == 0] = 1
    more = np.arange(longest) < lengths[:, None] - 1
    return Ids((septets | more * 0x80).astype(np.uint8), lengths.astype(np.int64))


def _as_bytes(array: npt.NDArray[np.generic]) -> Bytes:
    """uint8 (n, bytes of one row), little-endian."""
    rows = np.ascontiguousarray(array.reshape(len(array), -1))
    return rows.astype(rows.dtype.newbyteorder("<"), copy=False).view(np.uint8)


def _serialize_pngs(block: MixedBlock) -> Iterator[bytes]:
    """The payloads of a block whose images become PNG files."""
    for row in range(len(block.lam)):
        example = Example()
        feature = example.features.feature
        feature["image"].bytes_list.value.append(encode_png(block.inputs[row]))
        feature["mixup/lam"].float_list.value.append(block.lam[row])
        for key, ids in (("mixup/base_id", block.base_id), ("mixup/partner_id", block.partner_id)):
            feature[key].bytes_list.value.append(ids.text[row, : ids.lengths[row]].tobytes())
        if block.label is not None:
            feature["label"].float_list.value.extend(block.label[row])
        if block.base_class is not None and block.partner_class is not None:
            feature["mixup/base_label"].int64_list.value.append(block.base_class[row])
            feature["mixup/partner_label"].int64_list.value.append(block.partner_class[row])
        yield example.SerializeToString(deterministic=True)
