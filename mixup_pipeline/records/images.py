"""Images: from the bytes of a file to uint8 arrays of one size and one kind of colours, and back to PNG.

`decode` is the only way from bytes to pixels: for mixing, previews, verification and training alike. Its steps:

1. Decode the first (still) picture as stored. JPEG is decoded with the exact inverse transform of libjpeg;
   `tf.io.decode_jpeg` gives other pixels unless it is called with dct_method="INTEGER_ACCURATE". Where the target is
   much smaller, a JPEG is decoded at 1/2, 1/4 or 1/8 of its size (`_scale`). Of photographs that differs from decoding
   in full by a PSNR of 32 dB at least, 43 dB on the median. Damage inside its scans is not noticed: libjpeg fills up.
   16 bits are rounded to 8, and fewer are widened. CMYK is read as Adobe writes it (inverted).
2. Turn it upright, as EXIF says.
3. Transparency is laid over white, unless RGBA is wanted.
4. Crop, pad or stretch it to its size: `records.resize`.
5. Make it grey (the luma of Rec. 601), RGB or RGBA.

Gamma and colour profiles are ignored, as in TensorFlow. The decoder gets those chunks of a PNG that make its still
picture, and no other: of an animation OpenCV gives a frame, or black; for the rest libpng prints warnings and inflates
texts.

The header is read as strictly as it can be: every chunk of a PNG up to its end, and every segment of a JPEG up to its
pixels, must lie in the data and come in order, so that the decoder sees the size that is read here. Otherwise one
flipped bit could make it reserve gigabytes.

Faults raise ValueError with the reason; the caller knows which record it is.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mixup_pipeline.process import stderr_held_back
from mixup_pipeline.records.exif import upright
from mixup_pipeline.records.facts import ImageFacts
from mixup_pipeline.records.jpeg import JPEG_END, JPEG_SIGNATURE, first_scan, goes_on_without_pixels, jpeg_facts
from mixup_pipeline.records.pillow import ONE_AT_A_TIME, SIGNATURES, format_of, pillow_facts, pillow_pixels
from mixup_pipeline.records.png import PNG_SIGNATURE, png_facts, still_picture, transparent_colour
from mixup_pipeline.records.resize import drawn_from, resized
from mixup_pipeline.spec import AS_STORED, ImageOptions, Shape, shape_text

Pixels = npt.NDArray[np.uint8]

IMAGE_SIGNATURES = (PNG_SIGNATURE, JPEG_SIGNATURE, *SIGNATURES, b"RIFF")
"""How the image files begin that can be read."""
_ZEROS = bytes(2)
_FILLERS = (b"\x00", b"\x5a", b"\xa7")
_FINER = 2
"""A JPEG decoded at a part of its size is at least so many times as fine as the target."""
_LOST = 8
"""What does not fill a pixel there is left out, if it is less than one part in so many of a pixel of the target."""
_AS_STORED = 1
_AT_A_TIME = 1 << 18
"""Values that are changed at a time: they and what comes of them lie in the cache."""
_REDUCED = {
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
}  # the flags say grey; IMREAD_COLOR_RGB says RGB

cv2.utils.logging.setLogLevel(0)  # we report the record of a damaged image; the decoder would only warn
cv2.setNumThreads(1)  # images are small, and several shards run in parallel


def image_facts(data: bytes) -> ImageFacts:
    """The facts of an image file, from its header.

    Raises ValueError if it is none that is read, has a damaged header, or is too large.
    """
    if data.startswith(PNG_SIGNATURE):
        return png_facts(data)
    if data.startswith(JPEG_SIGNATURE):
        return jpeg_facts(data)
    name = format_of(data)
    if name is None:
        raise ValueError(
            f"the image is none of JPEG, PNG, WebP, GIF, BMP and TIFF (it starts with {data[:8].hex(' ') or 'nothing'})"
        )
    return pillow_facts(data, name)


def decode(data: bytes, shape: Shape, options: ImageOptions = AS_STORED) -> Pixels:
    """Decode an image file to uint8 (height, width, channels) of this shape.

    data: what `image_facts` accepts. channels: 1 (grey), 3 (RGB) or 4 (RGBA).

    Raises ValueError if the data are damaged, or the image has another size and options give none.
    """
    facts = image_facts(data)
    turned = options.turned
    found, (height, width, channels) = facts.shape(turned=turned), shape
    if found[:2] != (height, width) and options.size is None:
        raise ValueError(f"the image is {shape_text(found)}, others are {shape_text(shape)}")
    scale = _scale((found[0], found[1]), (height, width), options.resize) if facts.format == "JPEG" else _AS_STORED
    image = _pixels(data, facts, scale)
    if turned and facts.orientation > 1:
        image = upright(image, facts.orientation)
    if image.shape[2] == 4 and channels != 4:
        image = _by_rows(_over_white, image, 3)
    reduced_from = None if scale == _AS_STORED else (found[0], found[1])
    image = resized(image, (height, width), options.resize, reduced_from=reduced_from)
    return _with_channels(image, channels)


def _scale(found: tuple[int, int], target: tuple[int, int], how: str) -> int:
    """The part of its size at which a JPEG is decoded, as a divisor: 1, 2, 4 or 8. found: its size, upright or not."""
    used, wanted = drawn_from(found, target, how)

    def fits(scale: int) -> bool:
        return all(
            have >= _FINER * scale * want and _LOST * (side % scale) * want <= have
            for side, have, want in zip(found, used, wanted, strict=True)
        )

    return next(filter(fits, _REDUCED), _AS_STORED)


def _pixels(data: bytes, facts: ImageFacts, scale: int) -> Pixels:
    """The picture as stored, upright or not: uint8 (h, w, 1), RGB or RGBA. scale: a divisor of its size."""
    flag = _REDUCED.get(scale, cv2.IMREAD_GRAYSCALE) | cv2.IMREAD_IGNORE_ORIENTATION
    if facts.has_colour:
        flag |= cv2.IMREAD_COLOR_RGB
    if facts.format == "JPEG":
        image = _decoded_jpeg(data, flag)
    elif facts.format == "PNG":
        image = _decoded_png(data, facts, flag)
    else:
        image = pillow_pixels(data, facts)
    if image is None:
        raise ValueError("the image is damaged and cannot be decoded")
    if image.ndim == 2:
        image = image[:, :, None]
    height, width = (-(-side // scale) for side in (facts.height, facts.width))
    if image.shape[:2] != (height, width):
        raise ValueError("the image is damaged: its decoder finds another size than its header says")
    image = image[: facts.height // scale, : facts.width // scale]
    return image if image.dtype == np.uint8 else _by_rows(_rounded, image, image.shape[2])


def _decoded(data: bytes, flag: int) -> npt.NDArray[Any] | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except cv2.error:
        return None


def _decoded_png(data: bytes, facts: ImageFacts, flag: int) -> npt.NDArray[Any] | None:
    """The still picture of a PNG file, of 8 or 16 bits, with its transparency; None if it is damaged."""
    if not facts.has_alpha:
        return _decoded(still_picture(data), flag if facts.depth == 8 else flag | cv2.IMREAD_ANYDEPTH)
    image = _decoded(still_picture(data), cv2.IMREAD_UNCHANGED)
    if image is None:
        return None
    hidden = transparent_colour(data)
    if hidden is None:
        return cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA) if image.ndim == 3 and image.shape[2] == 4 else None
    colours = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB)
    opaque, clear = image.dtype.type(np.iinfo(image.dtype).max), image.dtype.type(0)
    alpha = np.where((colours == np.array(hidden)).all(axis=2, keepdims=True), clear, opaque)
    return np.concatenate([colours, alpha], axis=2)


def _decoded_jpeg(data: bytes, flag: int) -> npt.NDArray[Any] | None:
    """The image of a JPEG file, which may lack its end marker; None if it lacks more.

    Where pixels are missing too, what follows the data changes the image. Where a decoder would go on without them,
    after a restart marker or another scan, the file is not read. Nor where it ends in zeros, as a file does whose end
    never arrived: they are pixels to a decoder.
    """
    if data.find(JPEG_END, first_scan(data)) >= 0:
        return _decoded(data, flag)
    if goes_on_without_pixels(data) or data.endswith(_ZEROS):
        return None
    data = data.removesuffix(b"\xff")
    with ONE_AT_A_TIME, stderr_held_back():  # libjpeg comments on each filler
        whole, *others = [_decoded(data + filler * 64 + JPEG_END, flag) for filler in (b"", *_FILLERS)]
    if whole is None or not all(other is not None and np.array_equal(whole, other) for other in others):
        return None
    return whole


def _by_rows(change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]], image: npt.NDArray[Any], channels: int) -> Pixels:
    """Change an image (h, w, c) to uint8 (h, w, channels), some rows at a time: it takes memory for these alone."""
    changed = np.empty((*image.shape[:2], channels), np.uint8)
    rows = max(1, _AT_A_TIME // image[0].size)
    for top in range(0, len(image), rows):
        changed[top : top + rows] = change(image[top : top + rows])
    return changed


def _rounded(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """16 bits to 8."""
    return (image.astype(np.uint32) + 128) // 257


def _over_white(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Lay RGBA (h, w, 4) over white: RGB (h, w, 3), each channel rounded once."""
    alpha = image[..., 3:].astype(np.uint16)
    return (image[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255  # at most 65,152


def _with_channels(image: Pixels, channels: int) -> Pixels:
    found = image.shape[2]
    if found == channels:
        return image
    if channels == 1:
        return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None]  # type: ignore[return-value]  # uint8
    code = {(1, 3): cv2.COLOR_GRAY2RGB, (1, 4): cv2.COLOR_GRAY2RGBA, (3, 4): cv2.COLOR_RGB2RGBA}[found, channels]
    return cv2.cvtColor(image, code)  # type: ignore[return-value]  # uint8


def encode_file(suffix: str, image: Pixels, *parameters: int) -> bytes:
    """Encode a uint8 (height, width, channels) image as a file. parameters: those of OpenCV."""
    swap = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}.get(image.shape[2])
    done, data = cv2.imencode(suffix, image if swap is None else cv2.cvtColor(image, swap), parameters)
    if not done:
        raise ValueError(f"OpenCV cannot write a {shape_text(image.shape)} image as {suffix.removeprefix('.').upper()}")
    return data.tobytes()


def encode_png(image: Pixels) -> bytes:
    """Encode a uint8 (height, width, channels) image as a PNG file."""
    return encode_file(".png", image)
