"""The parents of mixed examples. They are found in the source by their ids.

Without an index, only the records of the parents are read, whatever the size of the source. To reach them, a file is
walked record by record, using the lengths of the records.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack

import numpy as np

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.errors import SourceError, UsageError, record_error
from mixup_pipeline.records.framing import masked_crc32c, pick_records
from mixup_pipeline.records.names import split_example_id
from mixup_pipeline.sources import find_files
from mixup_pipeline.sources.examples import Examples, read_examples
from mixup_pipeline.sources.index import ENTRY, Entries, NamedFile
from mixup_pipeline.sources.scan import examiner, plain_file
from mixup_pipeline.sources.tfds import prepared_directory
from mixup_pipeline.spec import shape_text
from mixup_pipeline.storage.places import place

_NO_RECORDS = np.empty(0, np.int32)


class Parents:
    """Reads examples of the source that a manifest describes, by their ids.

    index: the entries of each file, by its name. Without it, the records are searched in the files.
    """

    def __init__(
        self, files: Sequence[NamedFile], manifest: Manifest, index: Mapping[str, Entries] | None = None
    ) -> None:
        self._files, self._index = {file.name: file for file in files}, index
        columns = {name: entries["record"] for name, entries in (index or {}).items()}
        self._records = {name: np.ascontiguousarray(column) for name, column in columns.items()}  # searched often
        self._spec, self._shape = manifest.source.schema, manifest.shape

    def load(self, ids: Sequence[str]) -> Examples:
        """Read the examples with these ids, in this order.

        Raises SourceError or RecordError for the first example that cannot be read.
        """
        wanted: dict[str, set[int]] = {}
        locations = [_location(parent) for parent in ids]
        for name, record in locations:
            wanted.setdefault(name, set()).add(record)
        with ExitStack() as opened:
            files: list[NamedFile] = []
            rows: dict[tuple[str, int], int] = {}
            found = [np.empty(0, ENTRY)]
            for name in sorted(wanted):
                file = self._files[name]
                if self._index is None:
                    file = plain_file(file, opened)
                entries = self._entries(file, wanted[name])
                entries["file"] = len(files)
                for entry in entries:
                    rows[name, int(entry["record"])] = len(rows)
                files.append(file)
                found.append(entries)
            entries = np.concatenate(found)[[rows[location] for location in locations]]
            return read_examples(entries, files, self._spec, self._shape)

    def missing(self, ids: Sequence[str]) -> str | None:
        """The first of these ids that is not in the index; None if all are."""
        return next((parent for parent in ids if not self._knows(*_location(parent))), None)

    def _knows(self, name: str, record: int) -> bool:
        records = self._records.get(name, _NO_RECORDS)  # ascending, as the file is read
        row = int(np.searchsorted(records, record))
        return row < len(records) and int(records[row]) == record

    def _entries(self, file: NamedFile, records: Collection[int]) -> Entries:
        """The entries of these records of a file, ENTRY[n] in file order."""
        if self._index is not None:
            known = self._index[file.name]
            return known[np.searchsorted(self._records[file.name], sorted(records))]
        examine = examiner(self._spec, decode=False)
        entries = np.zeros(len(records), ENTRY)
        try:
            for row, (record, offset, payload, fault) in enumerate(pick_records(place(file.path), file.name, records)):
                try:
                    if fault is not None:
                        raise ValueError(fault)
                    start, length, class_id, shape = examine(payload)
                    if shape != self._shape:
                        raise ValueError(f"the example is not {shape_text(self._shape)}, like those that were mixed")
                except ValueError as error:
                    raise record_error(file.name, record, offset, str(error)) from error
                entries[row] = offset, len(payload), start, length, record, 0, class_id, masked_crc32c(payload)
        except OSError as error:
            raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error
        return entries


def find_parents(manifest: Manifest, *, against: str | None = None, data_dir: str | None = None) -> Parents | None:
    """Find the source of a mixed dataset, to read parents from it.

    against: the source, as given to --src. Without it, the TFDS dataset of the same name is used if it is prepared and
    consists of the same files; otherwise the result is None. Nothing is downloaded in this case.

    Raises UsageError or SourceError if `against` cannot be opened or does not consist of the files that were mixed.
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
            return None  # another dataset with the same name
        raise
    if [file.name for file in files] == [file.name for file in manifest.source.files]:
        return Parents(files, manifest)
    if against is None:
        return None
    raise SourceError(f"{against}: is not the source that was mixed: its files differ from the manifest's")


def source_config(manifest: Manifest, src: str, data_dir: str | None) -> SourceConfig:
    """The configuration to open the source of a mixed dataset. src, data_dir: its location."""
    schema = manifest.source.schema
    return SourceConfig(
        src=src,
        split=manifest.split,
        data_dir=data_dir,
        image_key=schema.input_key,
        label_key=schema.label_key,
        allow_eval_split=True,
    )


def _location(parent: str) -> tuple[str, int]:
    location = split_example_id(parent)
    if location is None:
        raise SourceError(f"{parent!r} is not the id of an example")
    return location
