"""NumPy arrays: which of them are input and label, which are refused, and whole runs."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from skimage import data as photographs

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.errors import RecordError, SourceError, SplitError, UsageError
from tests.reference import mix_pixels, read_output
from tests.sources.arrays import CLASSES, COUNT, GREY, VECTORS, npz, opened
from tests.sources.records_of import records_of


def chosen(path: Path, **options: Any) -> tuple[str, str]:
    spec = opened(path, **options).spec
    return spec.input_key, spec.label_key


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("x", "y"),
        ("X", "y"),
        ("images", "labels"),
        ("data", "target"),
        ("features", "labels"),
        ("train_data", "train_targets"),
    ],
)
def test_pairs_are_found_by_their_names(tmp_path: Path, image: str, label: str) -> None:
    others = {f"{kind}{image.removesuffix('data')}": values for kind, values in (("a_", VECTORS), ("b_", CLASSES))}
    path = npz(tmp_path, **{image: VECTORS, label: CLASSES} | others)
    assert chosen(path) == (image, label)


def test_keys_name_what_is_not_called_so(tmp_path: Path) -> None:
    path = npz(tmp_path, a=VECTORS, b=VECTORS, c=CLASSES, d=CLASSES)
    with pytest.raises(UsageError, match=r"image-key is needed: data\.npz has 2 that it could be: a, b \(float64 7\)"):
        opened(path)
    assert chosen(path, image_key="b", label_key="c") == ("b", "c")
    with pytest.raises(UsageError, match=r"label-key e: data\.npz has no feature 'e'; it has a, b \(float64 7\), c, d"):
        opened(path, image_key="b", label_key="e")


def keras_mnist(folder: Path) -> Path:
    return npz(folder, x_train=GREY, y_train=CLASSES, x_test=GREY[:9], y_test=CLASSES[:9])


def test_a_split_is_told_by_the_names_of_arrays(tmp_path: Path) -> None:
    path = keras_mnist(tmp_path)
    source = opened(path)
    assert (source.spec.input_key, source.spec.label_key, source.split) == ("x_train", "y_train", "train")
    assert source.origin is not None
    assert "left out, as they are not of train: x_test, y_test" in source.origin.notes
    assert chosen(path, split="test", allow_eval_split=True) == ("x_test", "y_test")
    with pytest.raises(UsageError, match="split 'test' is for evaluation"):
        opened(path, split="test")
    with pytest.raises(UsageError, match=r"label-key y_test: data\.npz has no feature"):
        opened(path, image_key="x_test", label_key="y_test")
    with pytest.raises(SplitError, match=r"split 'val': data\.npz has arrays of test, train"):
        opened(path, split="val", allow_eval_split=True)


def test_arrays_of_an_evaluation_split_alone(tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="has arrays of test"):
        opened(npz(tmp_path, x_test=GREY, y_test=CLASSES))
    assert chosen(npz(tmp_path, x=GREY, y=CLASSES, x_val=GREY, y_val=CLASSES)) == ("x", "y")
    np.savez(tmp_path / "test.npz", x=GREY, y=CLASSES)
    with pytest.raises(UsageError, match="its files are of split 'test', which is for evaluation"):
        opened(tmp_path / "test.npz")


@pytest.mark.parametrize(
    ("image", "label"),
    [("x", "y"), ("X", "y"), ("images", "labels"), ("x_train", "y_train"), ("train_images", "train_labels")],
)
def test_labels_are_found_beside_an_npy(tmp_path: Path, image: str, label: str) -> None:
    for name, values in ((image, GREY), (label, CLASSES), ("z", VECTORS)):
        np.save(tmp_path / f"{name}.npy", values)
    assert chosen(tmp_path / f"{image}.npy") == (f"{image}.npy", f"{label}.npy")
    assert chosen(tmp_path / f"{image}.npy", label_key="z.npy", num_classes=None) == (f"{image}.npy", "z.npy")


def test_labels_that_are_not_beside_an_npy(tmp_path: Path) -> None:
    for name, values in (("a", GREY), ("b", CLASSES), ("y_test", CLASSES)):
        np.save(tmp_path / f"{name}.npy", values)
    with pytest.raises(UsageError, match=r"label-key is needed: .* labels of a\.npy; beside it is b\.npy, y_test\.npy"):
        opened(tmp_path / "a.npy")
    with pytest.raises(UsageError, match=r"label-key c\.npy: there is no such file beside a\.npy; there is b\.npy"):
        opened(tmp_path / "a.npy", label_key="c.npy")
    with pytest.raises(UsageError, match="split 'test'"):
        opened(tmp_path / "a.npy", label_key="y_test.npy")
    with pytest.raises(UsageError, match=r"matches 3 \.npy files: give one"):
        opened(tmp_path / "*.npy")


@pytest.mark.parametrize(
    ("labels", "kind", "classes"),
    [
        (CLASSES, "class", 3),
        (CLASSES[:, None].astype(np.uint8), "class", 3),
        (CLASSES.astype(">i2"), "class", 3),
        (CLASSES == 0, "class", 2),
        (np.array(["b", "ü", "a"])[CLASSES], "class", 3),
        (np.array([b"b", b"c", b"a"])[CLASSES], "class", 3),
        (np.eye(3)[CLASSES], "soft", 3),
        (np.eye(3, dtype=np.int64)[CLASSES], "soft", 3),
        (np.full((COUNT, 4), 0.25, np.float32), "soft", 4),
    ],
)
def test_labels(tmp_path: Path, labels: npt.NDArray[Any], kind: str, classes: int) -> None:
    told = labels.dtype.kind in "bUS" or kind == "soft"
    source = opened(npz(tmp_path, x=VECTORS, y=labels), num_classes=None if told else 3)
    assert (source.spec.label_kind, source.spec.num_classes) == (kind, classes)
    found = [record["y"] for record in records_of(source)]
    if labels.dtype.kind in "US":
        assert source.class_names == tuple(
            sorted({str(label, "utf-8") if isinstance(label, bytes) else str(label) for label in labels})
        )
        assert [text.decode() for [text] in found] == labels.astype(str).tolist()
    else:
        assert found == labels.reshape(COUNT, -1).astype(np.float64).tolist()


def test_real_numbers_to_predict(tmp_path: Path) -> None:
    path = npz(tmp_path, x=VECTORS, y=VECTORS[:, 0], z=VECTORS[:, :2])
    assert opened(path, num_classes=None, label_kind="regression").spec.num_classes == 1
    assert opened(path, num_classes=None, label_kind="regression", label_key="z").spec.num_classes == 2


def test_integers_of_more_than_64_bits_are_bad_records(tmp_path: Path) -> None:
    large = CLASSES.astype(np.uint64)
    large[2] += 2**63
    path = npz(tmp_path, x=VECTORS, y=CLASSES, k=large)
    said = rf"row 2: array 'k' holds {large[2]}, an integer of more than 64 bits"
    with pytest.raises(RecordError, match=said):
        augment(SourceConfig(src=str(path), keep="k"), tmp_path / "out")


@pytest.mark.parametrize("first", [0, 1])
def test_integers_tell_how_many_classes_there_are(tmp_path: Path, first: int) -> None:
    spec = opened(npz(tmp_path, x=VECTORS, y=CLASSES + first), num_classes=None).spec
    assert (spec.num_classes, spec.first_class) == (3, first)


@pytest.mark.parametrize(
    ("labels", "options", "expected"),
    [
        (CLASSES + 1, {"class_names": "a,b,c"}, (3, 1)),
        (CLASSES, {"class_names": "a,b,c,d"}, (4, 0)),
        (CLASSES + 1, {"num_classes": 3}, (3, 1)),
        (CLASSES + 1, {"num_classes": 4}, (4, 0)),
        (CLASSES + 5, {"first_class": 5}, (3, 5)),
        (CLASSES - 1, {"first_class": -1, "class_names": "a,b,c"}, (3, -1)),
        (CLASSES + 2, {"num_classes": 9}, (9, 0)),
    ],
)
def test_what_is_given_says_where_classes_start(
    tmp_path: Path, labels: Any, options: dict[str, Any], expected: tuple[int, int]
) -> None:
    spec = opened(npz(tmp_path, x=VECTORS, y=labels), **{"num_classes": None, **options}).spec
    assert (spec.num_classes, spec.first_class) == expected


@pytest.mark.parametrize("first", [-1, 2])
def test_integers_that_count_from_elsewhere_are_refused(tmp_path: Path, first: int) -> None:
    said = rf"label 'y' of data\.npz holds integers from {first} to {first + 2}: classes count from 0 or 1"
    with pytest.raises(UsageError, match=said):
        opened(npz(tmp_path, x=VECTORS, y=CLASSES + first), num_classes=None)


@pytest.mark.parametrize(
    ("one", "other"),
    [((6, 5), (5, 6)), ((4, 4, 3), (4, 12)), ((6,), (2, 3))],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_rows_of_another_shape_in_another_file_are_refused(
    tmp_path: Path, one: tuple[int, ...], other: tuple[int, ...], dtype: Any
) -> None:
    for number, shape in enumerate((one, other)):
        np.savez(tmp_path / f"a-{number}.npz", x=np.ones((COUNT, *shape), dtype), y=CLASSES)
    with pytest.raises((SourceError, UsageError), match=r"^a-1\.npz: array 'x' has rows of|--image-key x") as refused:
        opened(tmp_path / "a-*.npz", image_key="x")
    assert dtype is np.uint8 or "a-1.npz" in str(refused.value)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": GREY[:, None].repeat(3, 1)}, r"array 'x' holds uint8 3x6x5, channels first: store np\.moveaxis"),
        ({"x": np.array([{}] * COUNT)}, "array 'x' holds Python objects, which are pickles and never loaded"),
        ({"y": np.array([None] * COUNT)}, "array 'y' holds Python objects"),
        ({"x": GREY[:20]}, "array 'x' has 20 rows, 'y' has 30"),
        ({"x": np.float32(3)}, "array 'x' has no dimensions"),
        ({"x": GREY[:0]}, "array 'x' is empty"),
        ({"x": np.zeros((COUNT, 0))}, r"array 'x' is empty \(30x0\)"),
        ({"x": VECTORS * 1j}, "array 'x' holds complex128 7, which is not read"),
        ({"x": np.zeros(COUNT, "M8[s]")}, "array 'x' holds datetime64"),
        ({"x": np.zeros((1, (64 << 20) + 1), np.uint8)}, "array 'x' has rows of uint8 67108865: allowed are 8 dim"),
    ],
)
def test_arrays_that_cannot_be_used(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    path = npz(tmp_path, **{"x": GREY, "y": CLASSES} | arrays)
    with pytest.raises(SourceError, match=r"^data\.npz: " + said):
        opened(path)


def test_no_pickle_is_ever_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}] * COUNT), allow_pickle=True)
    np.save(tmp_path / "y.npy", CLASSES)
    with pytest.raises(SourceError, match=r"array 'x\.npy' holds Python objects"):
        opened(tmp_path / "x.npy")


def test_other_files_in_an_npz_are_no_arrays(tmp_path: Path) -> None:
    path = npz(tmp_path, x=GREY, y=CLASSES)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("README.txt", "hello")
    assert chosen(path) == ("x", "y")
    np.savez(tmp_path / "none.npz")
    with pytest.raises(SourceError, match=r"none\.npz: holds no arrays"):
        opened(tmp_path / "none.npz")


def test_what_goes_along(tmp_path: Path) -> None:
    path = npz(tmp_path, x=VECTORS, y=CLASSES, age=VECTORS[:, 0], site=np.array(["n", "s"])[CLASSES % 2])
    source = opened(path, keep="age,site", group_key="site")
    assert set(records_of(source)[0]) == {"x", "y", "age", "site"}
    with pytest.raises(SourceError, match="array 'short' has 9 rows, 'x' has 30"):
        opened(npz(tmp_path, x=VECTORS, y=CLASSES, short=VECTORS[:9, 0]), keep="short")


def test_several_npz_files(tmp_path: Path) -> None:
    for part in range(3):
        np.savez(tmp_path / f"part-{part}.npz", x=GREY[part * 10 :][:10], y=CLASSES[part * 10 :][:10])
    source = opened(tmp_path / "part-*.npz")
    assert [file.name for file in source.files] == ["part-0.npz", "part-1.npz", "part-2.npz"]
    assert [record["x"] for record in records_of(source)] == [[image.tobytes()] for image in GREY]


def test_photographs_from_npz_to_shards_and_back(tmp_path: Path) -> None:
    """Real pixels: tiles of two photographs, whose photograph is the class."""
    photos = [photographs.astronaut(), photographs.chelsea()]  # type: ignore[no-untyped-call]
    tiles = np.array(
        [photo[y : y + 24, x : x + 32] for photo in photos for y in range(0, 96, 24) for x in (0, 64, 128)]
    )
    labels = np.repeat(["astronaut", "chelsea"], 12)
    path = npz(tmp_path, images=tiles, labels=labels)
    augment(str(path), tmp_path / "out", MixConfig(num_shards=2, image_format="raw"))
    mixed = read_output(tmp_path / "out")
    assert len(mixed) == 24
    for example in mixed:
        base, partner = (int(name.removeprefix("data.npz__")) for name in (example.base_id, example.partner_id))
        assert example.image == mix_pixels(tiles[base], tiles[partner], example.lam)
        assert example.base_label == (labels[base] == "chelsea")
    verdict = verify(tmp_path / "out", against=SourceConfig(src=str(path)))
    assert (verdict.faults, verdict.recomputed) == ([], 24)
