"""An unmixed source is judged by training as mixing judges it, and read as mixing reads it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.errors import MixupError, RecordError, SourceError
from mixup_pipeline.records.images import decode
from mixup_pipeline.training.batches import evaluation_batches, reading_errors
from mixup_pipeline.training.source_examples import source_examples
from tests.damage import cut, replace_record
from tests.datasets import damaged_png, example, jpeg, png, random_images, write_records

IMAGES = random_images(12, (8, 8, 3))


def records(labels: Sequence[Any], images: Sequence[bytes] | None = None) -> list[bytes]:
    files = images or [png(image) for image in IMAGES]
    return [example({"image": file, "label": label}) for file, label in zip(files, labels, strict=False)]


def of(folder: Path, payloads: Sequence[bytes], **options: Any) -> SourceConfig:
    return SourceConfig(src=str(write_records(folder / "part-0", payloads)), **options)


def batches_of(source: SourceConfig, **options: Any) -> list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    files = source_examples(source, **options)
    with reading_errors(files):
        return list(evaluation_batches(files, 5).as_numpy_iterator())


BAD: dict[str, Callable[[Path], SourceConfig]] = {
    "unlabelled": lambda folder: of(folder, records([0, 1, -1]), num_classes=3),
    "ids of another list": lambda folder: of(folder, records([3, 17, 99]), num_classes=3),
    "counted from 1": lambda folder: of(folder, records([1, 2, 3]), num_classes=3),
    "soft labels that do not sum to 1": lambda folder: of(folder, records([[0.5, 0.5], [0.9, 0.9]])),
    "no image": lambda folder: of(folder, records([0, 1, 2], [png(IMAGES[0]), b"no image"]), num_classes=3),
    "two sizes": lambda folder: of(folder, records([0, 1], [png(IMAGES[0]), png(IMAGES[1][:7])]), num_classes=3),
    "no label": lambda folder: of(folder, [*records([0]), example({"image": png(IMAGES[0])})], num_classes=3),
    "no example": lambda folder: of(folder, [*records([0]), b"\xff"], num_classes=3),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_mixing_refuses_training_refuses_in_the_same_words(tmp_path: Path, kind: str) -> None:
    source = BAD[kind](tmp_path)
    with pytest.raises(MixupError) as mixing:
        augment(source, tmp_path / "out")
    with pytest.raises(MixupError) as training:
        source_examples(source)
    assert (type(training.value), str(training.value)) == (type(mixing.value), str(mixing.value))
    assert "part-0" in str(training.value)


def test_sizes_that_differ_between_files_are_named(tmp_path: Path) -> None:
    of(tmp_path, records([0, 1]))
    write_records(tmp_path / "part-1", records([0], [png(IMAGES[0][:7])]))
    source = SourceConfig(src=str(tmp_path / "part-*"), num_classes=2)
    with pytest.raises(
        SourceError, match=r"images differ in size: 2 sizes from 7x8 \(part-1 record 0\) to 8x8 \(part-0 record 0\)"
    ):
        source_examples(source)


def test_grey_among_colour_is_read_as_mixing_reads_it(tmp_path: Path) -> None:
    source = of(tmp_path, records([0, 1], [png(IMAGES[0]), png(IMAGES[1][..., :1].copy())]), num_classes=3)
    ((images, _),) = batches_of(source)
    assert (images[0] == IMAGES[0]).all()
    assert (images[1] == IMAGES[1][..., :1]).all()


@pytest.mark.parametrize("bad", [damaged_png(IMAGES[0]), jpeg(IMAGES[0])[:300]], ids=["png", "jpeg"])
def test_an_image_that_cannot_be_decoded_is_named_while_it_is_read(tmp_path: Path, bad: bytes) -> None:
    images = [png(image) for image in IMAGES]
    images[7] = bad
    source = of(tmp_path, records([0] * 12, images), num_classes=2)
    with pytest.raises(RecordError, match=r"^part-0: record 7 at byte \d+: the (JPEG )?image is damaged"):
        batches_of(source)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_vector_that_is_not_finite_is_named_while_it_is_read(tmp_path: Path, value: float) -> None:
    vectors = np.ones((12, 3), np.float32)
    vectors[7, 1] = value
    payloads = [example({"x": vector, "label": 0}) for vector in vectors]
    source = of(tmp_path, payloads, num_classes=2, image_key="x")
    with pytest.raises(RecordError, match=r"^part-0: record 7 at byte \d+: .* holds a value that is not finite"):
        batches_of(source)


def test_training_sees_the_pixels_that_mixing_sees(tmp_path: Path) -> None:
    images = [*map(jpeg, IMAGES[:6]), *map(png, IMAGES[6:])]
    source = of(tmp_path, records([n % 3 for n in range(12)], images), num_classes=3)
    read = np.concatenate([inputs for inputs, _ in batches_of(source)])
    assert (read == np.stack([decode(file, (8, 8, 3)) for file in images])).all()


@pytest.mark.parametrize("damage", ["no example", "label", "image", "checksum"])
def test_skipped_records_are_those_that_mixing_skips(tmp_path: Path, damage: str) -> None:
    source = of(tmp_path, records([n % 4 for n in range(12)]), num_classes=4)
    path = Path(source.src)
    bad = {
        "no example": b"\xff",
        "label": example({"image": png(IMAGES[2]), "label": 9}),
        "image": example({"image": damaged_png(IMAGES[0]), "label": 1}),
    }
    if damage == "checksum":
        content = bytearray(path.read_bytes())
        content[-40] ^= 1
        path.write_bytes(content)
    else:
        replace_record(path, 5, bad[damage])
    with pytest.raises(RecordError, match="part-0: record"):
        batches_of(source)
    manifest = augment(source, tmp_path / "out", MixConfig(on_bad_record="skip")).manifest
    files = source_examples(source, "skip")
    assert (files.examples, files.skipped) == (manifest.source.examples, manifest.source.skipped) == (11, 1)
    assert files.files == (str(path),)
    read = [int(label.argmax()) for _, labels in batches_of(source, on_bad_record="skip") for label in labels]
    left_out = 11 if damage == "checksum" else 5
    assert read == [n % 4 for n in range(12) if n != left_out]


def test_a_source_of_bad_records_only_is_refused(tmp_path: Path) -> None:
    source = of(tmp_path, records([7, 8, 9]), num_classes=3)
    with pytest.raises(SourceError, match="holds no usable record"):
        source_examples(source, "skip")


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    source = of(tmp_path, records([0] * 12), num_classes=3)
    cut(Path(source.src), 700)
    with pytest.raises(SourceError, match="part-0"):
        source_examples(source)
