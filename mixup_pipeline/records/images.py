"""Images: reading the size from the header, decoding to uint8 arrays, encoding to PNG.

Decoded images are uint8 (height, width, channels) with 1 (grey), 3 (RGB) or 4 (RGBA) channels. If the dataset is RGB, a
grey image is repeated into three channels, as TensorFlow does. There is no other conversion. EXIF orientation is
ignored, as in TensorFlow. JPEG is decoded with the exact inverse transform of libjpeg; `tf.io.decode_jpeg` gives other
pixels unless it is called with dct_method="INTEGER_ACCURATE".

The header is read as strictly as it can be: every chunk of a PNG and every segment of a JPEG must lie in the data and
come in order, so that the decoder sees the size that is read here. Otherwise one flipped bit could make it reserve
gigabytes. Decoding takes up to four times the decoded bytes, which `MAX_EXAMPLE_BYTES` bounds.

Faults raise ValueError with the reason; the caller knows which record it is.
"""

import struct

import cv2
import numpy as np
import numpy.typing as npt

from mixup_pipeline.spec import check_size, shape_text

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_SIGNATURE = b"\xff\xd8\xff"
IMAGE_SIGNATURES = (_PNG_SIGNATURE, _JPEG_SIGNATURE)
"""How the image files begin that can be read."""
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 6: 4}  # by colour type; a palette counts as RGB
_PNG_HEADER = struct.Struct(">I4sIIBB")
_PNG_CHUNK = struct.Struct(">I4s")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SEQUENTIAL = frozenset({0xC0, 0xC1, 0xC9})
_JPEG_START_OF_SCAN = 0xDA
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xDA)})
_MAX_JPEG_SCANS = 100
"""A progressive JPEG has about ten scans. Each one makes the decoder go through the whole image."""
_FLAGS = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR_RGB, 4: cv2.IMREAD_UNCHANGED}

cv2.utils.logging.setLogLevel(0)  # we report the record of a damaged image; the decoder would only warn
cv2.setNumThreads(1)  # images are small, and several shards run in parallel


def image_shape(data: bytes) -> tuple[int, int, int]:
    """(height, width, channels) from the header of a PNG or JPEG image.

    Raises ValueError if the image is neither PNG nor JPEG, has a damaged header or more than 8 bits per channel, or is
    larger than 64 MiB once decoded.
    """
    if data.startswith(_PNG_SIGNATURE):
        return _png_shape(data)
    if data.startswith(_JPEG_SIGNATURE):
        return _jpeg_shape(data)
    raise ValueError(f"the image is neither PNG nor JPEG (it starts with {data[:8].hex(' ') or 'nothing'})")


def decode(data: bytes, channels: int) -> npt.NDArray[np.uint8]:
    """Decode a PNG or JPEG image to uint8 (height, width, channels).

    Raises ValueError if the data are damaged.
    """
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS[channels] | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise ValueError("the image is damaged and cannot be decoded") from error
    if image is None or image.dtype != np.uint8:
        raise ValueError("the image is damaged and cannot be decoded")
    if image.ndim == 2:
        return image[:, :, None]  # type: ignore[return-value]  # checked above
    return cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA) if channels == 4 else image  # type: ignore[return-value]


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
    if length != 13 or kind != b"IHDR" or colour not in _PNG_CHANNELS or depth > 8:
        raise ValueError(
            f"the PNG image has colour type {colour} and {depth} bits: allowed are grey, RGB, RGBA of 8 bits"
        )
    shape = (height, width, _PNG_CHANNELS[colour])
    check_size(shape)
    _check_chunks(data)
    return shape


def _check_chunks(data: bytes) -> None:
    """Raise ValueError unless sound chunks lead to the end chunk, where a decoder stops."""
    position, last = 33, len(data) - 12
    while position <= last:
        length, kind = _PNG_CHUNK.unpack_from(data, position)
        if kind == b"IEND":
            return
        if kind == b"IHDR":
            break
        position += length + 12
    raise ValueError(f"the PNG image is damaged: no sound chunk begins at byte {position} of {len(data)}")


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
            shape, frame = _frame_shape(data, position + 4), marker
        position += 2 + length
    raise ValueError(f"the JPEG image is damaged: no sound segment begins at byte {position} of {size}")


def _has_more_scans(data: bytes, position: int, frame: int, shape: tuple[int, int, int]) -> bool:
    """Whether a decoder reads on after the first scan: it does not where that scan holds all of a sequential image."""
    return frame not in _JPEG_SEQUENTIAL or data[position + 4] != shape[2]


def _scans(data: bytes) -> int:
    return data.count(b"\xff\xda")  # in the data of a scan 0xff is followed by another byte


def _frame_shape(data: bytes, position: int) -> tuple[int, int, int]:
    depth, height, width, channels = struct.unpack_from(">BHHB", data, position)
    if depth != 8 or channels not in (1, 3):
        raise ValueError(f"the JPEG image has {channels} channels of {depth} bits: allowed are grey and RGB of 8 bits")
    check_size((height, width, channels))
    return height, width, channels
