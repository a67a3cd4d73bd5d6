"""Images: header shapes, lossless decoding in RGB order, PNG round trips, and errors for everything else."""

import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mixup_pipeline.records.images import decode, encode_png
from tests.datasets import random_images
from tests.helpers import brief, decoded, image_shape

Pixels = npt.NDArray[np.uint8]

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_file(
    width: int,
    height: int,
    colour: int,
    rows: list[bytes],
    *,
    depth: int = 8,
    palette: bytes = b"",
    before: bytes = b"",
    after: bytes = b"",
    interlace: int = 0,
) -> bytes:
    """Write a PNG file by hand from unfiltered rows, so that its header can be anything.

    before, after: chunks before and behind the pixels.
    """
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))
    colours = chunk(b"PLTE", palette) if palette else b""
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + head + colours + before + pixels + after + chunk(b"IEND", b"")


def png_of(image: Pixels, colour: int, *, before: bytes = b"", after: bytes = b"") -> bytes:
    height, width, _ = image.shape
    return png_file(width, height, colour, [row.tobytes() for row in image], before=before, after=after)


def jpeg_of(image: Pixels, *options: int) -> bytes:
    """Encode a grey (h, w, 1) or RGB (h, w, 3) image as a JPEG file."""
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(image[:, :, ::-1]), options)
    assert done
    return data.tobytes()


