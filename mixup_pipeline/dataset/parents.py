"""The parents of mixed examples. They are found in the source by their ids.

Without an index, only the records of the parents are read, whatever the size of the source. To reach them, a file is
walked record by record, using the lengths of the records.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.dataset.source_again import open_again, source_config
from mixup_pipeline.errors import SourceError, StoreError, UsageError
from mixup_pipeline.records.framing import masked_crc32c
from mixup_pipeline.records.names import located
from mixup_pipeline.sources.examples import Examples, read_examples
from mixup_pipeline.sources.file_formats import bad_record, readable
from mixup_pipeline.sources.index import ENTRY, Entries, NamedFile
from mixup_pipeline.sources.scan import examiner, plain_file
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.sources.tfds_directory import prepared_directory
from mixup_pipeline.sources.tfrecord import names_files
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
        locations = [self._location(parent) for parent in ids]
        for name, record in locations:
            wanted.setdefault(name, set()).add(record)
        with ExitStack() as opened:
            files: list[NamedFile] = []
            rows: dict[tuple[str, int], int] = {}
            found = [np.empty(0, ENTRY)]
            for name in sorted(wanted):
                file: NamedFile = self._files[name]
                if isinstance(file, SourceFile):
                    file = plain_file(file, self._spec, opened)
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
        return next((parent for parent in ids if not self._knows(parent)), None)

    def _location(self, parent: str) -> tuple[str, int]:
        location = located(parent, self._files)
        if location is None:
            raise SourceError(f"{parent!r} is not the id of an example")
        return location

    def _knows(self, parent: str) -> bool:
        location = located(parent, self._files)
        if location is None:
            return False
        name, record = location
        records = self._records.get(name, _NO_RECORDS)  # ascending, as the file is read
        row = int(np.searchsorted(records, record))
        return row < len(records) and int(records[row]) == record

    def _entries(self, file: NamedFile, records: Collection[int]) -> Entries:
        """The entries of these records of a file, ENTRY[n] in file order."""
        if self._index is not None:
            known = self._index[file.name]
            return known[np.searchsorted(self._records[file.name], sorted(records))]
        examine, file_format = examiner(self._spec, decode=False), readable(file)
        entries = np.zeros(len(records), ENTRY)
        try:
            for row, (record, offset, payload, fault) in enumerate(
                file_format.pick(place(file.path), file.name, records)
            ):
                try:
                    if fault is not None:
                        raise ValueError(fault)
                    start, length, class_id, *_ = examine(payload)
                except ValueError as error:
                    raise bad_record(file, record, offset, str(error)) from error
                entries[row] = offset, len(payload), start, length, record, 0, class_id, masked_crc32c(payload)
        except OSError as error:
            raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error
        return entries


def find_parents(manifest: Manifest, *, against: str | None = None, data_dir: str | None = None) -> Parents | None:
    """Find the source of a mixed dataset, to read parents from it.

    against: the source, as given to --src. Without it, the source is looked for where it was when it was mixed, then as
    the TFDS dataset of its name; with data_dir, only there. The result is None if it is not there or is another one.
    Nothing is downloaded in this case.

    Raises UsageError or SourceError if `against` cannot be opened or is not the source that was mixed.
    """
    if data_dir is not None and not place(data_dir).is_dir():
        raise UsageError(f"--data-dir {data_dir}: no such folder")
    if against is not None:
        given = _readable(source_config(manifest, against, data_dir=data_dir), manifest)
        return Parents(open_again(given, manifest).files, manifest)
    where_it_was = source_config(manifest, data_dir=data_dir)
    for config in (where_it_was, replace(where_it_was, src=manifest.source_name, schema=None)):
        try:
            if _is_here(config, in_data_dir=data_dir is not None):
                return Parents(open_again(_readable(config, manifest), manifest).files, manifest)
        except (UsageError, SourceError, StoreError):  # another dataset of that name, or one that is damaged since
            continue
    return None


def _readable(config: SourceConfig, manifest: Manifest) -> SourceConfig:
    """The records are read as the manifest says, so no description has to say how many classes there are."""
    schema = manifest.source.schema
    image_key = None if schema.columns else schema.input_key
    num_classes = None if schema.class_texts else schema.num_classes
    return replace(
        config,
        image_key=image_key,
        label_key=schema.label_key,
        num_classes=num_classes,
        first_class=schema.first_class or None,
    )


def _is_here(config: SourceConfig, *, in_data_dir: bool) -> bool:
    """Whether the source can be opened without asking anybody for it."""
    if prepared_directory(config) is not None:
        return True
    return not in_data_dir and (names_files(config) or place(config.src).is_dir())
