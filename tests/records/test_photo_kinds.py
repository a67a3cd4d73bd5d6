"""Photographs of all kinds beside what is right for them, colours beside Pillow, and decoding at a part of the size."""

import io
import resource
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage
from PIL import Image

from mixup_pipeline.records import images
from mixup_pipeline.records.images import decode, image_facts
from mixup_pipeline.spec import ImageOptions
from tests.datasets import random_images
from tests.records.test_images import GREY, GREY_ALPHA, RGB, RGBA, chunk, png_file, png_of

DATA = Path(__file__).parents[1] / "data/images"
GOOD, BAD = sorted((DATA / "good").iterdir()), sorted((DATA / "bad").iterdir())
SAID = {
    "chunk_length.png": "no sound chunk begins at byte 33",
    "empty.jpg": "it starts with nothing",
    "float.tiff": "pixels of mode F",
    "half.jpg": "the JPEG image is damaged",
    "half.png": "no sound chunk begins at byte 33",
    "header_60000.png": "its header says 60000x60000",
    "text.jpg": "none of JPEG, PNG, WebP, GIF, BMP and TIFF",
}


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_every_kind_has_the_right_pixels(path: Path) -> None:
    data, right = path.read_bytes(), np.load(DATA / "expected.npz")[path.name]
    assert image_facts(data).shape(turned=True)[:2] == right.shape[:2]
    difference = np.abs(decode(data, right.shape).astype(int) - right)
    assert difference.mean() <= 2 if image_facts(data).format == "JPEG" else difference.max() <= 1


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_every_bad_kind_is_refused_with_its_reason(path: Path) -> None:
    before, peak = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=SAID[path.name]):
        image_facts(path.read_bytes())
    assert time.process_time() - before < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 100_000  # kB


# Colours


SMALL = random_images(1, (11, 17, 3))[0]
SMOOTH = cv2.resize(random_images(1, (5, 6, 3))[0], (64, 48), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("inverted", [False, True], ids=["CMYK", "YCCK"])
def test_inks_are_read_as_pillow_reads_them(inverted: bool) -> None:
    """The Adobe marker of the second says that its first three channels are YCC; Pillow writes none such."""
    data = saved(Image.fromarray(SMOOTH).convert("CMYK"), "JPEG", quality=95, subsampling=0)
    if inverted:
        position = data.index(b"Adobe") + 11
        data = data[:position] + b"\x02" + data[position + 1 :]
    assert image_facts(data).colours == "CMYK"
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int)
    assert np.abs(decode(data, expected.shape) - expected).max() <= 2


@pytest.mark.parametrize("transparency", [None, 3, bytes(range(0, 256, 4))])
def test_palettes_are_read_as_pillow_reads_them(transparency: Any) -> None:
    more = {} if transparency is None else {"transparency": transparency}
    data = saved(Image.fromarray(SMALL).quantize(64), "PNG", **more)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    assert (decode(data, expected.shape) == expected).all()
    assert image_facts(data).has_alpha == (transparency is not None)


def test_grey_with_alpha_is_read_as_pillow_reads_it() -> None:
    image = random_images(1, (11, 17, 2))[0]
    data = png_of(image, GREY_ALPHA)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    assert (decode(data, expected.shape) == expected).all()


