"""The blocks of a GIF: what of them Pillow gets to read.

Comments and other texts are left out: Pillow joins comments in a time that grows with the square of their number.
"""

_GLOBAL_PALETTE, _PALETTE_SIZE = 0x80, 0x07
_EXTENSION, _PICTURE, _END, _GRAPHIC_CONTROL = 0x21, 0x2C, 0x3B, 0xF9


def without_texts(data: bytes) -> bytes:
    """The GIF without its extension blocks, but for those that say how a picture is shown.

    Bytes between blocks are passed over, as Pillow does. A file may end anywhere: its decoder says what is missing.
    """
    size, kept, kept_from = len(data), [], 0
    position = 13 + _palette_bytes(data, 10)
    while position < size and data[position] != _END:
        start, kind = position, data[position]
        if kind == _PICTURE:
            position += 11 + _palette_bytes(data, position + 9)
        elif kind == _EXTENSION:
            position += 2
        else:
            position += 1
            continue
        while position < size and data[position]:
            position += 1 + data[position]
        position += 1
        if kind == _EXTENSION and data[start + 1 : start + 2] != bytes([_GRAPHIC_CONTROL]):
            kept.append(data[kept_from:start])
            kept_from = position
    return b"".join((*kept, data[kept_from:]))


def _palette_bytes(data: bytes, flags: int) -> int:
    """The bytes of the palette that the flags at this place announce."""
    if flags >= len(data) or not data[flags] & _GLOBAL_PALETTE:
        return 0
    return 3 << (data[flags] & _PALETTE_SIZE) + 1
