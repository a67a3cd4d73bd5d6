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

import threading
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mixup_pipeline.process import stderr_held_back
from mixup_pipeline.records.jpeg import JPEG_END, JPEG_SIGNATURE, first_scan, goes_on_without_pixels, jpeg_shape
from mixup_pipeline.records.png import PNG_SIGNATURE, png_shape, still_picture
from mixup_pipeline.spec import shape_text

IMAGE_SIGNATURES = (PNG_SIGNATURE, JPEG_SIGNATURE)
"""How the image files begin that can be read."""
_ONE_AT_A_TIME = threading.Lock()
_ZEROS = bytes(2)
_FILLERS = (b"\x00", b"\x5a", b"\xa7")
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
    if data.startswith(PNG_SIGNATURE):
        return png_shape(data)
    if data.startswith(JPEG_SIGNATURE):
        return jpeg_shape(data)
    raise ValueError(f"the image is neither PNG nor JPEG (it starts with {data[:8].hex(' ') or 'nothing'})")


def decode(data: bytes, channels: int) -> npt.NDArray[np.uint8]:
    """Decode a PNG or JPEG image to uint8 (height, width, channels).

    data: what `image_shape` accepts. channels: those that it gives, or 3 for a grey image.
    Raises ValueError if the data are damaged.
    """
    if data.startswith(PNG_SIGNATURE):
        image = _decoded(still_picture(data), channels)
    elif data.startswith(JPEG_SIGNATURE):
        image = _decoded_jpeg(data, channels)
    else:
        image = None
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


def _decoded_jpeg(data: bytes, channels: int) -> npt.NDArray[Any] | None:
    """The image of a JPEG file, which may lack its end marker; None if it lacks more.

    Where pixels are missing too, what follows the data changes the image. Where a decoder would go on without them,
    after a restart marker or another scan, the file is not read. Nor where it ends in zeros, as a file does whose end
    never arrived: they are pixels to a decoder.
    """
    if data.find(JPEG_END, first_scan(data)) >= 0:
        return _decoded(data, channels)
    if goes_on_without_pixels(data) or data.endswith(_ZEROS):
        return None
    data = data.removesuffix(b"\xff")
    with _ONE_AT_A_TIME, stderr_held_back():  # libjpeg comments on each filler
        whole, *others = [_decoded(data + filler * 64 + JPEG_END, channels) for filler in (b"", *_FILLERS)]
    if whole is None or not all(other is not None and np.array_equal(whole, other) for other in others):
        return None
    return whole


def encode_png(image: npt.NDArray[np.uint8]) -> bytes:
    """Encode a uint8 (height, width, channels) image as a PNG file."""
    swap = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}.get(image.shape[2])
    done, data = cv2.imencode(".png", image if swap is None else cv2.cvtColor(image, swap))
    if not done:
        raise ValueError(f"OpenCV cannot write a {shape_text(image.shape)} image as PNG")
    return data.tobytes()
