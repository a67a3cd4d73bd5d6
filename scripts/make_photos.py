"""Make a folder of photographs of many sizes and kinds: FOLDER/train/CLASS/* and FOLDER/test/CLASS/*.

    python scripts/make_photos.py photos

They are cut from the photographs that scikit-image ships (its LICENSE.txt names their free licences), and saved in all
the ways that people's photographs are: JPEG of several kinds, turned by EXIF, grey, CMYK; PNG with palettes, with
transparency, of 16 bits; WebP, GIF, BMP, TIFF. The same call always makes the same pictures. Two files are damaged if
that is asked for.
"""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("astronaut", "camera", "chelsea", "coffee", "coins", "gravel", "motorcycle_left", "rocket")
TRAIN, TEST = 40, 10  # of each class
_ORIENTATION = 0x0112


def photographs() -> dict[str, Image.Image]:
    """The photographs that the pictures are cut from, by class."""
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    found = {name: next(folder.glob(f"{name}.*")) for name in CLASSES}
    return {name: Image.open(path).convert("RGB") for name, path in found.items()}


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def turned(image: Image.Image, orientation: int) -> bytes:
    """A JPEG whose EXIF says how it is to be turned."""
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return saved(image, "JPEG", quality=92, exif=exif)


def transparent(image: Image.Image) -> Image.Image:
    ramp = np.linspace(60, 255, image.width).astype(np.uint8)
    return Image.fromarray(np.dstack([np.asarray(image), np.tile(ramp, (image.height, 1))]), "RGBA")


def deep(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257)


KINDS: tuple[tuple[str, Callable[[Image.Image], bytes]], ...] = (
    *(("jpg", lambda image: saved(image, "JPEG", quality=90)),) * 8,  # most photographs are such
    ("jpg", lambda image: saved(image, "JPEG", quality=85, progressive=True)),
    ("jpg", lambda image: saved(image.convert("L"), "JPEG", quality=90)),
    ("jpg", lambda image: saved(image.convert("CMYK"), "JPEG", quality=90)),
    ("jpg", lambda image: turned(image, 6)),
    ("jpg", lambda image: turned(image, 3)),
    ("jpg", lambda image: saved(image, "PNG")),  # its name is wrong
    ("png", lambda image: saved(image, "PNG")),
    ("png", lambda image: saved(image.quantize(64), "PNG")),
    ("png", lambda image: saved(transparent(image), "PNG")),
    ("png", lambda image: saved(deep(image), "PNG")),
    ("webp", lambda image: saved(image, "WEBP", quality=90)),
    ("gif", lambda image: saved(image.quantize(64), "GIF")),
    ("bmp", lambda image: saved(image, "BMP")),
    ("tiff", lambda image: saved(image, "TIFF", compression="tiff_lzw")),
)
"""Endings of names, and how a picture is saved."""


def cut(photo: Image.Image, rng: np.random.Generator, split: str) -> Image.Image:
    """A part of a photograph at another scale: of its left two thirds for training, of the rest for testing."""
    edge = photo.width * 2 // 3
    left, right = (0, edge) if split == "train" else (edge, photo.width)
    width, height = (int(side * rng.uniform(0.5, 1)) for side in (right - left, photo.height))
    x, y = left + int(rng.integers(right - left - width + 1)), int(rng.integers(photo.height - height + 1))
    scale = rng.uniform(0.4, 1.2)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    return photo.crop((x, y, x + width, y + height)).resize(size, Image.Resampling.BICUBIC)


def make(folder: Path, *, train: int = TRAIN, test: int = TEST, damaged: bool = False) -> None:
    """Write the pictures. train, test: of each class. damaged: cut one file short, and let one hold a web page."""
    rng, number = np.random.default_rng(0), 0
    photos = photographs()
    for split, count in (("train", train), ("test", test)):
        for name in CLASSES:
            (folder / split / name).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                ending, save = KINDS[number % len(KINDS)]
                path = folder / split / name / f"{name}-{index:03d}.{ending}"
                path.write_bytes(save(cut(photos[name], rng, split)))
                number += 1
    if damaged:
        first = sorted((folder / "train" / CLASSES[0]).iterdir())
        first[1].write_bytes(first[1].read_bytes()[:2000])
        first[2].write_bytes(b"<html>404 Not Found</html>")


if __name__ == "__main__":
    make(Path(sys.argv[1]), damaged="--damaged" in sys.argv[2:])
