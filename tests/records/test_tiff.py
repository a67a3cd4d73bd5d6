"""TIFF written by hand, tag by tag: kinds that Pillow does not write, orientations, and those that are refused."""

import io
import struct
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from mixup_pipeline.records import images, pillow
from mixup_pipeline.records.images import decode, image_facts
from mixup_pipeline.spec import ImageOptions
from tests.datasets import jpeg, random_images
from tests.helpers import brief

GREY, RGB, PALETTE, CMYK = 1, 2, 3, 5  # as photometric interpretations
WHITE_IS_ZERO = 0
WEIGHTED, STRAIGHT, MEANINGLESS = 1, 2, 0  # as extra samples
RAW, DEFLATE = 1, 8
SHORT, LONG = 3, 4
AS_STORED = ImageOptions(exif="ignore")

Array = npt.NDArray[Any]


def tiff_file(
    pixels: Array,
    photometric: int,
    *,
    order: str = "<",
    compression: int = RAW,
    tags: Mapping[int, tuple[int, Sequence[int]]] | None = None,
) -> bytes:
    """Write a TIFF (h, w, c) of one strip. tags: more tags, or others: (type, values) by number."""
    height, width, channels = pixels.shape
    data = pixels.astype(f"{order}{pixels.dtype.str[1:]}").tobytes()
    data = zlib.compress(data) if compression == DEFLATE else data
    known: dict[int, tuple[int, Sequence[int]]] = {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [8 * pixels.dtype.itemsize] * channels),
        259: (SHORT, [compression]),
        262: (SHORT, [photometric]),
        273: (LONG, [0]),
        277: (SHORT, [channels]),
        278: (LONG, [height]),
        279: (LONG, [len(data)]),
    }
    known |= tags or {}
    start, entries, values = 8 + 2 + 12 * len(known) + 4, [], bytearray()
    sizes = {tag: struct.calcsize("H" if kind == SHORT else "I") * len(some) for tag, (kind, some) in known.items()}
    known[273] = (LONG, [start + sum(size for size in sizes.values() if size > 4)])  # the pixels stand at the end
    for tag, (kind, some) in sorted(known.items()):
        value = struct.pack(f"{order}{len(some)}{'H' if kind == SHORT else 'I'}", *some)
        if len(value) > 4:
            values, value = values + value, struct.pack(f"{order}I", start + len(values))
        entries.append(struct.pack(f"{order}HHI", tag, kind, len(some)) + value.ljust(4, b"\0"))
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IH", 8, len(entries)) + b"".join(entries) + bytes(4) + values + data


def extra(meaning: int) -> dict[int, tuple[int, Sequence[int]]]:
    return {338: (SHORT, [meaning])}


def turned(orientation: int) -> dict[int, tuple[int, Sequence[int]]]:
    return {274: (SHORT, [orientation])}


def to_eight_bits(deep: Array) -> Array:
    return (deep.astype(int) + 128) // 257


def with_inks(cmyk: Array, most: int) -> Array:
    return np.rint((1 - cmyk[..., :3] / most) * (1 - cmyk[..., 3:] / most) * 255)


BYTES, WORDS = (
    np.random.default_rng(1).integers(0, np.iinfo(kind).max + 1, (5, 8, 4), kind) for kind in (np.uint8, np.uint16)
)
OPACITY = WORDS[..., 3:] | 4096  # none is so small that rounding hides the colours
HELD = np.concatenate([WORDS[..., :3] * (OPACITY / 65535), OPACITY], axis=2).round().astype(np.uint16)


# kinds of pixels: (pixels as stored, photometric interpretation, more tags, decoded pixels, greatest error)
KINDS: dict[str, tuple[Array, int, Mapping[int, Any], Array, int]] = {
    "grey": (BYTES[..., :1], GREY, {}, BYTES[..., :1], 0),
    "grey, white is zero": (BYTES[..., :1], WHITE_IS_ZERO, {}, 255 - BYTES[..., :1], 0),
    "grey with alpha": (BYTES[..., :2], GREY, extra(STRAIGHT), BYTES[..., [0, 0, 0, 1]], 0),
    "RGB": (BYTES[..., :3], RGB, {}, BYTES[..., :3], 0),
    "RGBA": (BYTES, RGB, extra(STRAIGHT), BYTES, 0),
    "RGB and more": (BYTES, RGB, extra(MEANINGLESS), BYTES[..., :3], 0),
    "grey of 16 bits": (WORDS[..., :1], GREY, {}, to_eight_bits(WORDS[..., :1]), 0),
    "RGB of 16 bits": (WORDS[..., :3], RGB, {}, to_eight_bits(WORDS[..., :3]), 0),
    "RGBA of 16 bits": (WORDS, RGB, extra(STRAIGHT), to_eight_bits(WORDS), 0),
    "RGB and more of 16 bits": (WORDS, RGB, extra(MEANINGLESS), to_eight_bits(WORDS[..., :3]), 0),
    "weighted RGBA of 16 bits": (
        HELD,
        RGB,
        extra(WEIGHTED),
        to_eight_bits(np.concatenate([WORDS[..., :3], OPACITY], axis=2)),
        1,
    ),
    "CMYK": (BYTES, CMYK, {}, with_inks(BYTES, 255), 1),
    "CMYK of 16 bits": (WORDS, CMYK, {}, with_inks(WORDS, 65535), 2),
}


