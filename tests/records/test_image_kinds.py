"""What kinds of PNG and JPEG are read as what, and which are refused: the table in docs/sources.md.

All were compared with Pillow and TensorFlow once; here the pixels are known, or must be those of a plainer file.
"""

import contextlib
import struct
import zlib

import cv2
import numpy as np
import pytest

from mixup_pipeline.records.images import encode_png
from tests.datasets import random_images
from tests.helpers import brief, decoded, image_shape
from tests.records.test_images import (
    GREY,
    PALETTE,
    RGB,
    RGBA,
    Pixels,
    chunk,
    jpeg_of,
    png_file,
    png_of,
    segment,
    smooth_image,
)

COLOURS = {1: GREY, 3: RGB, 4: RGBA}
EXIF = b"II*\0\x08\0\0\0" + b"\x01\0" + struct.pack("<HHII", 0x0112, 3, 1, 6) + bytes(4)  # turned right

# PNG: the still picture of an animation


def frame_control(number: int, width: int, height: int) -> bytes:
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, 0, 0, 1, 10, 0, 0))


def animation(frame: Pixels, *, frames: int) -> tuple[bytes, bytes]:
    """The chunks of an animation before and behind the pixels of its still picture, which is none of the frames."""
    height, width, _ = frame.shape
    rows = b"".join(b"\0" + row.tobytes() for row in frame)
    content = [
        frame_control(2 * i, width, height) + chunk(b"fdAT", struct.pack(">I", 2 * i + 1) + zlib.compress(rows))
        for i in range(frames)
    ]
    return chunk(b"acTL", struct.pack(">II", frames, 0)), b"".join(content)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_the_still_picture_of_an_animated_png_is_read(channels: int, frames: int) -> None:
    still, frame = random_images(2, (9, 7, channels))
    before, after = animation(frame, frames=frames)
    data = png_of(still, COLOURS[channels], before=before, after=after)
    assert image_shape(data) == still.shape
    np.testing.assert_array_equal(decoded(data, channels), still)


def test_the_still_picture_may_be_the_first_frame() -> None:
    still, frame = random_images(2, (9, 7, 3))
    before, after = animation(frame, frames=2)
    data = png_of(still, RGB, before=before + frame_control(0, 7, 9), after=after)
    np.testing.assert_array_equal(decoded(data, 3), still)


@pytest.mark.parametrize("rest", [frame_control(0, 700, 9), chunk(b"acTL", bytes(8)), chunk(b"acTL", b"\0\0\0\2")])
def test_damage_to_an_animation_is_no_damage_to_its_still_picture(rest: bytes) -> None:
    still = random_images(1, (9, 7, 1))[0]
    np.testing.assert_array_equal(decoded(png_of(still, GREY, before=rest), 1), still)


def test_an_animated_png_without_pixels_of_its_own_is_refused() -> None:
    """OpenCV gave black."""
    before, after = animation(random_images(1, (9, 7, 1))[0], frames=2)
    data = png_file(7, 9, GREY, []).split(b"IDAT")[0][:-4] + before + after + chunk(b"IEND", b"")
    with pytest.raises(ValueError, match="the PNG image holds no pixels"):
        image_shape(data)


