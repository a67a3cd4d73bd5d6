"""Images: reading the size from the header, decoding to uint8 arrays, encoding to PNG.

Decoded images are uint8 (height, width, channels) with 1 (grey), 3 (RGB) or 4 (RGBA) channels. If the dataset is RGB, a
grey image is repeated into three channels, as TensorFlow does. A palette counts as RGB, and fewer than 8 bits of grey
are widened to 8. There is no other conversion: what would need one (16 bits, CMYK, transparency other than RGBA) is
refused. Gamma, colour profiles and EXIF orientation are ignored, as in TensorFlow. JPEG is decoded with the exact
inverse transform of libjpeg; `tf.io.decode_jpeg` gives other pixels unless it is called with
dct_method="INTEGER_ACCURATE".

The decoder gets those chunks of a PNG that make its still picture, and no other: of an animation OpenCV gives a frame,
or black; for the rest libpng prints warnings and inflates texts.

The header is read as strictly as it can be: every chunk of a PNG up to its end, and every segment of a JPEG up to its
pixels, must lie in the data and come in order, so that the decoder sees the size that is read here. Otherwise one
flipped bit could make it reserve gigabytes. Decoding takes up to four times the decoded bytes, which
`MAX_EXAMPLE_BYTES` bounds.

Faults raise ValueError with the reason; the caller knows which record it is.
"""

import struct
import threading
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mixup_pipeline.process import stderr_held_back
from mixup_pipeline.spec import check_size, shape_text

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_SIGNATURE = b"\xff\xd8\xff"
IMAGE_SIGNATURES = (_PNG_SIGNATURE, _JPEG_SIGNATURE)
"""How the image files begin that can be read."""
_PNG_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGBA"}  # by colour type, as the next two
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 6: 4}
_PNG_DEPTHS = {0: (1, 2, 4, 8), 2: (8,), 3: (1, 2, 4, 8), 6: (8,)}
_PNG_HEADER = struct.Struct(">I4sIIBB")
_PNG_CHUNK = struct.Struct(">I4s")
_PNG_ANCILLARY = 0x20
"""This bit of a chunk's first letter says that the picture can be decoded without the chunk."""
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_DECODED = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # baseline, extended, progressive; the last two arithmetic
_JPEG_SEQUENTIAL = frozenset({0xC0, 0xC1, 0xC9})
_JPEG_START_OF_SCAN = 0xDA
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xDA)})
_JPEG_SCAN, _JPEG_END = b"\xff\xda", b"\xff\xd9"
_JPEG_RESTARTS, _JPEG_PROGRESSIVE = b"\xff\xdd", b"\xff\xc2"
_ONE_AT_A_TIME = threading.Lock()
_ZEROS = bytes(2)
_FILLERS = (b"\x00", b"\x5a", b"\xa7")
_MAX_JPEG_SCANS = 100
"""A progressive JPEG has about ten scans. Each one makes the decoder go through the whole image."""
_FLAGS = {
    1: cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION,
    3: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION,
    4: cv2.IMREAD_UNCHANGED,  # ignores the orientation too
}

cv2.utils.logging.setLogLevel(0)  # we report the record of a damaged image; the decoder would only warn
cv2.setNumThreads(1)  # images are small, and several shards run in parallel


def image_shape(data: bytes) -> tuple[int, int, int]:
    """(height, width, channels) from the header of a PNG or JPEG image.

    Raises ValueError if the image is neither PNG nor JPEG, has a damaged header, is of a kind that is not read (see the
    top of this file), or is larger than 64 MiB once decoded.
    """
    if data.startswith(_PNG_SIGNATURE):
        return _png_shape(data)
    if data.startswith(_JPEG_SIGNATURE):
        return _jpeg_shape(data)
    raise ValueError(f"the image is neither PNG nor JPEG (it starts with {data[:8].hex(' ') or 'nothing'})")


def decode(data: bytes, channels: int) -> npt.NDArray[np.uint8]:
    """Decode a PNG or JPEG image to uint8 (height, width, channels).

    data: what `image_shape` accepts. channels: those that it gives, or 3 for a grey image.
    Raises ValueError if the data are damaged.
    """
    if data.startswith(_PNG_SIGNATURE):
        image = _decoded(_still_picture(data), channels)
    elif data.find(_JPEG_END, _first_scan(data)) >= 0:
        image = _decoded(data, channels)
    else:
        image = _decoded_without_end(data, channels)
    if image is None or image.dtype != np.uint8:
        raise ValueError("the image is damaged and cannot be decoded")
    if image.ndim == 2:
        return image[:, :, None]
    return cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA) if channels == 4 else image  # type: ignore[return-value]  # uint8


def _decoded(data: bytes, channels: int) -> npt.NDArray[Any] | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS[channels])
    except cv2.error:
        return None


def _decoded_without_end(data: bytes, channels: int) -> npt.NDArray[Any] | None:
    """The image of a JPEG file that lacks nothing but its end marker; None if it lacks more.

    Where pixels are missing too, what follows the data changes the image. Where a decoder would go on without them,
    after a restart marker or another scan, the file is not read. Nor where it ends in zeros, as a file does whose end
    never arrived: they are pixels to a decoder.
    """
    start = _first_scan(data)
    header = data[:start]
    if _JPEG_RESTARTS in header or _JPEG_PROGRESSIVE in header or _scans(data[start:]) > 1 or data.endswith(_ZEROS):
        return None
    data = data.removesuffix(b"\xff")
    with _ONE_AT_A_TIME, stderr_held_back():  # libjpeg comments on each filler
        whole, *others = [_decoded(data + filler * 64 + _JPEG_END, channels) for filler in (b"", *_FILLERS)]
    if whole is None or not all(other is not None and np.array_equal(whole, other) for other in others):
        return None
    return whole


