"""What the rows of arrays become, and what happens to arrays that are damaged."""

import contextlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.errors import MixupError, RecordError, SourceError
from mixup_pipeline.sources import find_files
from mixup_pipeline.sources.file_formats import file_stamps, format_of
from mixup_pipeline.sources.file_formats import npy as npy_module
from tests.damage import cut, flip
from tests.reference import read_output
from tests.sources.arrays import CLASSES, COLOUR, COUNT, GREY, VECTORS, npz, opened
from tests.sources.records_of import records_of


@pytest.mark.parametrize(
    ("values", "shape"),
    [(GREY, (6, 5, 1)), (GREY[..., None], (6, 5, 1)), (COLOUR, (6, 5, 3)), (COLOUR[..., [0, 1, 2, 0]], (6, 5, 4))],
)
def test_uint8_images(tmp_path: Path, values: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    source = opened(npz(tmp_path, x=values, y=CLASSES))
    assert (source.spec.encoding, source.spec.shape) == ("raw", shape)
    assert [record["x"] for record in records_of(source)] == [[image.tobytes()] for image in values]


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    "values",
    [
        VECTORS,
        VECTORS.astype(">f8"),
        VECTORS.astype(np.float16),
        VECTORS.reshape(COUNT, 7, 1, 1),
        np.arange(COUNT * 12).reshape(COUNT, 2, 3, 2) - 100,
        np.arange(COUNT * 4, dtype=">u2").reshape(COUNT, 4),
        GREY.reshape(COUNT, -1),
        VECTORS > 0,
    ],
)
def test_numbers_become_float32(tmp_path: Path, values: npt.NDArray[Any], order: Any, compressed: bool) -> None:
    save = np.savez_compressed if compressed else np.savez
    stored = np.array(values, values.dtype, order=order)
    save(tmp_path / "a.npz", x=stored, y=CLASSES)
    np.save(tmp_path / "x.npy", stored)
    np.save(tmp_path / "y.npy", CLASSES)
    for name, key in (("a.npz", "x"), ("x.npy", "x.npy")):
        source = opened(tmp_path / name)
        assert (source.spec.encoding, source.spec.shape) == ("vector", values.shape[1:])
        found = np.array([record[key] for record in records_of(source)], np.float32)
        assert (found == values.reshape(COUNT, -1).astype(np.float32)).all()


@pytest.mark.parametrize("chunk_bytes", [1, 100, 10**6])
def test_any_size_of_the_pieces_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    monkeypatch.setattr("mixup_pipeline.sources.file_formats.arrays._CHUNK_BYTES", chunk_bytes)
    source = opened(npz(tmp_path, x=COLOUR, y=CLASSES))
    assert [(record["x"][0], record["y"][0]) for record in records_of(source)] == [
        (image.tobytes(), label) for image, label in zip(COLOUR, CLASSES, strict=True)
    ]


@pytest.mark.parametrize(
    ("value", "dtype", "said"),
    [
        (np.nan, "f8", "nan at [3], which is not finite"),
        (-np.inf, "f4", "-inf at [3], which is not finite"),
        (1e300, "f8", "1e+300 at [3], which float32 does not hold"),
        (2**24 + 1, "i4", "16777217 at [3], which float32 does not hold exactly"),
        (2**63 + 1, "u8", "9223372036854775809 at [3], which float32 does not hold exactly"),
    ],
)
def test_a_value_that_float32_does_not_hold_is_a_fault_of_its_row(
    tmp_path: Path, value: Any, dtype: str, said: str
) -> None:
    values = np.zeros((COUNT, 7), dtype)
    values[:, 1] = 2**24
    values[7, 3] = value
    asked = SourceConfig(src=str(npz(tmp_path, x=values, y=CLASSES)), num_classes=3)
    with pytest.raises(RecordError, match=re.escape(f"data.npz: row 7: array 'x' holds {said}")):
        augment(asked, tmp_path / "out")
    augment(asked, tmp_path / "skipped", MixConfig(on_bad_record="skip"))
    assert len(read_output(tmp_path / "skipped")) == COUNT - 1


def test_a_text_that_is_empty_is_a_fault_of_its_row(tmp_path: Path) -> None:
    labels = np.array(["a", "b", "c"])[CLASSES]
    labels[4] = ""
    source = opened(npz(tmp_path, x=VECTORS, y=labels), num_classes=None)
    assert source.class_names == ("a", "b", "c")
    assert records_of(source)[4] == {"mixup/fault": [b"array 'y' holds an empty text"]}


def converted(path: Path) -> None:
    source = opened(path)
    format_of(source.files[0]).convert(source.files[0], source.spec, path.parent / "converted")


@pytest.mark.parametrize("name", ["data.npz", "x.npy", "f/x.npy"])
@pytest.mark.parametrize("size", [0, 5, 60, 0.5, -1])
def test_a_file_that_is_cut_is_one_line(tmp_path: Path, name: str, size: float) -> None:
    npz(tmp_path, x=GREY, y=CLASSES)
    (tmp_path / "f").mkdir()
    for folder, values in (("", GREY), ("f", np.asfortranarray(GREY))):
        np.save(tmp_path / folder / "x.npy", values)
        np.save(tmp_path / folder / "y.npy", CLASSES)
    path = tmp_path / name
    whole = path.stat().st_size
    converted(path)
    cut(path, int(whole * size) if 0 < size < 1 else int(size) % whole)
    with pytest.raises(SourceError, match=rf"^{path.name}: (array '.*' cannot be read: .*|is no whole \.npz .*)$"):
        converted(path)


def test_damage_in_an_npz_is_found_by_its_checksum(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=GREY, y=CLASSES)
    converted(tmp_path / "a.npz")
    flip(tmp_path / "a.npz", (tmp_path / "a.npz").read_bytes().index(GREY[20].tobytes()))
    with pytest.raises(SourceError, match=r"^a\.npz: array 'x' cannot be read: Bad CRC-32"):
        converted(tmp_path / "a.npz")


@pytest.mark.parametrize("seed", range(60))
def test_any_damage_is_one_line_or_harmless(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    path = npz(tmp_path, x=GREY, y=CLASSES)
    for position in rng.integers(0, path.stat().st_size, 2):
        flip(path, int(position), int(rng.integers(1, 256)))
    with contextlib.suppress(MixupError):
        converted(path)


def test_a_file_of_python_2_is_read_without_a_warning(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (30L, 6L, 5L), }"
    content = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.ljust(117) + b"\n" + GREY.tobytes()
    (tmp_path / "x.npy").write_bytes(content)
    with (tmp_path / "x.npy").open("rb") as file:
        assert npy_module.read_header(file).shape == GREY.shape


def test_labels_beside_an_npy_are_in_its_stamp(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", GREY)
    np.save(tmp_path / "y.npy", CLASSES)
    files = find_files(SourceConfig(src=str(tmp_path / "x.npy")))
    before = file_stamps(files)
    assert file_stamps(files) == before
    np.save(tmp_path / "y.npy", CLASSES[::-1])
    assert file_stamps(files) != before
