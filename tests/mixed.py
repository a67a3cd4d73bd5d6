"""Small mixed datasets of every kind, made by `augment`."""

import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.dataset.manifest import Manifest, read_manifest
from tests.damage import replace_record
from tests.datasets import (
    example,
    jpeg,
    png,
    random_images,
    tensor_feature,
    write_features,
    write_records,
    write_tfds,
)

COUNT, NUM_CLASSES = 30, 4
LABELS = np.arange(COUNT) % NUM_CLASSES
IMAGES = random_images(COUNT, (6, 5, 3))


@dataclass(frozen=True)
class Mixed:
    """An output and its source."""

    out: Path
    source: SourceConfig

    @property
    def manifest(self) -> Manifest:
        return read_manifest(self.out)

    @property
    def shards(self) -> list[Path]:
        return [self.out / shard.name for shard in self.manifest.shards]

    def without_source(self, folder: Path) -> Path:
        """Copy the output alone, as if its source had gone since."""
        shutil.copytree(self.out, folder / "alone")
        manifest = folder / "alone/manifest.json"
        here = json.dumps(str(self.out.parent))[1:-1]
        manifest.write_text(manifest.read_text().replace(here, "/moved/away"))
        return folder / "alone"

    def copy(self, folder: Path) -> "Mixed":
        """Copy the output and its source to another folder, where a test may change them."""
        here = self.out.parent
        shutil.copytree(here, folder, dirs_exist_ok=True)
        return Mixed(folder / "out", replace(self.source, src=self.source.src.replace(str(here), str(folder))))


def prepared(folder: Path) -> SourceConfig:
    return SourceConfig(src=str(write_tfds(folder / "shapes/1.0.0", num_examples=COUNT, num_files=2).folder))


def skipping(folder: Path) -> SourceConfig:
    """One record is bad and skipped, so later examples have another position than their records."""
    source = prepared(folder)
    replace_record(Path(source.src) / "shapes-train.tfrecord-00000-of-00002", 2, b"\xff")
    return source


def photos(folder: Path) -> SourceConfig:
    """Files with names that are not ASCII."""
    payloads = [example({"image": jpeg(image), "label": n}) for image, n in zip(IMAGES, LABELS, strict=True)]
    write_records(folder / "größe-水-1.tfrecord", payloads[:12])
    write_records(folder / "größe-水-2.tfrecord", payloads[12:])
    return SourceConfig(src=str(folder / "größe-*"), num_classes=NUM_CLASSES)


def pixels(folder: Path, name: str = "shapes.tfrecord") -> SourceConfig:
    """Raw bytes. The schema also says that class ids start at 0."""
    features = {"dots": tensor_feature("uint8", (6, 5, 3), "bytes"), "label": tensor_feature("int64", ())}
    schema = write_features(folder / "features.json", features)
    payloads = [example({"dots": image.tobytes(), "label": n}) for image, n in zip(IMAGES, LABELS, strict=True)]
    path = write_records(folder / name, payloads)
    return SourceConfig(src=str(path), schema=str(schema), num_classes=NUM_CLASSES)


def vectors(folder: Path) -> SourceConfig:
    scans = np.random.default_rng(2).normal(size=(COUNT, 7)).astype(np.float32)
    payloads = [example({"scan": scan, "label": n}) for scan, n in zip(scans, LABELS, strict=True)]
    path = write_records(folder / "shapes.tfrecord", payloads)
    return SourceConfig(src=str(path), image_key="scan", num_classes=NUM_CLASSES)


def soft(folder: Path) -> SourceConfig:
    labels = np.random.default_rng(1).dirichlet(np.ones(NUM_CLASSES), COUNT).astype(np.float32)
    payloads = [example({"image": png(image), "label": label}) for image, label in zip(IMAGES, labels, strict=True)]
    return SourceConfig(src=str(write_records(folder / "shapes.tfrecord", payloads)))


def packed(folder: Path) -> SourceConfig:
    """Two GZIP files."""
    payloads = [example({"image": png(image), "label": n}) for image, n in zip(IMAGES, LABELS, strict=True)]
    for number in range(2):
        path = write_records(folder / f"shapes-{number}.tfrecord.gz", payloads[number::2])
        path.write_bytes(gzip.compress(path.read_bytes()))
    return SourceConfig(src=str(folder / "shapes-*"), num_classes=NUM_CLASSES)


def far_away(folder: Path) -> SourceConfig:
    return pixels(folder, "s-" + "s" * 240 + ".tfrecord")


KINDS: dict[str, tuple[Callable[[Path], SourceConfig], MixConfig]] = {
    "raw": (prepared, MixConfig(copies=2, num_shards=2)),
    "png": (prepared, MixConfig(image_format="png", keep_originals=True)),
    "compact": (prepared, MixConfig(label_format="compact", num_shards=3)),
    "skipped": (skipping, MixConfig(on_bad_record="skip", prob=0.5)),
    "photos": (photos, MixConfig(pairing="cross-class")),
    "pixels": (pixels, MixConfig(pairing="within-class")),
    "vectors": (vectors, MixConfig(copies=2)),
    "soft labels": (soft, MixConfig(keep_originals=True)),
    "gzip": (packed, MixConfig()),
    "long names": (far_away, MixConfig(num_shards=2)),
}


def make(kind: str, folder: Path) -> Mixed:
    """Make a dataset of this kind below the folder."""
    build, config = KINDS[kind]
    source = build(folder)
    augment(source, folder / "out", config)
    return Mixed(folder / "out", source)