def _first_scan(data: bytes) -> int:
    """Where the first scan begins, by the lengths of the segments before it: thumbnails in them have scans too."""
    position = 2
    while data[position : position + 1] == b"\xff" and data[position : position + 2] != _JPEG_SCAN:
        is_fill = data[position + 1 : position + 2] == b"\xff"
        position += 1 if is_fill else 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return position


def encode_png(image: npt.NDArray[np.uint8]) -> bytes:
    """Encode a uint8 (height, width, channels) image as a PNG file."""
    swap = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}.get(image.shape[2])
    done, data = cv2.imencode(".png", image if swap is None else cv2.cvtColor(image, swap))
    if not done:
        raise ValueError(f"OpenCV cannot write a {shape_text(image.shape)} image as PNG")
    return data.tobytes()


def _png_shape(data: bytes) -> tuple[int, int, int]:
    if len(data) < 33:
        raise ValueError(f"the PNG image ends after {len(data)} bytes")
    length, kind, width, height, depth, colour = _PNG_HEADER.unpack_from(data, 8)
    if length != 13 or kind != b"IHDR":
        raise ValueError("the PNG image is damaged: it does not begin with its header")
    if depth not in _PNG_DEPTHS.get(colour, ()):
        raise ValueError(
            f"the PNG image has colour type {colour} ({_PNG_COLOURS.get(colour, 'unknown')}) and {depth} bits: "
            f"allowed are grey and palette of 1, 2, 4 or 8 bits, RGB and RGBA of 8 bits"
        )
    shape = (height, width, _PNG_CHANNELS[colour])
    check_size(shape)
    _check_chunks(data, colour)
    return shape


def _check_chunks(data: bytes, colour: int) -> None:
    pixels_end = 0
    for kind, start, end in _chunks(data):
        if kind == b"IDAT":
            if pixels_end not in (0, start):
                raise ValueError(f"the PNG image is damaged: its pixels are interrupted before byte {start}")
            pixels_end = end
        elif kind == b"tRNS" and _hides_colours(colour, data[start + 8 : end - 4]):
            raise ValueError(
                "the PNG image has transparent colours (chunk tRNS): allowed are images without transparency, and RGBA"
            )
    if not pixels_end:
        raise ValueError("the PNG image holds no pixels")


def _hides_colours(colour: int, transparency: bytes) -> bool:
    """Whether a tRNS chunk makes colours transparent. It holds alphas of a palette, or one colour of grey or RGB."""
    return colour != 6 and not (colour == 3 and transparency.count(255) == len(transparency))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, first byte, byte behind the last) of each chunk of a PNG from the second one to the end chunk.

    Raises ValueError where a chunk does not lie in the data, or the end chunk is missing.
    """
    position, size = 33, len(data)
    while position + 12 <= size:
        length, kind = _PNG_CHUNK.unpack_from(data, position)
        end = position + 12 + length
        if end > size or kind == b"IHDR":
            break
        yield kind, position, end
        if kind == b"IEND":
            return
        position = end
    raise ValueError(f"the PNG image is damaged: no sound chunk begins at byte {position} of {size}")


def _still_picture(data: bytes) -> bytes:
    """The PNG without its ancillary chunks, which hold the frames of an animation among others."""
    length, kind = _PNG_CHUNK.unpack_from(data, 33)
    if kind == b"IDAT" and length == len(data) - 57:  # small images have one chunk of pixels, the end, and no other
        return data
    kept, position = [], 0
    for kind, start, end in _chunks(data):
        if kind[0] & _PNG_ANCILLARY:
            kept.append(data[position:start])
            position = end
    return b"".join((*kept, data[position:])) if kept else data


def _jpeg_shape(data: bytes) -> tuple[int, int, int]:
    """Go through all segments up to the first scan. There must be one frame header among them."""
    shape, frame, position, size = None, 0, 2, len(data)
    while position + 4 <= size and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill
            position += 1
            continue
        length = data[position + 2] << 8 | data[position + 3]
        if marker in _JPEG_WITHOUT_LENGTH or length < 2 or position + 2 + length > size:
            break
        if marker == _JPEG_START_OF_SCAN:
            if (
                length < 8
                or shape is None
                or (_has_more_scans(data, position, frame, shape) and _scans(data) > _MAX_JPEG_SCANS)
            ):
                break
            return shape
        if marker in _JPEG_FRAMES:
            if shape is not None or length < 8:
                break
            if marker not in _JPEG_DECODED:
                raise ValueError(
                    f"the JPEG image is lossless or hierarchical (SOF{marker - 0xC0}): "
                    f"allowed are baseline and progressive images"
                )
            shape, frame = _frame_shape(data, position + 4), marker
        position += 2 + length
    raise ValueError(f"the JPEG image is damaged: no sound segment begins at byte {position} of {size}")


def _has_more_scans(data: bytes, position: int, frame: int, shape: tuple[int, int, int]) -> bool:
    """Whether a decoder reads on after the first scan: it does not where that scan holds all of a sequential image."""
    return frame not in _JPEG_SEQUENTIAL or data[position + 4] != shape[2]


def _scans(data: bytes) -> int:
    return data.count(_JPEG_SCAN)  # in the data of a scan 0xff is followed by another byte


def _frame_shape(data: bytes, position: int) -> tuple[int, int, int]:
    depth, height, width, channels = struct.unpack_from(">BHHB", data, position)
    if depth != 8 or channels not in (1, 3):
        raise ValueError(f"the JPEG image has {channels} channels of {depth} bits: allowed are grey and RGB of 8 bits")
    check_size((height, width, channels))
    return height, width, channels
