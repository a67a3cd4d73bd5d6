"""GIF written by hand: palettes of the file and of a picture, transparency, pictures smaller than the canvas."""

import io
import struct
import time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from mixup_pipeline.records.images import decode, image_facts

Indices = npt.NDArray[np.uint8]

RNG = np.random.default_rng(7)
FIRST, SECOND = RNG.integers(0, 256, (2, 6, 8), np.uint8)
COLOURS, OTHER_COLOURS = (RNG.integers(0, 256, (256, 3), np.uint8) for _ in range(2))
GREYS = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
"""The palette of which Pillow makes an image of mode L."""


class Picture(NamedTuple):
    """indices: (h, w). palette: its own (256, 3). clear: the index that is transparent."""

    indices: Indices
    top: int = 0
    left: int = 0
    palette: Indices | None = None
    clear: int | None = None
    disposal: int = 0


def gif_file(height: int, width: int, palette: Indices | None, *pictures: Picture) -> bytes:
    head = struct.pack("<HHBBB", width, height, 0 if palette is None else 0xF7, 0, 0)
    data = b"GIF89a" + head + (b"" if palette is None else palette.tobytes())
    for picture in pictures:
        flags = picture.disposal << 2 | (picture.clear is not None)
        data += b"!\xf9\x04" + struct.pack("<BHBB", flags, 5, picture.clear or 0, 0)
        sizes = (picture.left, picture.top, picture.indices.shape[1], picture.indices.shape[0])
        own = b"" if picture.palette is None else picture.palette.tobytes()
        data += b"," + struct.pack("<4HB", *sizes, 0x87 if own else 0) + own + codes(picture.indices)
    return data + b";"


def codes(indices: Indices) -> bytes:
    """LZW that compresses nothing: codes of nine bits, which start again before there would be more of them."""
    found = [
        code for at, value in enumerate(indices.ravel().tolist()) for code in ([256] if at % 254 == 0 else []) + [value]
    ]
    bits = "".join(f"{code:09b}"[::-1] for code in [*found, 257])
    packed = bytes(int(bits[at : at + 8].ljust(8, "0")[::-1], 2) for at in range(0, len(bits), 8))
    blocks = (packed[at : at + 255] for at in range(0, len(packed), 255))
    return b"\x08" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def rgba(indices: Indices, palette: Indices, clear: int | None) -> Indices:
    opaque = np.where(indices == (-1 if clear is None else clear), 0, 255).astype(np.uint8)
    return np.dstack([palette[indices], opaque])


@pytest.mark.parametrize("clear", [None, int(FIRST[2, 3])], ids=["opaque", "clear"])
@pytest.mark.parametrize("palette", [COLOURS, GREYS], ids=["colours", "greys"])
@pytest.mark.parametrize("own", [False, True], ids=["of the file", "of the picture"])
def test_colours_and_transparency_are_read(own: bool, palette: Indices, clear: int | None) -> None:
    picture = Picture(FIRST, palette=palette if own else None, clear=clear)
    data = gif_file(6, 8, OTHER_COLOURS if own else palette, picture)
    assert image_facts(data).has_alpha == (clear is not None)
    right = rgba(FIRST, palette, clear)
    np.testing.assert_array_equal(decode(data, (6, 8, 4))[right[..., 3] > 0], right[right[..., 3] > 0])
    np.testing.assert_array_equal(decode(data, (6, 8, 4))[..., 3], right[..., 3])
    white = np.where(right[..., 3:] == 0, 255, right[..., :3])
    np.testing.assert_array_equal(decode(data, (6, 8, 3)), white)


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
def test_the_first_picture_of_an_animation_is_read(disposal: int) -> None:
    pictures = (Picture(FIRST, disposal=disposal), Picture(SECOND, clear=3, palette=OTHER_COLOURS, disposal=disposal))
    data = gif_file(6, 8, COLOURS, *pictures)
    assert image_facts(data).animated
    assert not image_facts(gif_file(6, 8, COLOURS, pictures[0])).animated
    np.testing.assert_array_equal(decode(data, (6, 8, 3)), COLOURS[FIRST])


@pytest.mark.parametrize("clear", [None, 3])
@pytest.mark.parametrize(("top", "left"), [(0, 0), (2, 3), (6, 4)])
def test_a_picture_smaller_than_the_canvas_stands_where_it_says(top: int, left: int, clear: int | None) -> None:
    data = gif_file(12, 12, COLOURS, Picture(FIRST, top, left, clear=clear))
    found = decode(data, (12, 12, 4))
    seen = np.ones_like(FIRST, bool) if clear is None else clear != FIRST
    np.testing.assert_array_equal(found[top : top + 6, left : left + 8, :3][seen], COLOURS[FIRST][seen])
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    np.testing.assert_array_equal(found, expected)


def test_a_canvas_that_claims_too_many_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="its header says 65535x2000, allowed are up to 100 million"):
        image_facts(gif_file(65535, 2000, COLOURS, Picture(FIRST)))
    with pytest.raises(ValueError, match="the GIF image has too many pixels: allowed are up to 100 million"):
        image_facts(gif_file(65535, 65535, COLOURS, Picture(FIRST)))


def with_texts(data: bytes, texts: bytes) -> bytes:
    """A GIF of COLOURS with these blocks before its first picture, and with bytes between blocks that are no blocks."""
    start = 13 + COLOURS.size
    return data[:start] + b"\0\x01" + texts + data[start:-1] + b"\0;" + texts


COMMENT, TEXT, LOOP = (
    b"!" + kind + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    for kind, parts in (
        (b"\xfe", [b"a,!;"]),
        (b"\x01", [b"12 bytes are.", b"!,"]),
        (b"\xff", [b"NETSCAPE2.0", b"\1\0\0"]),
    )
)


@pytest.mark.parametrize("texts", [COMMENT, TEXT, LOOP, COMMENT + LOOP + TEXT + COMMENT])
def test_texts_change_nothing(texts: bytes) -> None:
    pictures = (Picture(FIRST, clear=int(FIRST[2, 3])), Picture(SECOND, palette=OTHER_COLOURS))
    for count in (1, 2):
        data = gif_file(6, 8, COLOURS, *pictures[:count])
        assert image_facts(with_texts(data, texts)) == image_facts(data)
        np.testing.assert_array_equal(decode(with_texts(data, texts), (6, 8, 4)), decode(data, (6, 8, 4)))


def test_many_comments_take_little_time() -> None:
    """Pillow alone would take minutes."""
    comment = b"!\xfe" + (b"\xff" + b"x" * 255) * 100_000 + b"\0"
    data = with_texts(gif_file(6, 8, COLOURS, Picture(FIRST)), comment + COMMENT * 100_000)
    before = time.process_time()
    np.testing.assert_array_equal(decode(data, (6, 8, 3)), COLOURS[FIRST])
    assert time.process_time() - before < 5


def test_a_file_may_end_anywhere() -> None:
    data = with_texts(gif_file(6, 8, COLOURS, Picture(FIRST, palette=OTHER_COLOURS)), COMMENT)
    said = []
    for end in range(6, len(data)):
        try:
            decode(data[:end], (6, 8, 3))
        except ValueError as error:
            said.append(str(error))
    assert said
    assert [message for message in said if not message.startswith(("the GIF image ", "the image "))] == []
