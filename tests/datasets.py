"""Small datasets for tests, written in a simple and slow way with protobuf and JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mixup_pipeline.records.framing import frame
from mixup_pipeline.records.tf_example import Example

Value = bytes | float | int | Sequence[float]


@dataclass(frozen=True)
class Dataset:
    """A TFDS directory. images: uint8 (n, h, w, c). labels: class ids. Both are in the order of the records."""

    folder: Path
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    ids: list[str]

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.tfrecord-*"))


def example(features: Mapping[str, Any]) -> bytes:
    """Serialize a tf.Example from bytes, integers and floats (or sequences of floats) by key."""
    message = Example()
    for key, value in features.items():
        feature = message.features.feature[key]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        elif isinstance(value, (int, np.integer)):
            feature.int64_list.value.append(int(value))
        else:
            feature.float_list.value.extend(np.atleast_1d(np.asarray(value, np.float32)).tolist())
    return message.SerializeToString(deterministic=True)


def write_records(path: Path, payloads: Sequence[bytes]) -> Path:
    """Write a TFRecord file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(frame, payloads)))
    return path


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """Encode a uint8 (h, w, c) image in RGB order as a PNG file."""
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[image.shape[2]]
    done, data = cv2.imencode(".png", np.ascontiguousarray(image[:, :, order]))
    assert done
    return data.tobytes()


def damaged_png(image: npt.NDArray[np.uint8]) -> bytes:
    """A PNG file whose header and chunks are sound, and whose pixels cannot be decoded."""
    data = bytearray(png(image))
    data[data.index(b"IDAT") + 4] = 0xFF
    return bytes(data)


def jpeg(image: npt.NDArray[np.uint8]) -> bytes:
    """Encode a uint8 (h, w, c) image in RGB order, c 1 or 3, as a JPEG file."""
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(image[:, :, ::-1]))
    assert done
    return data.tobytes()


def random_images(count: int, shape: tuple[int, int, int], seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def image_feature(shape: tuple[int | None, ...]) -> dict[str, Any]:
    dimensions = [str(-1 if size is None else size) for size in shape]
    return {
        "pythonClassName": "tensorflow_datasets.core.features.image_feature.Image",
        "image": {"dtype": "uint8", "shape": {"dimensions": dimensions}},
    }


def label_feature(num_classes: int) -> dict[str, Any]:
    return {
        "pythonClassName": "tensorflow_datasets.core.features.class_label_feature.ClassLabel",
        "classLabel": {"numClasses": str(num_classes)},
    }


def tensor_feature(dtype: str, shape: tuple[int, ...], encoding: str = "none") -> dict[str, Any]:
    return {
        "pythonClassName": "tensorflow_datasets.core.features.tensor_feature.Tensor",
        "tensor": {"dtype": dtype, "encoding": encoding, "shape": {"dimensions": [str(size) for size in shape]}},
    }


def write_features(path: Path, features: Mapping[str, Any]) -> Path:
    """Write a features.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = "tensorflow_datasets.core.features.features_dict.FeaturesDict"
    path.write_text(json.dumps({"pythonClassName": name, "featuresDict": {"features": features}}))
    return path


def write_prepared(
    folder: Path, payloads: Sequence[bytes], features: Mapping[str, Any], *, num_files: int = 1, split: str = "train"
) -> list[str]:
    """Write a TFDS directory of these records, in files of about equal size. Returns the ids of its examples."""
    name = folder.parent.name
    bounds = [file * len(payloads) // num_files for file in range(num_files + 1)]
    ids = []
    for file in range(num_files):
        part = payloads[bounds[file] : bounds[file + 1]]
        path = write_records(folder / f"{name}-{split}.tfrecord-{file:05d}-of-{num_files:05d}", part)
        ids += [f"{path.name}__{record}" for record in range(len(part))]
    write_features(folder / "features.json", features)
    info = {
        "name": name,
        "version": folder.name,
        "fileFormat": "tfrecord",
        "splits": [
            {
                "name": split,
                "shardLengths": [str(bounds[file + 1] - bounds[file]) for file in range(num_files)],
                "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
            }
        ],
        "supervisedKeys": {"tuple": {"items": [{"featureKey": "image"}, {"featureKey": "label"}]}},
    }
    (folder / "dataset_info.json").write_text(json.dumps(info))
    return ids


def write_tfds(
    folder: Path,
    *,
    num_examples: int = 40,
    num_classes: int = 4,
    num_files: int = 1,
    shape: tuple[int, int, int] = (6, 5, 1),
    labels: Sequence[int] | None = None,
    split: str = "train",
    seed: int = 0,
) -> Dataset:
    """Write a TFDS directory of random PNG images. Without labels given, the classes take turns."""
    images = random_images(num_examples, shape, seed)
    classes = np.arange(num_examples) % num_classes if labels is None else np.array(labels)
    payloads = [example({"image": png(image), "label": label}) for image, label in zip(images, classes, strict=True)]
    features = {"image": image_feature(shape), "label": label_feature(num_classes)}
    ids = write_prepared(folder, payloads, features, num_files=num_files, split=split)
    return Dataset(folder, images, classes.astype(np.int64), ids)
