"""The chunks of a PNG: its size, whether its kind is read, and those chunks that make its still picture."""

import struct
from collections.abc import Iterator

from mixup_pipeline.spec import check_size

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGBA"}  # by colour type, as the next two
_CHANNELS = {0: 1, 2: 3, 3: 3, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8), 2: (8,), 3: (1, 2, 4, 8), 6: (8,)}
_HEADER = struct.Struct(">I4sIIBB")
_CHUNK = struct.Struct(">I4s")
_ANCILLARY = 0x20
"""This bit of a chunk's first letter says that the picture can be decoded without the chunk."""


def png_shape(data: bytes) -> tuple[int, int, int]:
    """(height, width, channels) of a PNG, once every chunk has been looked at.

    Raises ValueError if the PNG is damaged, of a kind that is not read, or too large.
    """
    if len(data) < 33:
        raise ValueError(f"the PNG image ends after {len(data)} bytes")
    length, kind, width, height, depth, colour = _HEADER.unpack_from(data, 8)
    if length != 13 or kind != b"IHDR":
        raise ValueError("the PNG image is damaged: it does not begin with its header")
    if depth not in _DEPTHS.get(colour, ()):
        raise ValueError(
            f"the PNG image has colour type {colour} ({_COLOURS.get(colour, 'unknown')}) and {depth} bits: "
            f"allowed are grey and palette of 1, 2, 4 or 8 bits, RGB and RGBA of 8 bits"
        )
    shape = (height, width, _CHANNELS[colour])
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
        length, kind = _CHUNK.unpack_from(data, position)
        end = position + 12 + length
        if end > size or kind == b"IHDR":
            break
        yield kind, position, end
        if kind == b"IEND":
            return
        position = end
    raise ValueError(f"the PNG image is damaged: no sound chunk begins at byte {position} of {size}")


def still_picture(data: bytes) -> bytes:
    """The PNG without its ancillary chunks, which hold the frames of an animation among others."""
    length, kind = _CHUNK.unpack_from(data, 33)
    if kind == b"IDAT" and length == len(data) - 57:  # small images have one chunk of pixels, the end, and no other
        return data
    kept, position = [], 0
    for kind, start, end in _chunks(data):
        if kind[0] & _ANCILLARY:
            kept.append(data[position:start])
            position = end
    return b"".join((*kept, data[position:])) if kept else data
