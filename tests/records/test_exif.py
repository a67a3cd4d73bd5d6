"""The orientation in EXIF: all eight, beside Pillow; a block that is broken says nothing and raises nothing."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from mixup_pipeline.records.exif import orientation_of, upright
from mixup_pipeline.records.images import decode, image_facts
from mixup_pipeline.spec import ImageOptions
from tests.datasets import random_images


def block(orientation: int, order: str = "<", *, kind: int = 3, before: int = 2) -> bytes:
    """An EXIF block by hand: `before` other tags, then the orientation."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    tags = [struct.pack(f"{order}HHII", 0x0100 + number, 4, 1, 7) for number in range(before)]
    tags.append(struct.pack(f"{order}HHIHH", 0x0112, kind, 1, orientation, 0))
    return mark + struct.pack(f"{order}IH", 8, len(tags)) + b"".join(tags) + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_are_read_in_both_byte_orders(orientation: int, order: str) -> None:
    assert orientation_of(block(orientation, order)) == orientation
    assert orientation_of(b"Exif\0\0" + block(orientation, order)) == orientation


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_equals_pillow(orientation: int) -> None:
    image = random_images(1, (5, 7, 3))[0]
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(file.getvalue()))))
    assert (upright(image, orientation) == expected).all()
    assert (decode(file.getvalue(), expected.shape) == expected).all()
    assert (decode(file.getvalue(), image.shape, ImageOptions(exif="ignore")) == image).all()
    assert image_facts(file.getvalue()).shape(turned=True) == expected.shape


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_upright(orientation: int) -> None:
    assert orientation_of(block(orientation)) == 1


@pytest.mark.parametrize(
    "broken", [b"", b"II*\0", b"XX*\0" + bytes(20), block(6, kind=4), b"II*\0\xff\xff\xff\x7f" + block(6)[8:]]
)
def test_a_broken_block_is_upright(broken: bytes) -> None:
    assert orientation_of(broken) == 1


def test_a_block_that_is_cut_is_read_or_upright() -> None:
    whole = block(6)
    assert {orientation_of(whole[:size]) for size in range(len(whole))} == {1, 6}


@given(st.binary(max_size=200), st.sampled_from([b"II*\0", b"MM\0*"]), st.integers(0, 40))
def test_no_bytes_raise(noise: bytes, mark: bytes, start: int) -> None:
    assert orientation_of(mark + start.to_bytes(4, "little" if mark == b"II*\0" else "big") + noise) in range(1, 9)
