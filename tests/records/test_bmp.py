"""BMP written by hand: 1 to 32 bits, upside down and not, with masks and with transparency."""

import struct

import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline.records.images import decode, image_facts

Array = npt.NDArray[np.uint8]

RNG = np.random.default_rng(11)
PALETTE = RNG.integers(0, 256, (256, 3), np.uint8)
BITFIELDS = 3


def bmp_file(
    width: int, height: int, bits: int, rows: list[bytes], *, palette: Array | None = None, masks: tuple[int, ...] = ()
) -> bytes:
    """rows: from top to bottom. A negative height says that they are stored so."""
    if height > 0:
        rows = rows[::-1]
    pixels = b"".join(row + bytes(-len(row) % 4) for row in rows)
    colours = b"" if palette is None else b"".join(bytes([*colour[::-1], 0]) for colour in palette.tolist())
    size = 124 if masks else 40  # the header of version 5 holds the masks
    compression = BITFIELDS if masks else 0
    used = 0 if palette is None else len(palette)
    header = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, len(pixels), 0, 0, used, 0)
    header += struct.pack("<4I", *masks, *[0] * (4 - len(masks))) if masks else b""
    header = header.ljust(size, b"\0")
    start = 14 + size + len(colours)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + colours + pixels


@pytest.mark.parametrize("sign", [1, -1], ids=["bottom up", "top down"])
@pytest.mark.parametrize("width", [1, 7, 8, 13])
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_palettes_are_read(bits: int, width: int, sign: int) -> None:
    indices = RNG.integers(0, 2**bits, (5, width), np.uint8)
    texts = ["".join(f"{index:0{bits}b}" for index in row) for row in indices.tolist()]
    rows = [bytes(int(text[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(text), 8)) for text in texts]
    data = bmp_file(width, sign * 5, bits, rows, palette=PALETTE[: 2**bits])
    assert image_facts(data)[:4] == ("BMP", 5, width, "palette")
    np.testing.assert_array_equal(decode(data, (5, width, 3)), PALETTE[indices])


@pytest.mark.parametrize("sign", [1, -1], ids=["bottom up", "top down"])
@pytest.mark.parametrize("bits", [24, 32])
def test_colours_are_read(bits: int, sign: int) -> None:
    image = RNG.integers(0, 256, (5, 7, 4), np.uint8)
    stored = image[..., [2, 1, 0, 3]][..., : bits // 8]  # the fourth byte means nothing
    data = bmp_file(7, sign * 5, bits, [row.tobytes() for row in stored])
    assert image_facts(data).colours == "RGB"
    np.testing.assert_array_equal(decode(data, (5, 7, 3)), image[..., :3])


def test_a_mask_of_transparency_is_heeded() -> None:
    image = RNG.integers(0, 256, (5, 7, 4), np.uint8)
    rows = [row.tobytes() for row in image[..., [2, 1, 0, 3]]]
    data = bmp_file(7, 5, 32, rows, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    assert image_facts(data).colours == "RGBA"
    np.testing.assert_array_equal(decode(data, (5, 7, 4)), image)


@pytest.mark.parametrize(
    "masks", [(), (0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F)], ids=["555", "555 by masks", "565"]
)
def test_sixteen_bits_a_pixel_are_widened(masks: tuple[int, ...]) -> None:
    words = RNG.integers(0, 2**15, (5, 8), np.uint16)
    data = bmp_file(8, 5, 16, [row.astype("<u2").tobytes() for row in words], masks=masks)
    green = 6 if masks[:1] == (0xF800,) else 5
    blue, rest = words & 31, words >> 5
    right = [(rest >> green) * 255 / 31, (rest % 2**green) * 255 / (2**green - 1), blue * 255 / 31]
    assert np.abs(decode(data, (5, 8, 3)) - np.stack(right, axis=2)).max() <= 1


def test_a_bmp_that_claims_too_much_is_refused() -> None:
    for width, height, said in ((60_000, 60_000, "too many pixels"), (20_000, 6_000, "its header says 6000x20000")):
        with pytest.raises(ValueError, match=f"{said}.* allowed are up to 100 million"):
            image_facts(bmp_file(width, height, 24, [bytes(3)]))