@pytest.mark.parametrize("compression", [RAW, DEFLATE], ids=["raw", "deflate"])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("name", KINDS)
def test_pixels_of_every_kind_are_read(name: str, order: str, compression: int) -> None:
    pixels, photometric, tags, right, error = KINDS[name]
    data = tiff_file(pixels, photometric, order=order, compression=compression, tags=tags)
    facts = image_facts(data)
    assert facts.shape(turned=True) == right.shape
    assert facts.depth == 8 * pixels.dtype.itemsize
    assert np.abs(decode(data, right.shape) - right).max() <= error


@pytest.mark.parametrize("compression", [RAW, DEFLATE], ids=["raw", "deflate"])
def test_white_is_zero_in_16_bits_too(compression: int) -> None:
    """Pillow gives them as they are."""
    data = tiff_file(WORDS[..., :1], WHITE_IS_ZERO, compression=compression)
    np.testing.assert_array_equal(decode(data, (5, 8, 1)), to_eight_bits(65535 - WORDS[..., :1]))


def test_twelve_bits_of_grey_are_widened() -> None:
    values = np.append(np.random.default_rng(2).integers(0, 4096, 30), [0, 4095]).reshape(4, 8)
    packed = "".join(f"{value:012b}" for value in values.ravel())
    rows = np.array([int(packed[at : at + 8], 2) for at in range(0, len(packed), 8)], np.uint8).reshape(4, 12, 1)
    data = tiff_file(rows, GREY, tags={256: (LONG, [8]), 258: (SHORT, [12])})
    assert np.abs(decode(data, (4, 8, 1))[..., 0] - values * 255 / 4095).max() <= 0.51


def test_a_palette_of_16_bits_is_read() -> None:
    colours = np.random.default_rng(3).integers(0, 65536, (256, 3))
    data = tiff_file(BYTES[..., :1], PALETTE, tags={320: (SHORT, colours.T.ravel().tolist())})
    assert np.abs(decode(data, (5, 8, 3)) - colours[BYTES[..., 0]] / 257).max() <= 1


# Orientation


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["grey", "RGB", "RGBA", "grey of 16 bits", "RGB of 16 bits"])
def test_orientations_are_applied_once_or_ignored(name: str, orientation: int, order: str) -> None:
    """Pillow and OpenCV turn a TIFF on their own."""
    pixels, photometric, tags, right, _ = KINDS[name]
    data = tiff_file(pixels, photometric, order=order, tags={**tags, **turned(orientation)})
    facts = image_facts(data)
    assert (facts.height, facts.width, facts.orientation) == (5, 8, orientation)
    np.testing.assert_array_equal(decode(data, right.shape, AS_STORED), right)
    upright = as_pillow_turns(right, orientation)
    assert facts.shape(turned=True) == upright.shape
    np.testing.assert_array_equal(decode(data, upright.shape), upright)