@pytest.mark.parametrize(("colour", "channels"), [(GREY, 1), (RGB, 3), (GREY_ALPHA, 2), (RGBA, 4)])
def test_sixteen_bits_are_rounded(colour: int, channels: int) -> None:
    deep = np.random.default_rng(0).integers(0, 2**16, (7, 5, channels), np.uint16)
    data = png_file(5, 7, colour, [row.astype(">u2").tobytes() for row in deep], depth=16)
    expected = (deep.astype(int) + 128) // 257
    if colour == GREY_ALPHA:
        expected = np.concatenate([np.repeat(expected[..., :1], 3, axis=2), expected[..., 1:]], axis=2)
    assert image_facts(data).depth == 16
    assert (decode(data, expected.shape) == expected).all()


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_one_transparent_grey(depth: int) -> None:
    values = np.arange(4) % 2**depth
    packed = {1: b"\x50", 2: b"\x1b", 4: b"\x01\x23", 8: bytes(4), 16: bytes(8)}[depth]
    if depth >= 8:
        packed = values.astype(">u2" if depth == 16 else "u1").tobytes()
    data = png_file(4, 1, GREY, [packed], depth=depth, before=chunk(b"tRNS", b"\0\1"))
    assert decode(data, (1, 4, 4))[0, :, 3].tolist() == [255 * (value != 1) for value in values.tolist()]
    white = decode(data, (1, 4, 1))[0, :, 0]
    assert (white[values == 1] == 255).all()


@pytest.mark.parametrize("depth", [8, 16])
def test_one_transparent_colour(depth: int) -> None:
    pixels = np.array([[1, 2, 3], [1, 2, 4], [3, 2, 1], [1, 2, 3]])
    row = pixels.astype(">u2" if depth == 16 else "u1").tobytes()
    data = png_file(4, 1, RGB, [row], depth=depth, before=chunk(b"tRNS", bytes([0, 1, 0, 2, 0, 3])))
    assert decode(data, (1, 4, 4))[0, :, 3].tolist() == [0, 255, 255, 0]


@pytest.mark.parametrize("size", [0, 1, 3, 8])
def test_a_transparent_colour_of_another_length_is_damage(size: int) -> None:
    data = png_file(4, 1, RGB, [bytes(12)], before=chunk(b"tRNS", bytes(size)))
    with pytest.raises(ValueError, match=f"its transparent colour takes {size} bytes"):
        decode(data, (1, 4, 4))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("stored", [1, 3, 4])
def test_channels_are_made_as_pillow_makes_them(stored: int, channels: int) -> None:
    image = random_images(1, (11, 17, stored))[0]
    data = png_of(image, {1: GREY, 3: RGB, 4: RGBA}[stored])
    opened = Image.open(io.BytesIO(data)).convert("RGBA")
    if channels != 4:
        opened = Image.alpha_composite(Image.new("RGBA", opened.size, (255, 255, 255, 255)), opened)
    expected = np.asarray(opened.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels]), int).reshape(11, 17, channels)
    assert np.abs(decode(data, expected.shape) - expected).max() <= 1


# A part of the size


