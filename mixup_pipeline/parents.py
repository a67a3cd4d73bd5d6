"""The parents of mixed examples, looked up in the source by their ids.

Only the records asked for are read, whatever the size of the source: a file is walked along the lengths of its records.
"""

import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, UsageError, record_error
from mixup_pipeline.examples import ExampleReader, Features, parse
from mixup_pipeline.gather import Examples
from mixup_pipeline.manifest import Manifest
from mixup_pipeline.places import place
from mixup_pipeline.records import decompress, is_compressed, pick
from mixup_pipeline.scan import SourceFile
from mixup_pipeline.sources import find_files, prepared_directory
from mixup_pipeline.spec import ExampleSpec, shape_text

_Place = tuple[str, int]
"""File name and record index."""


class Parents:
    """Reads examples of the source that a manifest describes."""

    def __init__(self, files: Sequence[SourceFile], manifest: Manifest) -> None:
        schema = manifest["source"]["schema"]
        self._paths = {file.name: place(file.path) for file in files}
        self._spec = ExampleSpec(**{**schema, "shape": tuple(schema["shape"])})
        self._shape = tuple(manifest["shape"])

    def load(self, ids: Sequence[str]) -> Examples:
        """The examples of these ids, `{file name}__{record index}`, in their order.

        Raises SourceError or RecordError naming the first that cannot be read.
        """
        places = [_place(parent) for parent in ids]
        found = dict(self._read(places))
        reader, spec = ExampleReader(self._spec), self._spec
        inputs = np.empty((len(ids), *self._shape), np.float32 if spec.encoding == "vector" else np.uint8)
        class_ids = np.empty(len(ids), np.int32)
        soft = np.empty((len(ids), spec.num_classes), np.float32) if spec.soft_labels else None
        for row, where in enumerate(places):
            offset, features = found[where]
            try:
                class_ids[row] = reader.class_id(features)
                data = reader.input_bytes(features)
                if reader.shape(data) != self._shape:
                    raise ValueError(f"the example is not {shape_text(self._shape)}, as those that were mixed")
                inputs[row] = reader.decode(data, self._shape)
                if soft is not None:
                    soft[row] = reader.soft_label(features)
            except ValueError as error:
                raise record_error(*where, offset, str(error)) from error
        return Examples(
            inputs=inputs, ids=list(ids), class_ids=None if soft is not None else class_ids, soft_labels=soft
        )

    def _read(self, places: Collection[_Place]) -> Iterator[tuple[_Place, tuple[int, Features]]]:
        """The byte offset and the features of each of these records."""
        with tempfile.TemporaryDirectory(prefix="mixup-") as folder:
            for name in sorted({name for name, _ in places}):
                wanted = {record for file, record in places if file == name}
                try:
                    path = self._paths[name]
                    if is_compressed(path):
                        path = Path(folder) / "uncompressed"
                        decompress(self._paths[name], name, path)
                    for record, offset, payload, fault in pick(path, name, wanted):
                        if fault is not None:
                            raise record_error(name, record, offset, fault)
                        yield (name, record), (offset, _features(payload, name, record, offset))
                except OSError as error:
                    raise SourceError(f"{self._paths[name]}: cannot be read ({error.strerror or error})") from error


def find_parents(manifest: Manifest, *, against: str | None = None, data_dir: str | None = None) -> Parents | None:
    """Access to the source of a mixed dataset.

    against: the source as --src named it. Without it the TFDS dataset of the same name is taken if it is prepared; None
    where it is not, or consists of other files. Nothing is downloaded then.

    Raises UsageError or SourceError where `against` cannot be opened or holds other files than were mixed.
    """
    if data_dir is not None and not place(data_dir).is_dir():
        raise UsageError(f"data-dir {data_dir}: no such folder")
    config = source_config(manifest, manifest["name"].removesuffix("_mixup") if against is None else against, data_dir)
    if against is None and prepared_directory(config) is None:
        return None
    try:
        files = find_files(config)
    except (UsageError, SourceError):
        if against is None:
            return None  # a dataset that only has the name
        raise
    if [file.name for file in files] == [file["name"] for file in manifest["source"]["files"]]:
        return Parents(files, manifest)
    if against is None:
        return None
    raise SourceError(f"{against}: is not the source that was mixed: its files differ from the manifest's")


def source_config(manifest: Manifest, src: str, data_dir: str | None) -> SourceConfig:
    """How to open the source of a mixed dataset, given only where it is."""
    schema = manifest["source"]["schema"]
    return SourceConfig(
        src=src,
        split=manifest["split"],
        data_dir=data_dir,
        image_key=schema["input_key"],
        label_key=schema["label_key"],
        allow_eval_split=True,
    )


def _place(parent: str) -> _Place:
    name, _, record = parent.rpartition("__")
    return name, int(record)


def _features(payload: bytes, name: str, record: int, offset: int) -> Features:
    try:
        return parse(payload)
    except ValueError as error:
        raise record_error(name, record, offset, str(error)) from error
