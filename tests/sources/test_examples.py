"""Reading examples: any entries in any order equal a plain reading; records that changed are detected."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline.config import MixConfig
from mixup_pipeline.errors import RecordError, SourceError
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.census import Census, one_shape
from mixup_pipeline.sources.examples import Examples, read_examples
from mixup_pipeline.sources.index import Entries, IndexedFile
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.spec import ExampleSpec, Shape
from tests.damage import HEADER_BYTES, cut, flip, read_payloads, record_starts, replace_record
from tests.datasets import damaged_png, example, jpeg, png, random_images, write_records

COUNT = 20
SPEC = ExampleSpec(input_key="image", label_key="label", encoding="encoded", shape=(6, 5, 1), num_classes=4)
LABELS = np.arange(COUNT) % 4
SOFT = np.random.default_rng(1).dirichlet(np.ones(4), COUNT).astype(np.float32)
VECTORS = np.random.default_rng(0).normal(size=(COUNT, 7)).astype(np.float32)
GREY, COLOUR, CLEAR = (random_images(COUNT, (6, 5, channels)) for channels in (1, 3, 4))
PHOTO = np.broadcast_to(
    np.arange(COUNT, dtype=np.uint8)[:, None, None, None] * 12, (COUNT, 8, 8, 3)
)  # JPEG keeps these exactly


@dataclass(frozen=True)
class Indexed:
    """An indexed source of several files. entries: in the order of the files."""

    census: Census
    entries: Entries
    files: list[IndexedFile]
    spec: ExampleSpec
    paths: list[Path]

    def read_examples(self, rows: Sequence[int]) -> Examples:
        shape = one_shape(self.census, self.spec)
        assert shape is not None
        return read_examples(self.entries[list(rows)], self.files, self.spec, shape)


def indexed(folder: Path, payloads: Sequence[bytes], spec: ExampleSpec, sizes: Sequence[int] = (7, 0, 13)) -> Indexed:
    """Write the payloads to files of these numbers of records, and index them."""
    work = WorkFolder(folder / "work")
    work.create()
    start, files, paths = 0, [], []
    for position, size in enumerate(sizes):
        path = write_records(folder / f"part-{position}.tfrecord", payloads[start : start + size])
        file = SourceFile(position=position, name=path.name, path=str(path))
        files.append(index_file(file, spec, MixConfig(), work))
        paths.append(path)
        start += size
    entries = np.concatenate([work.entries(position) for position in range(len(sizes))])
    census = Census.of(work.found(position)[0] for position in range(len(sizes)))
    return Indexed(census, entries, files, spec, paths)


def records(inputs: Sequence[Any], labels: Sequence[Any] | npt.NDArray[Any]) -> list[bytes]:
    """Records of unequal length. Some have another feature before the image."""
    return [
        example({"image": data, "label": label, "a" * (number % 3 + 1): b"?" * number})
        for number, (data, label) in enumerate(zip(inputs, labels, strict=True))
    ]


IDS = [f"part-0.tfrecord__{n}" for n in range(7)] + [f"part-2.tfrecord__{n}" for n in range(13)]

ORDERS = {
    "all in turn": range(COUNT),
    "backwards": range(COUNT - 1, -1, -1),
    "shuffled": np.random.default_rng(2).permutation(COUNT).tolist(),
    "repeated": [3, 3, 19, 0, 3, 19],
    "one": [8],
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("spec", "inputs", "expected"),
    [
        (SPEC, [png(image) for image in GREY], GREY),
        (replace(SPEC, shape=(None, None, None)), [png(image) for image in COLOUR], COLOUR),
        (replace(SPEC, shape=(6, 5, 4)), [png(image) for image in CLEAR], CLEAR),
        (replace(SPEC, shape=(6, 5, 3)), [png(image) for image in GREY], np.repeat(GREY, 3, axis=3)),
        (replace(SPEC, shape=(8, 8, 3)), [jpeg(image) for image in PHOTO], PHOTO),
        (replace(SPEC, shape=(6, 5, 3), encoding="raw"), [image.tobytes() for image in COLOUR], COLOUR),
        (replace(SPEC, shape=(7,), encoding="vector"), list(VECTORS), VECTORS),
    ],
    ids=["grey", "rgb", "rgba", "grey as rgb", "jpeg", "raw", "vector"],
)
def test_examples_equal_the_source(
    tmp_path: Path, order: str, spec: ExampleSpec, inputs: list[Any], expected: npt.NDArray[Any]
) -> None:
    rows = list(ORDERS[order])
    found = indexed(tmp_path, records(inputs, LABELS), spec).read_examples(rows)
    assert found.inputs.dtype == expected.dtype
    assert found.inputs.tobytes() == expected[rows].tobytes()
    assert found.ids == [IDS[row] for row in rows]
    assert found.labels.dtype == np.int32
    assert found.labels.tolist() == LABELS[rows].tolist()


def test_soft_labels_come_with_their_examples(tmp_path: Path) -> None:
    source = indexed(tmp_path, records([png(image) for image in GREY], list(SOFT)), replace(SPEC, label_kind="soft"))
    rows = [5, 19, 0, 5]
    found = source.read_examples(rows)
    assert found.labels.dtype == np.float32
    assert found.labels.tobytes() == SOFT[rows].tobytes()
    assert found.inputs.tobytes() == GREY[rows].tobytes()


def test_no_entries_are_no_examples(tmp_path: Path) -> None:
    found = indexed(tmp_path, records([png(image) for image in GREY], LABELS), SPEC).read_examples([])
    assert found.inputs.shape == (0, 6, 5, 1)
    assert found.ids == []


def test_records_that_lie_far_apart(tmp_path: Path) -> None:
    """Some neighbours fit into one read, others do not, and one record is larger than a read."""
    lengths = np.random.default_rng(3).integers(0, 60_000, COUNT)
    lengths[4] = 300_000
    payloads = [
        example({"image": image.tobytes(), "label": 1, "pad": bytes(int(length))})
        for image, length in zip(GREY, lengths, strict=True)
    ]
    source = indexed(tmp_path, payloads, replace(SPEC, encoding="raw"))
    for rows in (list(range(COUNT)), [0, 4, 6, 7, 19], [19, 4], [4]):
        assert source.read_examples(rows).inputs.tobytes() == GREY[rows].tobytes()


def test_the_entries_are_left_as_they_are(tmp_path: Path) -> None:
    source = indexed(tmp_path, records([png(image) for image in GREY], LABELS), SPEC)
    before = source.entries.tobytes()
    source.entries.setflags(write=False)
    read_examples(source.entries[::-1], source.files, SPEC, (6, 5, 1))
    assert source.entries.tobytes() == before


# Records that changed since they were indexed


def flip_payload(path: Path, record: int) -> None:
    flip(path, record_starts(path)[record] + HEADER_BYTES + 9)


def exchange(path: Path, record: int) -> None:
    """Another record of the same length, with its own right CRC, as when a file is replaced by another one."""
    payload = bytearray(read_payloads(path)[record])
    payload[40] ^= 1
    replace_record(path, record, bytes(payload))


def cut_record(path: Path, record: int) -> None:
    cut(path, record_starts(path)[record + 1] - 3)


def cut_before(path: Path, record: int) -> None:
    cut(path, record_starts(path)[record])


def shorten_an_earlier_record(path: Path, _: int) -> None:
    replace_record(path, 0, example({"label": 1}))


@pytest.mark.parametrize("change", [flip_payload, exchange, cut_record, cut_before, shorten_an_earlier_record])
def test_a_changed_record_is_named(tmp_path: Path, change: Callable[[Path, int], None]) -> None:
    source = indexed(tmp_path, records([png(image) for image in GREY], LABELS), SPEC)
    path, offset = source.paths[2], int(source.entries["offset"][7 + 4])
    change(path, 4)
    with pytest.raises(RecordError, match=rf"^part-2\.tfrecord: record 4 at byte {offset}: its data changed"):
        source.read_examples([11, 2, 0])


def test_other_records_of_a_changed_file_are_still_right(tmp_path: Path) -> None:
    source = indexed(tmp_path, records([png(image) for image in GREY], LABELS), SPEC)
    flip_payload(source.paths[2], 4)
    rows = [10, 12, 19]
    assert source.read_examples(rows).inputs.tobytes() == GREY[rows].tobytes()


@pytest.mark.parametrize("position", [0, 2])
def test_a_file_that_is_gone_is_named(tmp_path: Path, position: int) -> None:
    source = indexed(tmp_path, records([png(image) for image in GREY], LABELS), SPEC)
    source.paths[position].unlink()
    with pytest.raises(SourceError, match=rf"part-{position}\.tfrecord"):
        source.read_examples(range(COUNT))


# Records that do not decode


@pytest.mark.parametrize(
    ("spec", "broken", "reason"),
    [
        (SPEC, damaged_png(GREY[0]), "damaged and cannot be decoded"),
        (replace(SPEC, shape=(8, 8, 3)), jpeg(random_images(1, (8, 8, 3))[0])[:-60], "damaged and cannot be decoded"),
        (replace(SPEC, shape=(7,), encoding="vector"), [np.nan] * 7, "'image' holds a value that is not finite"),
        (replace(SPEC, shape=(7,), encoding="vector"), [0.0] * 6 + [-np.inf], "'image' holds a value that is not fin"),
    ],
    ids=["png", "jpeg", "nan", "inf"],
)
def test_an_example_that_cannot_be_decoded_is_named(
    tmp_path: Path, spec: ExampleSpec, broken: bytes | list[float], reason: str
) -> None:
    good: dict[Shape, list[Any]] = {
        (6, 5, 1): [png(image) for image in GREY],
        (8, 8, 3): [jpeg(image) for image in PHOTO],
        (7,): list(VECTORS),
    }
    inputs: list[Any] = next(list(stored) for shape, stored in good.items() if shape == spec.shape)
    inputs[11] = broken
    source = indexed(tmp_path, records(inputs, LABELS), spec)
    offset = int(source.entries["offset"][11])
    with pytest.raises(RecordError, match=rf"^part-2\.tfrecord: record 4 at byte {offset}: .*{reason}"):
        source.read_examples([1, 11])
    assert source.read_examples([1, 10, 12]).ids == [IDS[1], IDS[10], IDS[12]]


def test_a_broken_image_is_not_commented_on_by_opencv(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    inputs = [png(image) for image in GREY]
    inputs[0] = jpeg(random_images(1, (6, 5, 1))[0])[:-30]
    inputs[1] = jpeg(random_images(1, (6, 5, 1))[0])[:-10]
    source = indexed(tmp_path, records(inputs, LABELS), SPEC)
    for row in (0, 1):
        with pytest.raises(RecordError):
            source.read_examples([row])
    assert capfd.readouterr().err == ""