def photo(height: int, width: int, seed: int) -> npt.NDArray[np.uint8]:
    """Large shapes, with fine texture on them, as photographs have."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.integers(0, 256, (9, 12, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    middle = cv2.resize(rng.normal(0, 20, (height // 16, width // 16, 3)), (width, height))
    return np.clip(coarse + middle + rng.normal(0, 6, (height, width, 1)), 0, 255).astype(np.uint8)


PHOTO_SIZES = [(3000, 4000), (2000, 3000), (1203, 1601), (640, 480)]


@cache
def photo_file(size: tuple[int, int]) -> bytes:
    return saved(Image.fromarray(photo(*size, seed=PHOTO_SIZES.index(size))), "JPEG", quality=90)


@pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("side", [224, 64, 32])
@pytest.mark.parametrize("size", PHOTO_SIZES, ids=str)
def test_decoding_at_a_part_of_the_size_is_near_decoding_in_full(
    size: tuple[int, int], side: int, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, options = photo_file(size), ImageOptions(size=(side, side), resize=how)
    found = decode(data, (side, side, 3), options).astype(float)
    monkeypatch.setattr(images, "_scale", lambda *_: 1)
    full = decode(data, (side, side, 3), options)
    error = ((found - full) ** 2).mean()
    assert psnr(error) >= 38


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_grey_inks_and_turned_photographs_are_decoded_at_a_part_too(
    mode: str, orientation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(photo(641, 483, seed=9)).convert(mode)
    data = saved(image, "JPEG", quality=90, exif=exif)
    scales, scale_of = [], images._scale
    for size in ((64, 64), (100, 40), (40, 100)):
        for how in ("crop", "pad", "stretch"):
            options = ImageOptions(size=size, resize=how)
            scales.append(scale_of(image_facts(data).shape(turned=True)[:2], size, how))  # type: ignore[arg-type]
            found = decode(data, (*size, 3), options).astype(float)
            with monkeypatch.context() as patch:
                patch.setattr(images, "_scale", lambda *_: 1)
                error = ((found - decode(data, (*size, 3), options)) ** 2).mean()
            assert psnr(error) >= 36
    assert max(scales) > 1


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(("size", "target"), [((500, 741), (64, 20)), ((741, 500), (20, 64)), ((1203, 801), (64, 64))])
def test_padding_is_the_same_whether_decoded_at_a_part_or_in_full(
    size: tuple[int, int], target: tuple[int, int], orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.new("RGB", size[::-1], (255, 255, 255))
    options = ImageOptions(size=target, resize="pad")
    assert images._scale(size if orientation == 1 else size[::-1], target, "pad") > 1
    jpeg, png = (decode(saved(image, kind, exif=exif), (*target, 3), options) for kind in ("JPEG", "PNG"))
    np.testing.assert_array_equal(jpeg, png)


def psnr(error: float) -> float:
    """In dB, of a mean squared error of 8 bit pixels."""
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


REAL = ("astronaut", "chelsea", "coffee", "gravel", "hubble_deep_field", "motorcycle_left", "rocket")


@pytest.mark.parametrize("name", REAL)
def test_the_same_with_real_photographs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `records.images` says; gravel has most detail."""
    (path,) = (Path(skimage.__file__).parent / "data").glob(f"{name}.*")
    with Image.open(path) as opened:
        data = saved(opened.convert("RGB"), "JPEG", quality=90)
    height, width = (int(side) for side in image_facts(data).shape(turned=True)[:2])
    in_full = lambda *_: 1  # noqa: E731
    scale_of, found = images._scale, []
    for side in range(16, min(height, width) // 4, 9):
        if scale_of((height, width), (side, side), "crop") == 1:
            continue
        options = ImageOptions(size=(side, side))
        part = decode(data, (side, side, 3), options).astype(float)
        monkeypatch.setattr(images, "_scale", in_full)
        error = ((part - decode(data, (side, side, 3), options)) ** 2).mean()
        monkeypatch.setattr(images, "_scale", scale_of)
        found.append(psnr(error))
    assert found
    assert min(found) >= 32
    assert np.median(found) >= 34


@pytest.mark.parametrize(
    ("size", "side", "scale"),
    [
        ((3000, 4000), 224, 4),
        ((3000, 4000), 187, 8),
        ((3000, 4000), 1000, 1),
        ((448, 448), 112, 2),
        ((447, 447), 111, 1),  # an odd pixel is more than an eighth of one of the target
        ((1203, 1601), 64, 2),  # three pixels would be more than that at 1/4 and 1/8,
    ],
)
def test_the_part_is_at_least_twice_as_fine_as_the_target(size: tuple[int, int], side: int, scale: int) -> None:
    assert images._scale(size, (side, side), "crop") == scale
    assert scale == 1 or min(size) / scale >= 2 * side


@pytest.mark.slow
def test_an_image_that_claims_a_hundred_million_pixels_takes_bounded_memory(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "from mixup_pipeline.records.images import decode, image_facts\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n"
        "    decode(open(sys.argv[1], 'rb').read(), (10000, 10000, 3))\n"
        "except ValueError as error:\n"
        "    print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    path = tmp_path / "large.png"
    path.write_bytes(png_file(10_000, 10_000, RGB, [bytes(30_000)]))
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    said, kilobytes = done.stdout.splitlines()
    assert "damaged" in said
    assert int(kilobytes) < 1_100_000
