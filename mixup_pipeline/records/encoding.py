"""Encoding: mixed examples to framed TFRecord bytes, one block at a time.

Records whose variable parts have equal lengths share a byte template. NumPy copies the template for each record and
fills in the fields. A block has few such groups, because only the digits of the ids and the bytes of the class ids
vary. The bytes are those of protobuf's deterministic serialization (map keys in order); a test compares them. Image
files have different lengths in every record, so protobuf itself serializes those records.
"""

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.fields import Field, ListKind
from mixup_pipeline.records.framing import FOOTER_BYTES, HEADER_BYTES, frame, header, masked_crc32cs
from mixup_pipeline.records.ids import Bytes, Ids
from mixup_pipeline.records.layout import LAM, Layout
from mixup_pipeline.records.tf_example import Example
from mixup_pipeline.storage.prefetch import on_all_cores

_LARGE_IMAGE = 1 << 14
"""Values from which files are made in threads: smaller ones are done sooner than one begins."""
_LIST_TAGS: dict[ListKind, int] = {"bytes_list": 1, "float_list": 2, "int64_list": 3}
"""The field numbers of the lists in protobuf."""
_Piece = bytes | tuple[str, int]
"""Literal bytes, or a field to fill in: its key and its size in bytes."""


Columns = Mapping[str, "npt.NDArray[Any] | Ids"]
"""The values of n records by feature key: (n, …) arrays, and Ids for text."""


def encode(columns: Columns, layout: Layout) -> bytes | bytearray:
    """Encode n mixed examples as framed records, in their order. columns: one for each of the layout's fields.

    Raises ValueError if a column is missing or unknown.
    """
    if set(columns) != {field.key for field in layout.fields}:
        wanted = ", ".join(field.key for field in layout.fields)
        raise ValueError(f"columns {', '.join(sorted(columns))} were given, a record holds {wanted}")
    if layout.input.content == "file":
        return b"".join(frame(payload) for payload in _serialized(columns, layout))
    fixed, varying = _fields(columns, layout)
    groups = [
        (rows, _fill({key: (kind, data[rows]) for key, (kind, data) in fixed.items()} | cut))
        for rows, cut in _groups(varying)
    ]
    lengths = np.empty(len(columns[LAM.key]), np.int64)
    for rows, frames in groups:
        lengths[rows] = frames.dtype.itemsize
    starts = np.cumsum(lengths) - lengths
    encoded = bytearray(int(lengths.sum()))
    for rows, frames in groups:
        size = frames.dtype.itemsize
        for start, record in zip(starts[rows].tolist(), frames.view(f"V{size}").tolist(), strict=True):
            encoded[start : start + size] = record
    return encoded


def value_prefix(field: Field) -> bytes:
    """The bytes that precede the value of a float32 field in every record: its key, then tags and lengths."""
    template, starts = _template(((field.key, _LIST_TAGS[field.list_kind], 4 * field.num_values),))
    data = template.tobytes()
    return data[data.index(field.key.encode()) : starts[field.key]]


def _fields(columns: Columns, layout: Layout) -> tuple[dict[str, tuple[int, Bytes]], dict[str, tuple[int, Ids]]]:
    """Split the columns by key: (kind, uint8 (n, size)) if all values have one size, (kind, Ids) otherwise."""
    fixed: dict[str, tuple[int, Bytes]] = {}
    varying: dict[str, tuple[int, Ids]] = {}
    for field in layout.fields:
        kind, values = _LIST_TAGS[field.list_kind], columns[field.key]
        if isinstance(values, Ids):
            varying[field.key] = kind, values
        elif field.content == "int64":
            varying[field.key] = kind, _varints(values)
        else:
            fixed[field.key] = kind, _as_bytes(values)
    return fixed, varying


