"""Images: reading the size from the header, decoding to uint8 arrays, encoding to PNG.

Decoded images are uint8 (height, width, channels) with 1 (grey), 3 (RGB) or 4 (RGBA) channels. If the dataset is RGB, a
grey image is repeated into three channels, as TensorFlow does. There is no other conversion. EXIF orientation is
ignored, as in TensorFlow. JPEG is decoded with the exact inverse transform of libjpeg; `tf.io.decode_jpeg` gives other
pixels unless it is called with dct_method="INTEGER_ACCURATE".

Faults raise ValueError with the reason; the caller knows which record it is.
"""

import struct

import cv2
import numpy as np
import numpy.typing as npt

from mixup_pipeline.spec import MAX_EXAMPLE_BYTES, shape_text

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 6: 4}  # by colour type; a palette counts as RGB
_PNG_HEADER = struct.Struct(">4x4sIIBB")
_FLAGS = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR_RGB, 4: cv2.IMREAD_UNCHANGED}

cv2.utils.logging.setLogLevel(0)  # we report the record of a damaged image; the decoder would only warn
cv2.setNumThreads(1)  # images are small, and several shards run in parallel


def image_shape(data: bytes) -> tuple[int, int, int]:
    """(height, width, channels) from the header of a PNG or JPEG image.

    Raises ValueError if the image is neither PNG nor JPEG, has a damaged header or more than 8 bits per channel, or is
    larger than 256 MiB once decoded.
    """
    if data.startswith(_PNG_SIGNATURE):
        shape = _png_shape(data)
    elif data.startswith(b"\xff\xd8"):
        shape = _jpeg_shape(data)
    else:
        raise ValueError(f"the image is neither PNG nor JPEG (it starts with {data[:8].hex(' ') or 'nothing'})")
    height, width, channels = shape
    if not 0 < height * width * channels <= MAX_EXAMPLE_BYTES:
        raise ValueError(f"the image claims to be {shape_text(shape)}: allowed are 1 byte to 256 MiB decoded")
    return shape


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
    kind, width, height, depth, colour = _PNG_HEADER.unpack_from(data, 8)
    if kind != b"IHDR" or colour not in _PNG_CHANNELS or depth > 8:
        raise ValueError(
            f"the PNG image has colour type {colour} and {depth} bits: allowed are grey, RGB, RGBA of 8 bits"
        )
    return height, width, _PNG_CHANNELS[colour]


def _jpeg_shape(data: bytes) -> tuple[int, int, int]:
    position = 2
    while position + 10 <= len(data):
        marker, length = struct.unpack_from(">HH", data, position)
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
            depth, height, width, channels = struct.unpack_from(">BHHB", data, position + 4)
            if depth != 8 or channels not in (1, 3):
                raise ValueError(
                    f"the JPEG image has {channels} channels of {depth} bits: allowed are grey and RGB of 8 bits"
                )
            return height, width, channels
        if marker < 0xFF01 or marker == 0xFFDA:
            break
        position += 2 + length if marker != 0xFFFF else 1
    raise ValueError("the JPEG image has no size in its header: it is damaged")
