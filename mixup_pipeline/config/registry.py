"""Registries: everything that can be chosen by name. Each name is listed with the location of its code.

The code is loaded on first use, so `--help` and the checks of options know all names without importing NumPy or Beam.
To add a choice, write a file, a line here and a test. A program that uses this package as a library can `register` its
own choices before it calls `augment`.
"""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any


class Registry(Mapping[str, Any]):
    """Values by name, in the order in which the user sees them. All values of a registry have the same type."""

    def __init__(self, **locations: str) -> None:
        """locations: `module:NAME` of each value, below this package. An underscore in a name stands for a hyphen."""
        self._locations = {name.replace("_", "-"): location for name, location in locations.items()}
        self._values: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            module, _, attribute = self._locations[name].partition(":")
            self._values[name] = getattr(importlib.import_module(f"mixup_pipeline.{module}"), attribute)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._locations | self._values)

    def __len__(self) -> int:
        return len(self._locations | self._values)

    def register(self, name: str, value: Any) -> None:
        """Add a value, in this process only. Raises ValueError if the name is taken."""
        if name in self:
            raise ValueError(f"{name!r} is registered already")
        self._values[name] = value

    def unregister(self, name: str) -> None:
        """Remove a value that `register` added."""
        del self._values[name]


PAIRINGS = Registry(
    any="mixing.pairing.any:POLICY",
    within_class="mixing.pairing.within_class:POLICY",
    cross_class="mixing.pairing.cross_class:POLICY",
    class_balanced="mixing.pairing.class_balanced:POLICY",
    near_label="mixing.pairing.near_label:POLICY",
    cross_group="mixing.pairing.by_group:CROSS",
    within_group="mixing.pairing.by_group:WITHIN",
)
"""`mixing.pairing.Policy`: which examples are mixed with each other."""

METHODS = Registry(mixup="mixing.methods.mixup:METHOD")
"""`mixing.methods.Method`: what is drawn, and how the draw mixes two inputs."""

INPUT_KINDS = Registry(
    encoded="records.inputs.encoded:KIND",
    raw="records.inputs.packed:RAW",
    zlib="records.inputs.packed:ZLIB",
    vector="records.inputs.vector:KIND",
    vector_bytes="records.inputs.packed:VECTOR_BYTES",
    vector_zlib="records.inputs.packed:VECTOR_ZLIB",
    numbers="records.inputs.numbers:KIND",
    pixels="records.inputs.numbers:PIXELS",
    columns="records.inputs.numbers:COLUMNS",
)
"""`records.inputs.InputKind`: in which form a record holds its input."""

LABEL_KINDS = Registry(
    **{"class": "records.labels.class_id:KIND"},
    soft="records.labels.soft:KIND",
    one_hot="records.labels.soft:ONE_HOT",
    multi_hot="records.labels.multi_label:MULTI_HOT",
    class_list="records.labels.multi_label:CLASS_LIST",
    regression="records.labels.regression:KIND",
)
"""`records.labels.LabelKind`: what a label is, and how two of them mix."""

TASKS = Registry(
    classification="training.tasks.classification:TASK",
    multi_label="training.tasks.multi_label:TASK",
    regression="training.tasks.regression:TASK",
)
"""`training.tasks.Task`: what a network learns from a kind of label, and how good its predictions are."""

IMAGE_FORMATS = Registry(
    raw="records.image_formats.raw:FORMAT",
    png="records.image_formats.png:FORMAT",
    jpeg="records.image_formats.jpeg:FORMAT",
    webp="records.image_formats.webp:FORMAT",
)
"""`records.image_formats.ImageFormat`: how mixed images are stored."""

FILE_FORMATS = Registry(
    tfrecord="sources.file_formats.tfrecord:FORMAT",
    converted="sources.file_formats.converted:FORMAT",
    listing="sources.file_formats.listing:FORMAT",
    class_folder="sources.file_formats.class_folder:FORMAT",
    image_list="sources.file_formats.image_list:FORMAT",
    array_record="sources.file_formats.array_record:FORMAT",
    npz="sources.file_formats.arrays:NPZ",
    npy="sources.file_formats.arrays:NPY",
    tar="sources.file_formats.tar:FORMAT",
    parquet="sources.file_formats.parquet:FORMAT",
    csv="sources.file_formats.csv:FORMAT",
)
"""`sources.file_formats.FileFormat`: how a file of a source holds its records."""

SOURCE_KINDS = Registry(
    tfds="sources.tfds:KIND",
    tfrecord="sources.tfrecord:KIND",
    class_folders="sources.class_folders:KIND",
    image_lists="sources.image_lists:KIND",
    arrays="sources.arrays:KIND",
    webdataset="sources.webdataset:KIND",
    tables="sources.tables:KIND",
)
"""`sources.source.SourceKind`: what can be read. The last kind that accepts a `--src` opens it. TFDS accepts any."""