# PNG: chunks that change no pixel, interlacing


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"gAMA", struct.pack(">I", 220_000)),
        chunk(b"gAMA", struct.pack(">I", 0)) + chunk(b"gAMA", struct.pack(">I", 45_455)),
        chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 73000, 26000, 27000, 71000, 15000, 6000)),
        chunk(b"sRGB", b"\0"),
        chunk(b"iCCP", b"wide\0\0" + zlib.compress(bytes(200))),
        chunk(b"cICP", bytes([9, 16, 0, 1])),
        chunk(b"sBIT", b"\3"),
        chunk(b"sBIT", b"\3\3\3"),
        chunk(b"bKGD", b"\0\1"),
        chunk(b"bKGD", b"\0\1\0\2\0\3"),
        chunk(b"eXIf", EXIF),
        chunk(b"zTXt", b"text\0\0" + zlib.compress(bytes(1 << 20))),
        chunk(b"tEXt", b"text\0IEND") * 1500,  # libpng keeps a thousand
        chunk(b"abCd", b"unknown"),
        chunk(b"gAMA", struct.pack(">I", 100_000))[:-1] + b"!",  # a wrong checksum
    ],
    ids=brief,
)
def test_ancillary_chunks_change_no_pixel(channels: int, extra: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """And libpng prints nothing about them."""
    image = random_images(1, (9, 7, channels))[0]
    for data in (png_of(image, COLOURS[channels], before=extra), png_of(image, COLOURS[channels], after=extra)):
        assert image_shape(data) == image.shape
        np.testing.assert_array_equal(decoded(data, channels), image)
        np.testing.assert_array_equal(decoded(data + b"behind the end", channels), image)
    assert capfd.readouterr() == ("", "")


def test_pixels_in_many_chunks_are_read() -> None:
    image = random_images(1, (90, 70, 3))[0]
    data = encode_png(image)
    assert data.count(b"IDAT") > 1
    np.testing.assert_array_equal(decoded(data[:33] + chunk(b"tEXt", b"a\0b") + data[33:], 3), image)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_interlaced_png_decodes_to_its_pixels(channels: int) -> None:
    image = random_images(1, (11, 13, channels))[0]
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = [row.tobytes() for y, x, down, right in passes for row in image[y::down, x::right]]
    data = png_file(13, 11, COLOURS[channels], rows, interlace=1)
    np.testing.assert_array_equal(decoded(data, channels), image)


def test_pixels_in_two_places_are_refused() -> None:
    data = encode_png(random_images(1, (90, 70, 3))[0])
    second = data.index(b"IDAT", data.index(b"IDAT") + 4) - 4
    with pytest.raises(ValueError, match=f"damaged: its pixels are interrupted before byte {second + 15}"):
        image_shape(data[:second] + chunk(b"tEXt", b"a\0b") + data[second:])


def test_a_png_without_its_palette_is_refused() -> None:
    with pytest.raises(ValueError, match="the image is damaged and cannot be decoded"):
        decoded(png_file(4, 1, PALETTE, [bytes(4)]), 3)


def test_an_unknown_chunk_that_a_picture_needs_is_refused() -> None:
    data = png_of(random_images(1, (9, 7, 1))[0], GREY, before=chunk(b"ABCD", b"unknown"))
    with pytest.raises(ValueError, match="the image is damaged and cannot be decoded"):
        decoded(data, 1)


# PNG: transparency


@pytest.mark.parametrize(
    ("colour", "transparency"),
    [(GREY, b"\0\7"), (RGB, b"\0\7\0\7\0\7"), (PALETTE, b"\0"), (PALETTE, b"\xff\xfe"), (PALETTE, b"\xff" * 9 + b"\0")],
)
def test_transparent_colours_make_it_rgba(colour: int, transparency: bytes) -> None:
    """They hold any colour underneath, which would be mixed as if it were seen."""
    row = bytes(12 if colour == RGB else 4)
    data = png_file(4, 1, colour, [row], palette=bytes(30 * (colour == PALETTE)), before=chunk(b"tRNS", transparency))
    assert image_shape(data) == (1, 4, 4)
    hidden = 0 if colour == PALETTE and transparency[0] == 0 else 255
    assert (decoded(data, 4)[..., 3] == hidden).all()  # all pixels are of colour 0, which is not the hidden one


@pytest.mark.parametrize("transparency", [b"", b"\xff", b"\xff\xff"])
def test_a_palette_whose_colours_are_opaque_is_rgb(transparency: bytes) -> None:
    palette = bytes([255, 0, 0, 0, 0, 255])
    data = png_file(2, 1, PALETTE, [b"\0\1"], palette=palette, before=chunk(b"tRNS", transparency))
    assert image_shape(data) == (1, 2, 3)
    assert decoded(data, 3).tolist() == [[[255, 0, 0], [0, 0, 255]]]


def test_rgba_keeps_the_colours_under_its_alpha() -> None:
    pixels = [[[10, 20, 30, 0], [40, 50, 60, 128]]]
    data = png_of(np.array(pixels, np.uint8), RGBA, before=chunk(b"tRNS", b"\0\7\0\7\0\7"))  # means nothing here
    assert image_shape(data) == (1, 2, 4)
    assert decoded(data, 4).tolist() == pixels


# JPEG

SAMPLING = [
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411,
]


@pytest.mark.parametrize("sampling", SAMPLING)
@pytest.mark.parametrize("channels", [1, 3])
def test_scans_and_restarts_change_no_pixel(channels: int, sampling: int) -> None:
    image, factor = smooth_image(37, 45, channels), (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
    plain = decoded(jpeg_of(image, *factor), channels)
    assert np.abs(plain.astype(int) - image.astype(int)).max() <= 14
    for option in ((cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)):
        data = jpeg_of(image, *factor, *option)
        assert b"\xff\xc2" in data or b"\xff\xdd" in data
        np.testing.assert_array_equal(decoded(data, channels), plain)


def adobe(transform: int) -> bytes:
    return segment(0xFFEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, transform))


def without_jfif(data: bytes) -> bytes:
    assert data[2:4] == b"\xff\xe0"
    return data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]