def smooth_image(height: int, width: int, channels: int) -> Pixels:
    """An image of slow gradients, which JPEG changes by a few levels at most."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([2 * x + 40, 3 * y + 10, x + y + 100], axis=-1)[:, :, :channels].astype(np.uint8)


# PNG


@pytest.mark.parametrize(("colour", "channels"), [(GREY, 1), (RGB, 3), (RGBA, 4)])
@pytest.mark.parametrize("size", [(1, 1), (28, 28), (5, 7), (7, 5), (1, 300)])
def test_png_decodes_to_its_pixels(colour: int, channels: int, size: tuple[int, int]) -> None:
    image = random_images(1, (*size, channels))[0]
    data = png_of(image, colour)
    assert image_shape(data) == image.shape
    found = decoded(data, channels)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_image_is_rgb(depth: int) -> None:
    palette = bytes([255, 0, 0, 0, 0, 255])
    row = {1: b"\x60", 2: b"\x14", 4: b"\x01\x10", 8: b"\x00\x01\x01\x00"}[depth]  # colours 0 1 1 0
    data = png_file(4, 1, PALETTE, [row], depth=depth, palette=palette)
    assert image_shape(data) == (1, 4, 3)
    assert decoded(data, 3).tolist() == [[[255, 0, 0], [0, 0, 255], [0, 0, 255], [255, 0, 0]]]


@pytest.mark.parametrize(
    ("depth", "row", "pixels"), [(1, b"\x60", [0, 255, 255, 0]), (4, b"\x0f\x80", [0, 255, 136, 0])]
)
def test_few_bits_of_grey_are_widened_to_eight(depth: int, row: bytes, pixels: list[int]) -> None:
    data = png_file(4, 1, GREY, [row], depth=depth)
    assert image_shape(data) == (1, 4, 1)
    assert decoded(data, 1).ravel().tolist() == pixels


@pytest.mark.parametrize("pixel", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 0, 128)])
def test_the_order_of_channels_is_rgb(pixel: tuple[int, ...]) -> None:
    colour, channels = (RGBA, 4) if len(pixel) == 4 else (RGB, 3)
    assert decoded(png_file(1, 1, colour, [bytes(pixel)]), channels).tolist() == [[list(pixel)]]
    assert decoded(encode_png(np.array([[pixel]], np.uint8)), channels).tolist() == [[list(pixel)]]


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3, 4]))),
)
@settings(max_examples=60)
def test_encode_png_loses_nothing(image: Pixels) -> None:
    data = encode_png(image)
    assert image_shape(data) == image.shape
    np.testing.assert_array_equal(decoded(data, image.shape[2]), image)


def test_encode_png_gives_the_same_bytes_every_time() -> None:
    image = random_images(1, (28, 28, 3))[0]
    assert encode_png(image) == encode_png(image.copy())


def test_encode_png_refuses_two_channels() -> None:
    with pytest.raises((ValueError, cv2.error)):
        encode_png(np.zeros((4, 4, 2), np.uint8))


# JPEG


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("size", [(16, 20), (17, 9), (1, 1)])
def test_jpeg_decodes_to_nearly_its_pixels(channels: int, progressive: int, size: tuple[int, int]) -> None:
    image = smooth_image(*size, channels)
    data = jpeg_of(image, cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    assert (b"\xff\xc2" in data) == bool(progressive)
    assert image_shape(data) == image.shape
    found = decoded(data, channels)
    assert found.shape == image.shape
    assert np.abs(found.astype(int) - image.astype(int)).max() <= 12


def test_the_order_of_jpeg_channels_is_rgb() -> None:
    image = np.tile(np.array([255, 0, 0], np.uint8), (16, 16, 1))
    assert np.abs(decoded(jpeg_of(image), 3).astype(int) - [255, 0, 0]).max() <= 3


JPEG_HEAD = (
    "ffd8ffe000104a46494600010100000100010000ffdb004300140e0f120f0d14121012171514181e32211e1c1c1e3d2c2e24"
    "3249404c4b47404645505a736250556d5645466488656d777b8182814e608d978c7d96737e817cff"
)


# Made by: Pillow 12.3, Image.fromarray(numpy.random.default_rng(0).integers(0, 256, (8, 8), numpy.uint8)), quality 40,
# and libjpeg-turbo 2.1.5 with arith_code, without and with jpeg_simple_progression;
# the pixels are those that Pillow decodes: libjpeg with its exact inverse transform
@pytest.mark.parametrize(
    "rest",
    [
        "c0000b080008000801011100ffc40014000100000000000000000000000000000000ffc4001d100001040203000000000000"
        "000000000001020304211251001142ffda0008010100003f003864c88ccc70531db70200c465d14d955124f956eaf7cfffd9",
        "c9000b080008000801011100ffcc000600101005ffda0008010100003f008af67fc035e43eab2ae0ca5f9de7f019d2cb195b"
        "b7c569a07ab07fa980ffd9",
        "ca000b080008000801011100ffcc00040010ffda0008010100000001ffcc00041005ffda000801010001050222eb38ffcc00"
        "041005ffda0008010100063f02134c6e80ffcc00041005ffda0008010100013f2151f00e276b1fbec0ffda00080101000000"
        "10ffcc00041005ffda0008010100013f103c1d5baf3834e6e44f3680ffd9",
    ],
    ids=["huffman", "arithmetic", "progressive-arithmetic"],
)
def test_jpeg_decodes_as_libjpeg_does(rest: str) -> None:
    assert decoded(bytes.fromhex(JPEG_HEAD + rest), 1)[:, :, 0].tolist() == [
        [119, 101, 169, 237, 193, 255, 0, 172],
        [0, 255, 208, 149, 234, 178, 34, 68],
        [197, 224, 203, 102, 170, 73, 79, 18],
        [14, 216, 93, 0, 175, 36, 91, 0],
        [62, 109, 221, 51, 135, 134, 32, 192],
        [76, 0, 69, 152, 88, 76, 152, 255],
        [122, 212, 208, 169, 130, 149, 67, 118],
        [73, 167, 115, 239, 88, 44, 246, 173],
    ]


def test_the_orientation_in_exif_is_ignored_where_that_is_asked_for() -> None:
    data = jpeg_of(smooth_image(8, 16, 3))
    orientation = b"II*\0\x08\0\0\0" + b"\x01\0" + struct.pack("<HHII", 0x0112, 3, 1, 6) + bytes(4)  # turned right
    exif = b"Exif\0\0" + orientation
    turned = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    upright = cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR)
    assert upright is not None
    assert upright.shape == (16, 8, 3)  # so OpenCV sees it
    assert image_shape(turned) == (8, 16, 3)
    np.testing.assert_array_equal(decoded(turned, 3), decoded(data, 3))


@pytest.mark.parametrize(
    "filler", [b"\xff\xfe\x00\x04hi", b"\xff\xff\xff", b"\xff\xed\x00\x02", b"\xff\xc4\x00\x0b\x10" + bytes(8)]
)
def test_the_size_of_a_jpeg_is_found_behind_other_segments(filler: bytes) -> None:
    data = jpeg_of(smooth_image(8, 16, 3))
    assert image_shape(data[:2] + filler * 3 + data[2:]) == (8, 16, 3)


# Grey in place of RGB


@pytest.mark.parametrize("file_of", [lambda image: png_of(image, GREY), jpeg_of], ids=["png", "jpeg"])
def test_grey_is_repeated_into_three_channels(file_of: Callable[[Pixels], bytes]) -> None:
    data = file_of(smooth_image(16, 16, 1))
    grey = decoded(data, 1)
    np.testing.assert_array_equal(decoded(data, 3), np.repeat(grey, 3, axis=2))


# What is refused


def claimed_jpeg(height: int, width: int, *, depth: int = 8, channels: int = 3) -> bytes:
    """A JPEG header that claims this size, with no data after it."""
    return b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, depth, height, width, channels) + bytes(9)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"none of JPEG, PNG, WebP, GIF, BMP and TIFF \(it starts with nothing\)"),
        (b"GIF89a garbage", "the GIF image is damaged"),
        (b"not an image", r"none of JPEG, PNG, WebP, GIF, BMP and TIFF \(it starts with 6e 6f 74 20 61 6e 20 69\)"),
        (b"\x89PNG\r\n\x1a\n", "the PNG image ends after 8 bytes"),
        (png_file(1, 1, GREY, [b"\0"])[:32], "the PNG image ends after 32 bytes"),
        (png_file(1, 1, RGB, [bytes(2)], depth=4), "damaged: there is no colour type 2 of 4 bits"),
        (png_file(1, 1, PALETTE, [bytes(2)], depth=16), "damaged: there is no colour type 3 of 16 bits"),
        (png_file(1, 1, 5, [bytes(2)]), "damaged: there is no colour type 5 of 8 bits"),
        (png_file(1, 1, GREY, [b"\0"]).replace(b"IHDR", b"CgBI"), "damaged: it does not begin with its header"),
        (png_file(100_000, 100_000, RGB, []), "its header says 100000x100000, allowed are up to 100 million"),
        (png_file(1 << 14, 1 << 14, RGB, []), "says 16384x16384"),
        (png_file(0, 5, GREY, []), "says 5x0"),
        (b"\xff\xd8", r"none of JPEG, PNG, WebP, GIF, BMP and TIFF \(it starts with ff d8\)"),
        (b"\xff\xd8\xff\xd9" + bytes(20), "the JPEG image is damaged: no sound segment begins at byte 2 of 24"),
        (b"\xff\xd8" + bytes(20), "none of JPEG, PNG, WebP, GIF, BMP and TIFF"),
        (b"\xff\xd8\xff\xda" + bytes(20), "no sound segment begins at byte 2 of 24"),
        (b"\xff\xd8" + b"\xff" * 50, "no sound segment begins at byte 49 of 52"),
        (claimed_jpeg(65_000, 65_000), "says 65000x65000"),
        (claimed_jpeg(0, 5), "says 0x5"),
        (claimed_jpeg(5, 5, channels=2), "has 2 channels of 8 bits: allowed are grey, RGB and CMYK of 8 bits"),
        (claimed_jpeg(5, 5, depth=12), "has 3 channels of 12 bits"),
    ],
    ids=brief,
)
def test_image_shape_refuses(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        image_shape(data)


JPEG = jpeg_of(smooth_image(20, 30, 3))


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">HH", marker, len(content) + 2) + content


def frame_header(height: int, width: int) -> bytes:
    return segment(0xFFC0, struct.pack(">BHHB", 8, height, width, 3) + bytes([1, 17, 0, 2, 17, 1, 3, 17, 1]))


ANIMATED = png_of(smooth_image(20, 30, 3), RGB, before=chunk(b"acTL", struct.pack(">II", 2, 0)))
"""It says that two frames follow."""


@pytest.mark.parametrize("kind", [b"acTL", b"IDAT", b"IEND"])
@pytest.mark.parametrize("bit", range(0, 32, 3))
def test_a_flipped_bit_in_the_length_of_a_png_chunk_is_refused(kind: bytes, bit: int) -> None:
    """OpenCV reserved up to 2.3 GB for such a chunk, for the end chunk if the image is animated."""
    assert image_shape(ANIMATED) == (20, 30, 3)
    data, position = bytearray(ANIMATED), ANIMATED.index(kind) - 4
    data[position + bit // 8] ^= 1 << bit % 8
    with pytest.raises(ValueError, match="the PNG image is damaged: no sound chunk begins at byte"):
        image_shape(bytes(data))


@pytest.mark.parametrize(
    "hidden",
    [
        b"\xff\x01\x00\x15" + frame_header(30_000, 30_000),  # a marker without a length: we would go over the frame
        b"\xff\xd0\x00\x15" + frame_header(30_000, 30_000),
        frame_header(20, 30) + frame_header(30_000, 30_000),
        b"\x00" + frame_header(30_000, 30_000),  # a decoder looks for the next marker
        b"\xff\xe0\x00\x01" + frame_header(30_000, 30_000),
        b"\xff\xd8" + frame_header(30_000, 30_000),
    ],
)
def test_a_jpeg_shows_no_other_size_to_the_decoder(hidden: bytes) -> None:
    assert image_shape(JPEG) == (20, 30, 3)
    with pytest.raises(ValueError, match=r"the JPEG image is damaged|says 30000|none of JPEG"):
        image_shape(JPEG[:2] + hidden + JPEG[2:])


def test_segments_and_fill_bytes_before_the_frame_are_passed_over() -> None:
    exif = segment(0xFFE1, b"Exif" + frame_header(30_000, 30_000))  # as a thumbnail holds one
    comment = b"\xff\xff\xff" + segment(0xFFFE, b"\xff\xda" * 200)
    assert image_shape(JPEG[:2] + exif + comment + JPEG[2:]) == (20, 30, 3)


def test_a_jpeg_of_hundreds_of_scans_is_refused() -> None:
    start = JPEG.index(b"\xff\xda")
    with pytest.raises(ValueError, match="damaged"):
        image_shape(JPEG[:start] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" * 200 + JPEG[start:])


def test_the_largest_image_is_allowed() -> None:
    assert image_shape(png_file(10_000, 10_000, GREY, [])) == (10_000, 10_000, 1)
    with pytest.raises(ValueError, match="up to 100 million"):
        image_shape(png_file(10_000, 10_001, GREY, []))


@pytest.mark.parametrize(
    ("data", "channels"),
    [
        (b"", 1),
        (b"", 3),
        (b"garbage", 3),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), 1),
        (b"\xff\xd8" + bytes(50), 3),
        (png_file(100_000, 100_000, RGB, []), 3),
        (claimed_jpeg(65_000, 65_000), 3),
        (png_file(4, 4, RGBA, [bytes(31)] * 4, depth=16), 4),
    ],
    ids=brief,
)
def test_decode_refuses_garbage(data: bytes, channels: int) -> None:
    with pytest.raises(ValueError, match="image"):
        decode(data, (4, 4, channels))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_a_truncated_image_is_refused(kind: str, channels: int) -> None:
    image = random_images(1, (10, 9, channels))[0]
    data = encode_png(image) if kind == "png" else jpeg_of(image)
    for size in range(0, len(data) - 2, 3):  # the end marker of a JPEG is no pixel
        with pytest.raises(ValueError, match="image"):
            decoded(data[:size], channels)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_jpeg_whose_rest_is_zeros_is_refused(channels: int, progressive: bool) -> None:
    image = random_images(1, (40, 36, channels))[0]
    done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)])
    assert done
    data = encoded.tobytes()
    assert (decoded(data + bytes(100), channels) == decoded(data, channels)).all()  # what follows its end
    start = data.index(b"\xff\xda") + 20
    for size in range(start, len(data) - 2, 97):
        for cut in (data[:size], with_thumbnail(data)[: size - len(data)]):
            with pytest.raises(ValueError, match="the image is damaged"):
                decoded(cut + bytes(len(data) - size), channels)


def with_thumbnail(data: bytes) -> bytes:
    return data[:2] + segment(0xFFE1, b"Exif\0\0" + JPEG) + data[2:]


def test_a_jpeg_with_a_thumbnail_may_lack_its_end() -> None:
    assert (decoded(with_thumbnail(JPEG)[:-2], 3) == decoded(JPEG, 3)).all()


def test_a_png_with_a_wrong_checksum_is_refused() -> None:
    data = bytearray(png_of(random_images(1, (10, 10, 3))[0], RGB))
    data[60] ^= 1
    with pytest.raises(ValueError, match="the image is damaged"):
        decoded(bytes(data), 3)
