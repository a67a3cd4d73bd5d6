"""Image lists: a metadata.csv or metadata.jsonl names the images beside it, with their labels. It becomes a listing.

The column `file_name` holds the names, as Hugging Face's ImageFolder has them. A label that is missing, or an image
that is not there, is a fault of its record.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.tf_example import FAULT_KEY
from mixup_pipeline.sources.columns import label_columns
from mixup_pipeline.sources.file_formats import FileFormat
from mixup_pipeline.sources.file_formats.csv import rows_in
from mixup_pipeline.sources.file_formats.file_object import open_file
from mixup_pipeline.sources.file_formats.listing import Others, write_listing
from mixup_pipeline.sources.file_formats.values import Plain, contents_of, plain
from mixup_pipeline.sources.index import NamedFile
from mixup_pipeline.sources.source import is_text
from mixup_pipeline.spec import ExampleSpec, counted
from mixup_pipeline.storage.places import Place, place
from mixup_pipeline.storage.stamps import Stamp, stamp

FILE_NAME = "file_name"
NAMES = ("metadata.csv", "metadata.jsonl")
Row = Mapping[str, Any]


def rows(path: Place) -> Iterator[Row]:
    """The rows of a list. Values of a CSV are texts. Raises SourceError for a row that names no image below."""
    for number, row in enumerate(_csv_rows(path) if path.suffix == ".csv" else _json_rows(path)):
        name = row.get(FILE_NAME)
        if not isinstance(name, str) or not name:
            found = ", ".join(sorted(row)) or "nothing"
            raise SourceError(
                f"{path}: row {number} has no {FILE_NAME}, it has {found}: each row names an image beside this file"
            )
        if not is_text(name):
            raise SourceError(f"{path}: row {number}: {name!a} is not UTF-8, so that no id can hold it: rename it")
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise SourceError(f"{path}: row {number}: {name!r} lies outside of this folder")
        yield row


def _csv_rows(path: Place) -> Iterator[Row]:
    with rows_in(path, str(path)) as (names, found, _):
        for number, row in enumerate(found):
            if len(row) != len(names):
                raise SourceError(
                    f"{path}: row {number} holds {counted(len(row), 'value')}, there are {len(names)} columns"
                )
            yield {name: value.strip() for name, value in zip(names, row, strict=True) if value.strip()}


def _json_rows(path: Place) -> Iterator[Row]:
    with open_file(path) as file:
        for number, line in enumerate(file):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise SourceError(f"{path}: line {number + 1} is no JSON ({error})") from error
            if not isinstance(row, dict):
                raise SourceError(f"{path}: line {number + 1} is no JSON object")
            yield {key: value for key, value in row.items() if value is not None}


class ImageList(FileFormat):
    """A file that lists images."""

    converted_to: ClassVar[str] = "listing"
    file_stamp: ClassVar[bool] = False

    def convert(self, file: NamedFile, spec: ExampleSpec, target: Path) -> None:
        """List the images in the order of the rows, with the features that are wanted."""
        path = place(file.path)
        images = ((row[FILE_NAME], _features(row, number, path, spec)) for number, row in enumerate(rows(path)))
        write_listing(target, path.parent, images)

    def stamp(self, path: Place) -> Stamp:
        """A hash over the stamps of the list and of all its images."""
        told = hashlib.sha256(repr(stamp(path)).encode())
        for row in rows(path):
            try:
                told.update(repr(stamp(path.parent / row[FILE_NAME])).encode())
            except OSError:  # it is not there: its record is bad
                told.update(b"?")
        return (told.hexdigest(),)


def _features(row: Row, number: int, path: Place, spec: ExampleSpec) -> Others:
    """What an image has beside it; a fault in place of what it lacks."""
    found: dict[str, Plain] = {}
    for key, content in contents_of(spec).items():
        columns = label_columns(key, row) if key == spec.label_key else (key,)
        try:
            values = [row.get(name) for name in columns]
            found[key] = plain(values if columns[1:] else values[0], content, is_text=path.suffix == ".csv")
        except ValueError as error:
            return {FAULT_KEY: f"{path.name}, row {number}: column {key}: {error}"}
    return found


FORMAT = ImageList()