def as_pillow_turns(pixels: Array, orientation: int) -> Array:
    image = Image.fromarray(pixels.astype(np.uint8).squeeze(2) if pixels.shape[2] == 1 else pixels.astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    return np.asarray(ImageOps.exif_transpose(Image.open(file))).reshape(
        *image.size[:: -1 if orientation < 5 else 1], -1
    )


def test_an_orientation_that_does_not_exist_is_upright() -> None:
    for orientation in (0, 9, 65535):
        data = tiff_file(BYTES[..., :3], RGB, tags=turned(orientation))
        assert image_facts(data).orientation == 1
        np.testing.assert_array_equal(decode(data, (5, 8, 3)), BYTES[..., :3])


def test_a_turned_first_page_is_read_though_others_follow() -> None:
    page = Image.fromarray(BYTES[..., :3])
    file = io.BytesIO()
    page.save(file, "TIFF", save_all=True, append_images=[page.rotate(180)], tiffinfo={274: 6})
    assert image_facts(file.getvalue()).animated
    np.testing.assert_array_equal(decode(file.getvalue(), (8, 5, 3)), as_pillow_turns(BYTES[..., :3], 6))


# What is refused


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tiff_file(BYTES[..., :1].astype(np.float32), GREY, tags={339: (SHORT, [3])}), "has pixels of mode F: allowed"),
        (tiff_file(BYTES[..., :1].astype(np.int8), GREY, tags={339: (SHORT, [2])}), "has signed pixels: allowed are"),
        (tiff_file(WORDS[..., :1].astype(np.int16), GREY, tags={339: (SHORT, [2])}), "has pixels of mode I: allowed"),
        (tiff_file(WORDS[..., :1].astype(np.uint32), GREY), "has pixels of mode I: allowed are grey, RGB, RGBA, CMYK"),
        (tiff_file(WORDS[..., :2], GREY, tags=extra(STRAIGHT)), "is damaged, or of a kind that is not read"),
        (tiff_file(BYTES[..., :1], GREY, tags={256: (LONG, [0])}), "is damaged, or of a kind that is not read"),
        (tiff_file(BYTES[..., :1], GREY, tags={256: (LONG, [10**8])}), "TIFF image has too many pixels: allowed are"),
        (tiff_file(BYTES[..., :1], GREY, tags={256: (LONG, [30_000_000])}), "its header says 5x30000000, allowed are"),
        (tiff_file(BYTES[..., :1], GREY, tags={256: (LONG, [30_000_000]), **turned(6)}), "its header says 5x30000000"),
    ],
    ids=lambda value: brief(value) if isinstance(value, str) else "",
)
def test_kinds_that_are_not_read_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        image_facts(data)


@pytest.mark.parametrize("compression", [RAW, DEFLATE], ids=["raw", "deflate"])
@pytest.mark.parametrize("name", KINDS)
def test_a_tiff_that_is_cut_anywhere_is_refused(name: str, compression: int, capfd: pytest.CaptureFixture[str]) -> None:
    pixels, photometric, tags, right, _ = KINDS[name]
    data = tiff_file(pixels, photometric, compression=compression, tags=tags)
    for size in range(4, len(data), 3):
        with pytest.raises(ValueError, match="the TIFF image"):
            decode(data[:size], right.shape)
    assert capfd.readouterr() == ("", "")


# Standard error


def test_one_thread_at_a_time_holds_back_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A TIFF and a JPEG that lacks its end both divert the descriptor. If they did at once, it would stay diverted."""
    inside: list[int] = []
    most: list[int] = []

    @contextmanager
    def watched(**_: bool) -> Iterator[None]:
        inside.append(1)
        time.sleep(0.001)
        most.append(len(inside))
        yield
        inside.pop()

    for module in (images, pillow):
        monkeypatch.setattr(module, "stderr_held_back", watched)
    tiff, cut = tiff_file(BYTES[..., :3], RGB), jpeg(random_images(1, (16, 16, 3))[0])[:-2]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda job: decode(*job), [(tiff, (5, 8, 3)), (cut, (16, 16, 3))] * 20))
    assert len(most) == 20 * 3  # a TIFF is opened for its facts too
    assert set(most) == {1}


def test_tags_that_claim_more_than_the_file_holds_are_refused_at_once() -> None:
    """Pillow would copy the same bytes for each of them."""
    pixels = np.zeros((1000, 1000, 1), np.uint8)
    tags = {1000 + number: (LONG, [0]) for number in range(2000)}
    data = bytearray(tiff_file(pixels, GREY, tags=tags))
    entry = struct.pack("<HHI", 1000, LONG, 1)
    for number in range(2000):
        at = data.index(struct.pack("<HHI", 1000 + number, LONG, 1))
        data[at + len(entry) - 4 : at + len(entry) + 4] = struct.pack("<II", 200_000, 8)
    before = time.process_time()
    with pytest.raises(ValueError, match=r"^the TIFF image is damaged: its tags claim more than 4,.* bytes$"):
        image_facts(bytes(data))
    assert time.process_time() - before < 0.5


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_a_few_tags_may_share_their_bytes(order: str) -> None:
    tags = {1000 + number: (SHORT, list(range(100))) for number in range(4)}
    data = tiff_file(BYTES, RGB, order=order, tags={**tags, **extra(STRAIGHT)})
    np.testing.assert_array_equal(decode(data, BYTES.shape), BYTES)