def test_an_adobe_marker_says_that_a_jpeg_holds_rgb() -> None:
    image = smooth_image(16, 24, 3)
    data = without_jfif(jpeg_of(image, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444))
    held = decoded(data[:2] + adobe(0) + data[2:], 3)
    luma = image @ np.array([0.299, 0.587, 0.114])
    assert np.abs(held[:, :, 0] - luma).max() <= 6  # the first component as it is stored
    for same in (data, data[:2] + adobe(1) + data[2:]):
        assert np.abs(decoded(same, 3).astype(int) - image.astype(int)).max() <= 14


@pytest.mark.parametrize("channels", [1, 3])
def test_what_follows_the_end_of_a_jpeg_is_ignored(channels: int) -> None:
    image = smooth_image(16, 24, channels)
    data = jpeg_of(image)
    for rest in (b"junk" * 9, jpeg_of(smooth_image(8, 8, 3)), bytes(64)):
        assert image_shape(data + rest) == image.shape
        np.testing.assert_array_equal(decoded(data + rest, channels), decoded(data, channels))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_that_lacks_its_end_marker_alone_is_read(channels: int, missing: int) -> None:
    data = jpeg_of(smooth_image(16, 24, channels))
    np.testing.assert_array_equal(decoded(data[:-missing], channels), decoded(data, channels))


def test_a_jpeg_that_lacks_pixels_too_is_refused() -> None:
    data = jpeg_of(random_images(1, (24, 32, 3))[0])
    first = data.index(b"\xff\xda") + 40
    read = []
    for length in range(first, len(data) - 2, 7):
        with contextlib.suppress(ValueError):
            read.append(decoded(data[:length], 3))
    assert all((image == decoded(data, 3)).all() for image in read)  # the last bits may be mere padding
    assert len(read) < 3


def test_a_progressive_jpeg_without_its_end_is_refused() -> None:
    done, data = cv2.imencode(".jpg", smooth_image(40, 24, 3), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    assert done
    decoded(data.tobytes(), 3)
    with pytest.raises(ValueError, match="the image is damaged and cannot be decoded"):
        decoded(data.tobytes()[:-2], 3)


@pytest.mark.parametrize("marker", [b"\xff\xe0", b"\xff\xc0", b"\xff\xda"])
def test_stray_bytes_between_segments_are_refused(marker: bytes) -> None:
    data = jpeg_of(smooth_image(16, 24, 3))
    at = data.index(marker)
    with pytest.raises(ValueError, match=r"the JPEG image is damaged: no sound segment|none of JPEG, PNG"):
        image_shape(data[:at] + b"\0\1\2" + data[at:])


@pytest.mark.parametrize("kind", [3, 5, 6, 7, 11, 13, 14, 15])
def test_lossless_and_hierarchical_jpegs_are_refused(kind: int) -> None:
    data = jpeg_of(smooth_image(16, 24, 3)).replace(b"\xff\xc0", bytes([0xFF, 0xC0 + kind]), 1)
    message = rf"lossless or hierarchical \(SOF{kind}\): allowed are baseline and progressive images"
    with pytest.raises(ValueError, match=message):
        image_shape(data)
