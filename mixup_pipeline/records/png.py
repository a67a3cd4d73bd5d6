"""The chunks of a PNG: its facts, and those chunks that make its still picture."""

import struct
from collections.abc import Iterator

from mixup_pipeline.records.exif import orientation_of
from mixup_pipeline.records.facts import UPRIGHT, ImageFacts, check_pixels

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGBA"}  # by colour type, as the next one
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_TRANSPARENT = {"grey": "grey with alpha", "RGB": "RGBA", "palette": "palette with alpha"}
_PALETTE = 3
_HEADER = struct.Struct(">I4sIIBB")
_CHUNK = struct.Struct(">I4s")
_ANCILLARY = 0x20
"""This bit of a chunk's first letter says that the picture can be decoded without the chunk."""


def png_facts(data: bytes) -> ImageFacts:
    """The facts of a PNG, once every chunk has been looked at.

    Raises ValueError if the PNG is damaged, of a kind that does not exist, or too large.
    """
    if len(data) < 33:
        raise ValueError(f"the PNG image ends after {len(data)} bytes")
    length, kind, width, height, depth, colour = _HEADER.unpack_from(data, 8)
    if length != 13 or kind != b"IHDR":
        raise ValueError("the PNG image is damaged: it does not begin with its header")
    if depth not in _DEPTHS.get(colour, ()):
        raise ValueError(f"the PNG image is damaged: there is no colour type {colour} of {depth} bits")
    check_pixels(height, width)
    colours, orientation, animated, pixels_end = _COLOURS[colour], UPRIGHT, False, 0
    for kind, start, end in _chunks(data):
        if kind == b"IDAT":
            if pixels_end not in (0, start):
                raise ValueError(f"the PNG image is damaged: its pixels are interrupted before byte {start}")
            pixels_end = end
        elif kind == b"tRNS":
            alphas = data[start + 8 : end - 4]
            if not (colour == _PALETTE and alphas.count(255) == len(alphas)):
                colours = _TRANSPARENT.get(colours, colours)
        elif kind == b"eXIf":
            orientation = orientation_of(data[start + 8 : end - 4])
        elif kind == b"acTL":
            animated = True
    if not pixels_end:
        raise ValueError("the PNG image holds no pixels")
    return ImageFacts("PNG", height, width, colours, 16 if depth == 16 else 8, orientation, animated)


def transparent_colour(data: bytes) -> tuple[int, ...] | None:
    """The one grey, or (red, green, blue), that is transparent, as it is decoded; None if there is none."""
    depth, colour = data[24], data[25]
    chunk = next((data[start + 8 : end - 4] for kind, start, end in _chunks(data) if kind == b"tRNS"), None)
    if colour not in (0, 2) or chunk is None:
        return None
    size = 3 if colour else 1
    if len(chunk) != 2 * size:
        raise ValueError(f"the PNG image is damaged: its transparent colour takes {len(chunk)} bytes")
    widened = 255 // (2**depth - 1) if depth < 8 else 1
    return tuple(value * widened for value in struct.unpack(f">{size}H", chunk))


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
    """The PNG without its ancillary chunks, which hold the frames of an animation among others.

    What is transparent in a palette stays.
    """
    length, kind = _CHUNK.unpack_from(data, 33)
    if kind == b"IDAT" and length == len(data) - 57:  # small images have one chunk of pixels, the end, and no other
        return data
    kept, position = [], 0
    for kind, start, end in _chunks(data):
        if kind[0] & _ANCILLARY and not (kind == b"tRNS" and data[25] == _PALETTE):
            kept.append(data[position:start])
            position = end
    return b"".join((*kept, data[position:])) if kept else data
