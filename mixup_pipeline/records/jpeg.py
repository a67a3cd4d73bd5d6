"""The segments of a JPEG: its facts, and where its pixels begin."""

import struct
from collections.abc import Iterator

from mixup_pipeline.records.exif import EXIF_PREFIX, orientation_of
from mixup_pipeline.records.facts import UPRIGHT, ImageFacts, check_pixels

JPEG_SIGNATURE = b"\xff\xd8\xff"
JPEG_END = b"\xff\xd9"
_SCAN, _RESTARTS, _PROGRESSIVE = b"\xff\xda", b"\xff\xdd", b"\xff\xc2"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODED = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # baseline, extended, progressive; the last two arithmetic
_SEQUENTIAL = frozenset({0xC0, 0xC1, 0xC9})
_START_OF_SCAN, _APP1 = 0xDA, 0xE1
_COLOURS = {1: "grey", 3: "RGB", 4: "CMYK"}  # by channels
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xDA)})
_MAX_SCANS = 100
"""A progressive JPEG has about ten scans. Each one makes the decoder go through the whole image."""


def jpeg_facts(data: bytes) -> ImageFacts:
    """The facts of a JPEG, once every segment up to its pixels has been looked at.

    Raises ValueError if the JPEG is damaged, of a kind that is not read, or too large.
    """
    size, frame, channels, orientation = None, 0, 0, UPRIGHT
    for marker, position, length in _segments(data):
        if marker in _FRAMES:
            if size is not None or length < 8:
                raise _damaged(data, position)
            if marker not in _DECODED:
                raise ValueError(
                    f"the JPEG image is lossless or hierarchical (SOF{marker - 0xC0}): "
                    f"allowed are baseline and progressive images"
                )
            (*size, channels), frame = _frame(data, position + 4), marker
        elif marker == _APP1 and data.startswith(EXIF_PREFIX, position + 4):
            orientation = orientation_of(data[position + 4 : position + 2 + length])
    if length < 8 or size is None or (_has_more_scans(data, position, frame, channels) and _scans(data) > _MAX_SCANS):
        raise _damaged(data, position)
    height, width = size
    return ImageFacts("JPEG", height, width, _COLOURS[channels], 8, orientation)


def first_scan(data: bytes) -> int:
    """Where the first scan begins, by the lengths of the segments before it: thumbnails in them have scans too."""
    *_, (_, position, _) = _segments(data)
    return position


def goes_on_without_pixels(data: bytes) -> bool:
    """Whether a decoder may go on where pixels are missing: after a restart marker, or with another scan."""
    start = first_scan(data)
    header = data[:start]
    return _RESTARTS in header or _PROGRESSIVE in header or _scans(data[start:]) > 1


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, first byte, length) of each segment of a JPEG up to the header of the first scan.

    Raises ValueError where a segment does not lie in the data, or there is no scan.
    """
    position, size = 2, len(data)
    while position + 4 <= size and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill
            position += 1
            continue
        length = data[position + 2] << 8 | data[position + 3]
        if marker in _WITHOUT_LENGTH or length < 2 or position + 2 + length > size:
            break
        yield marker, position, length
        if marker == _START_OF_SCAN:
            return
        position += 2 + length
    raise _damaged(data, position)


def _damaged(data: bytes, position: int) -> ValueError:
    return ValueError(f"the JPEG image is damaged: no sound segment begins at byte {position} of {len(data)}")


def _has_more_scans(data: bytes, position: int, frame: int, channels: int) -> bool:
    """Whether a decoder reads on after the first scan: it does not where that scan holds all of a sequential image."""
    return frame not in _SEQUENTIAL or data[position + 4] != channels


def _scans(data: bytes) -> int:
    return data.count(_SCAN)  # in the data of a scan 0xff is followed by another byte


def _frame(data: bytes, position: int) -> tuple[int, int, int]:
    """(height, width, channels)"""
    depth, height, width, channels = struct.unpack_from(">BHHB", data, position)
    if depth != 8 or channels not in _COLOURS:
        raise ValueError(
            f"the JPEG image has {channels} channels of {depth} bits: allowed are grey, RGB and CMYK of 8 bits"
        )
    check_pixels(height, width)
    return height, width, channels
