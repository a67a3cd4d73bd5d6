"""Small sources of other labels and inputs than images of one class, whose labels can be learned from the inputs."""

from pathlib import Path
from typing import Any

import numpy as np

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.records.tf_example import Example
from tests.datasets import example, label_feature, png, tensor_feature, write_features, write_records

CLASSES = 3
SIDE = 12


def with_integers(features: dict[str, Any], key: str, values: Any) -> bytes:
    """An example with a list of integers besides."""
    message = Example.FromString(example(features))
    message.features.feature[key].int64_list.value.extend(int(value) for value in values)
    return bytes(message.SerializeToString(deterministic=True))


def spotted(rng: np.random.Generator) -> tuple[Any, Any]:
    """A grey image whose upper, middle and lower third is bright where the class is present, and its label."""
    label = (rng.random(CLASSES) < 0.4).astype(np.int64)
    image = rng.integers(0, 60, (SIDE, SIDE, 1), np.uint8)
    for one in np.flatnonzero(label):
        image[4 * one : 4 * one + 4] += 150
    return image, label


def multi_label(folder: Path, split: str, count: int) -> SourceConfig:
    """Images with several classes at once, as vectors of 0 and 1."""
    rng = np.random.default_rng(len(split))
    payloads = []
    for _ in range(count):
        image, label = spotted(rng)
        payloads.append(with_integers({"image": png(image)}, "label", label))
    path = write_records(folder / f"spots-{split}.tfrecord", payloads)
    return SourceConfig(
        src=str(path), split=split, label_kind="multi-label", num_classes=CLASSES, allow_eval_split=True
    )


def regression(folder: Path, split: str, count: int, values: int = 1, scale: float = 300) -> SourceConfig:
    """Vectors of six numbers; a label is a sum of some of them on a scale far from 1."""
    rng = np.random.default_rng(len(split))
    vectors = rng.normal(size=(count, 6)).astype(np.float32)
    labels = 5000 + scale * (vectors[:, :values] + vectors[:, 1 : 1 + values] - vectors[:, 2 : 2 + values])
    payloads = [example({"x": vector, "y": label}) for vector, label in zip(vectors, labels, strict=True)]
    path = write_records(folder / f"sums-{split}.tfrecord", payloads)
    reading: dict[str, Any] = {"image_key": "x", "label_key": "y", "label_kind": "regression"}
    return SourceConfig(src=str(path), split=split, allow_eval_split=True, **reading)


def spectrogram(folder: Path, split: str, count: int) -> SourceConfig:
    """Planes of 16 x 12 numbers; a class is a band of loud rows."""
    rng = np.random.default_rng(len(split))
    payloads = []
    for number in range(count):
        plane, label = rng.normal(size=(16, 12)).astype(np.float32), number % CLASSES
        plane[5 * label : 5 * label + 5] += 3
        payloads.append(example({"sound": plane.ravel(), "label": label}))
    path = write_records(folder / f"bands-{split}.tfrecord", payloads)
    features = {"sound": tensor_feature("float32", (16, 12)), "label": label_feature(CLASSES)}
    schema = write_features(folder / "bands.json", features)
    return SourceConfig(src=str(path), split=split, schema=str(schema), allow_eval_split=True)