def _groups(
    varying: dict[str, tuple[int, Ids]],
) -> Iterator[tuple[npt.NDArray[np.int64], dict[str, tuple[int, Bytes]]]]:
    """Group the rows whose varying fields have equal lengths: (rows, those fields cut to their lengths)."""
    code = np.zeros(len(next(iter(varying.values()))[1].lengths), np.int64)
    for _, ids in varying.values():
        _, code = np.unique(code * (ids.text.shape[1] + 1) + ids.lengths, return_inverse=True)
    for group in np.unique(code):
        rows = np.flatnonzero(code == group)
        yield rows, {key: (kind, ids.text[rows, : ids.lengths[rows[0]]]) for key, (kind, ids) in varying.items()}


def _fill(fields: dict[str, tuple[int, Bytes]]) -> npt.NDArray[np.void]:
    """Frame records whose fields have equal lengths: copy the template, write the fields into it, fill in the CRCs."""
    template, starts = _template(tuple((key, kind, data.shape[1]) for key, (kind, data) in sorted(fields.items())))
    frame_type = np.dtype([("header", f"V{HEADER_BYTES}"), ("payload", f"V{len(template)}"), ("crc", "<u4")])
    frames = np.empty(len(fields[LAM.key][1]), frame_type)
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
    """A tf.Example with the features (key, kind, size) in this order, all fields zero; and the start of each field."""
    features: list[_Piece] = []
    for key, kind, size in layout:
        value = _tagged(1, [(key, size)])  # field 1 of a list holds its values, packed if numeric
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
    """Wrap the pieces in a length-delimited field of protobuf."""
    size = sum(len(piece) if isinstance(piece, bytes) else piece[1] for piece in pieces)
    prefix = bytearray([field << 3 | 2])
    while size > 0x7F:
        prefix.append(size & 0x7F | 0x80)
        size >>= 7
    return [bytes(prefix) + bytes([size]), *pieces]


def _varints(values: npt.NDArray[np.integer[Any]]) -> Ids:
    """Encode int (n, …) as protobuf varints: one text per row, padded with zeros at its end."""
    rows = values.reshape(len(values), -1)
    longest = 5
    if rows.size and not 0 <= int(rows.min()) <= int(rows.max()) < 1 << 31:
        longest, rows = 10, rows.astype(np.int64).view(np.uint64)
    septets = rows[:, :, None] >> (7 * np.arange(longest).astype(rows.dtype)) & 0x7F  # (n, k, longest)
    lengths = np.maximum(1, longest - (septets[:, :, ::-1] != 0).argmax(axis=2))  # (n, k)
    lengths[rows == 0] = 1
    more = np.arange(longest) < lengths[:, :, None] - 1
    text = (septets.astype(np.uint8) | more.astype(np.uint8) << 7).reshape(len(rows), -1)
    if rows.shape[1] > 1:  # close the gaps between the values of a row
        used = (np.arange(longest) < lengths[:, :, None]).reshape(len(rows), -1)
        text = np.take_along_axis(np.where(used, text, 0), np.argsort(~used, axis=1, kind="stable"), axis=1)
    return Ids(text, lengths.sum(axis=1).astype(np.int64))


def _as_bytes(array: npt.NDArray[np.generic]) -> Bytes:
    """View an array as uint8 (n, bytes of one row), little-endian."""
    rows = np.ascontiguousarray(array.reshape(len(array), -1))
    return rows.astype(rows.dtype.newbyteorder("<"), copy=False).view(np.uint8)


def _serialized(columns: Columns, layout: Layout) -> Iterator[bytes]:
    """Serialize records whose images are encoded as files: the payloads, in order."""
    images: Any = columns[layout.input.key]
    large = math.prod(layout.shape) >= _LARGE_IMAGE
    files = on_all_cores(layout.encoded, images) if large else map(layout.encoded, images)
    for row in range(len(columns[LAM.key])):
        example = Example()
        for field in layout.fields:
            values = columns[field.key]
            target = getattr(example.features.feature[field.key], field.list_kind).value
            if isinstance(values, Ids):
                target.append(values.text[row, : values.lengths[row]].tobytes())
            elif field.content == "file":
                target.append(next(files))
            else:
                target.extend(np.ravel(values[row]))
        yield example.SerializeToString(deterministic=True)
