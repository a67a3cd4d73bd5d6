"""WebP, GIF, BMP and TIFF: their pixels beside Pillow's own, damage told as such, and nothing said aloud."""

import io
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from mixup_pipeline.records.images import decode, image_facts
from tests.datasets import random_images

RGB = random_images(1, (9, 13, 3))[0]
DEEP = np.random.default_rng(3).integers(0, 2**16, (9, 13), np.uint16)
FULL = Image.fromarray(RGB)
ALPHA = Image.fromarray(np.dstack([RGB, random_images(1, (9, 13, 1))[0]]), "RGBA")
FRAMES = [Image.fromarray(np.full_like(RGB, value)) for value in (0, 255)]


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


FILES: dict[str, tuple[bytes, str]] = {
    "webp lossless": (saved(FULL, "WEBP", lossless=True), "RGB"),
    "webp lossy": (saved(FULL, "WEBP", quality=80), "RGB"),
    "webp alpha": (saved(ALPHA, "WEBP", lossless=True, exact=True), "RGBA"),
    "webp animated": (saved(FULL, "WEBP", save_all=True, append_images=FRAMES, lossless=True), "RGB"),
    "gif": (saved(FULL.quantize(32), "GIF"), "palette"),
    "gif grey": (saved(FULL.convert("L"), "GIF"), "palette"),
    "gif transparent": (saved(FULL.quantize(32), "GIF", transparency=3), "palette with alpha"),
    "gif animated": (
        saved(FULL.quantize(32), "GIF", save_all=True, append_images=[frame.quantize(2) for frame in FRAMES]),
        "palette",
    ),
    "bmp": (saved(FULL, "BMP"), "RGB"),
    "bmp grey": (saved(FULL.convert("L"), "BMP"), "grey"),
    "bmp palette": (saved(FULL.quantize(16), "BMP"), "palette"),
    "bmp one bit": (saved(FULL.convert("1"), "BMP"), "grey"),
    "bmp of 32 bits": (saved(ALPHA, "BMP"), "RGB"),
    **{
        f"tiff {how}": (saved(FULL, "TIFF", compression=how), "RGB")
        for how in ("raw", "tiff_lzw", "tiff_deflate", "packbits", "tiff_adobe_deflate")
    },
    "tiff grey": (saved(FULL.convert("L"), "TIFF"), "grey"),
    "tiff one bit": (saved(FULL.convert("1"), "TIFF", compression="group4"), "grey"),
    "tiff palette": (saved(FULL.quantize(32), "TIFF"), "palette"),
    "tiff alpha": (saved(ALPHA, "TIFF"), "RGBA"),
    "tiff grey alpha": (saved(ALPHA.convert("LA"), "TIFF"), "grey with alpha"),
    "tiff cmyk": (saved(FULL.convert("CMYK"), "TIFF"), "CMYK"),
    "tiff pages": (saved(FULL, "TIFF", save_all=True, append_images=FRAMES), "RGB"),
}


def first_picture(data: bytes, mode: str) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert(mode))


@pytest.mark.parametrize("name", FILES)
def test_pixels_are_those_of_pillow(name: str) -> None:
    data, colours = FILES[name]
    facts = image_facts(data)
    assert (facts.colours, facts.height, facts.width, facts.depth) == (colours, 9, 13, 8)
    assert facts.format.lower() == name.split(maxsplit=1)[0]
    assert facts.animated == ("animated" in name or "pages" in name)
    assert (decode(data, (9, 13, 4)) == first_picture(data, "RGBA")).all()
    if not facts.has_alpha:
        assert (decode(data, (9, 13, 3)) == first_picture(data, "RGB")).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_transparency_is_laid_over_white(channels: int) -> None:
    white = Image.new("RGBA", ALPHA.size, (255, 255, 255, 255))
    expected = np.asarray(Image.alpha_composite(white, ALPHA).convert("RGB" if channels == 3 else "L"), int)
    for name in ("webp alpha", "tiff alpha"):
        found = decode(FILES[name][0], (9, 13, channels))
        assert np.abs(found.reshape(expected.shape) - expected).max() <= 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bits_of_grey_are_rounded(order: str) -> None:
    image = Image.frombytes("I;16" if order == "<" else "I;16B", (13, 9), DEEP.astype(f"{order}u2").tobytes())
    data = saved(image, "TIFF")
    assert image_facts(data).depth == 16
    assert (decode(data, (9, 13, 1))[..., 0] == (DEEP.astype(int) + 128) // 257).all()


def test_sixteen_bits_of_rgb_are_rounded() -> None:
    import cv2

    deep = np.random.default_rng(4).integers(0, 2**16, (9, 13, 3), np.uint16)
    done, data = cv2.imencode(".tiff", deep[..., ::-1])
    assert done
    assert image_facts(data.tobytes())[3:5] == ("RGB", 16)
    assert (decode(data.tobytes(), (9, 13, 3)) == (deep.astype(int) + 128) // 257).all()


@pytest.mark.parametrize("mode", ["F", "I"])
def test_floats_and_signed_numbers_are_refused(mode: str) -> None:
    data = saved(FULL.convert("L").convert(mode), "TIFF")
    with pytest.raises(ValueError, match=rf"the TIFF image has pixels of mode {mode}: allowed are"):
        image_facts(data)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_orientations_in_webp_and_tiff_are_read(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("WEBP", "TIFF"):
        assert (
            image_facts(saved(FULL, kind, exif=exif.tobytes() if kind == "WEBP" else exif)).orientation == orientation
        )


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_is_whole_or_refused(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    data, _ = FILES[name]
    whole = decode(data, (9, 13, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for size in range(0, len(data), 1 + len(data) // 150):
            try:
                found = decode(data[:size], (9, 13, 4))
            except ValueError:
                continue
            assert (found == whole).all()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_raises_nothing_but_a_value_error(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    data, rng = bytearray(FILES[name][0]), np.random.default_rng(5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for position, bit in zip(
            rng.integers(0, len(data), 150).tolist(), rng.integers(0, 8, 150).tolist(), strict=True
        ):
            data[position] ^= 1 << bit
            try:
                facts = image_facts(bytes(data))
                if facts.height * facts.width < 10**6:
                    decode(bytes(data), facts.shape(turned=True))
            except ValueError:
                pass
            data[position] ^= 1 << bit
    assert capfd.readouterr() == ("", "")
