"""The parents of mixed examples, looked up in the source by their ids.

Without an index only the records asked for are read, whatever the size of the source: a file is walked along the
lengths of its records.
"""

import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.errors import SourceError, UsageError, record_error
from mixup_pipeline.records.framing import pick_records
from mixup_pipeline.records.names import split_example_id
from mixup_pipeline.sources import find_files
from mixup_pipeline.sources.examples import Examples, read_examples
from mixup_pipeline.sources.index import ENTRY, Entries, NamedFile
from mixup_pipeline.sources.scan import examiner, plain_file
from mixup_pipeline.sources.tfds import prepared_directory
from mixup_pipeline.spec import shape_text
from mixup_pipeline.storage.places import place


class Parents:
    """Reads examples of the source that a manifest describes, by their ids.

    index: the entries of each file, by its name, where they are known; the records that are asked for are looked up
    otherwise.
    """

    def __init__(
        self, files: Sequence[NamedFile], manifest: Manifest, index: Mapping[str, Entries] | None = None
    ) -> None:
        self._files, self._index = {file.name: file for file in files}, index
        self._spec, self._shape = manifest.source.schema, manifest.shape

    def load(self, ids: Sequence[str]) -> Examples:
        """The examples of these ids, in their order.

        Raises SourceError or RecordError naming the first that cannot be read.
        """
        wanted: dict[str, set[int]] = {}
        places = [_place(parent) for parent in ids]
        for name, record in places:
            wanted.setdefault(name, set()).add(record)
        with tempfile.TemporaryDirectory(prefix="mixup-") as folder:
            files: list[NamedFile] = []
            rows: dict[tuple[str, int], int] = {}
            found = [np.empty(0, ENTRY)]
            for name in sorted(wanted):
                file = self._files[name]
                if self._index is None:
                    file = plain_file(file, Path(folder))
                entries = self._entries(file, wanted[name])
                entries["file"] = len(files)
                for entry in entries:
                    rows[name, int(entry["record"])] = len(rows)
                files.append(file)
                found.append(entries)
            entries = np.concatenate(found)[[rows[place] for place in places]]
            return read_examples(entries, files, self._spec, self._shape)

    def missing(self, ids: Sequence[str]) -> str | None:
        """The first of these ids that the index does not have."""
        return next((parent for parent in ids if not self._knows(*_place(parent))), None)

    def _knows(self, name: str, record: int) -> bool:
        index = self._index or {}
        return name in index and record in index[name]["record"]

    def _entries(self, file: NamedFile, records: Collection[int]) -> Entries:
        """ENTRY[n] of these records of a file, in the order of the file."""
        if self._index is not None:
            known = self._index[file.name]
            return known[np.searchsorted(known["record"], sorted(records))]
        examine = examiner(self._spec, decode=False)
        entries = np.zeros(len(records), ENTRY)
        try:
            for row, (record, offset, payload, fault) in enumerate(pick_records(place(file.path), file.name, records)):
                try:
                    if fault is not None:
                        raise ValueError(fault)
                    start, length, class_id, shape = examine(payload)
                    if shape != self._shape:
                        raise ValueError(f"the example is not {shape_text(self._shape)}, as those that were mixed")
                except ValueError as error:
                    raise record_error(file.name, record, offset, str(error)) from error
                entries[row] = offset, len(payload), start, length, record, 0, class_id
        except OSError as error:
            raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error
        return entries


def find_parents(manifest: Manifest, *, against: str | None = None, data_dir: str | None = None) -> Parents | None:
    """Access to the source of a mixed dataset.

    against: the source as --src named it. Without it the TFDS dataset of the same name is taken if it is prepared; None
    where it is not, or consists of other files. Nothing is downloaded then.

    Raises UsageError or SourceError where `against` cannot be opened or holds other files than were mixed.
    """
    if data_dir is not None and not place(data_dir).is_dir():
        raise UsageError(f"data-dir {data_dir}: no such folder")
    config = source_config(manifest, manifest.source_name if against is None else against, data_dir)
    if against is None and prepared_directory(config) is None:
        return None
    try:
        files = find_files(config)
    except (UsageError, SourceError):
        if against is None:
            return None  # a dataset that only has the name
        raise
    if [file.name for file in files] == [file.name for file in manifest.source.files]:
        return Parents(files, manifest)
    if against is None:
        return None
    raise SourceError(f"{against}: is not the source that was mixed: its files differ from the manifest's")


def source_config(manifest: Manifest, src: str, data_dir: str | None) -> SourceConfig:
    """How to open the source of a mixed dataset, given only where it is."""
    schema = manifest.source.schema
    return SourceConfig(
        src=src,
        split=manifest.split,
        data_dir=data_dir,
        image_key=schema.input_key,
        label_key=schema.label_key,
        allow_eval_split=True,
    )


def _place(parent: str) -> tuple[str, int]:
    place = split_example_id(parent)
    if place is None:
        raise SourceError(f"{parent!r} is not the id of an example")
    return place
