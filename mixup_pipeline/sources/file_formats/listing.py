"""Listings: the images of a folder, read where they are. Nothing is copied.

A listing is text. Its first line holds the folder as JSON, each further line one image: its name below the folder, and
its other features. The record of an image is a tf.Example message of its bytes and these. It is made when it is read.
"""

import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from mixup_pipeline.errors import RecordError, SourceError
from mixup_pipeline.records.framing import MAX_RECORD_BYTES, masked_crc32c
from mixup_pipeline.records.tf_example import serialize
from mixup_pipeline.sources.file_formats import Readable
from mixup_pipeline.sources.file_formats.values import Plain, feature_of
from mixup_pipeline.sources.index import Entries, NamedFile
from mixup_pipeline.sources.payloads import UNDER_WAY
from mixup_pipeline.storage.places import ObjectPath, Place, place
from mixup_pipeline.storage.prefetch import prefetch
from mixup_pipeline.storage.range_reader import RangeReader

IMAGE_KEY, LABEL_KEY = "image", "label"
"""The features of a record."""
Others = Mapping[str, Plain]
"""Features by key."""
_CHANGED = "was changed while it was read: run again"


def write_listing(target: Path, folder: Place, images: Iterable[tuple[str, Others]]) -> None:
    """Write a listing. images: the name of each below the folder, and its features, in the order of the records."""
    with target.open("w", encoding="utf-8") as file:
        for line in itertools.chain([str(folder)], images):
            file.write(json.dumps(line) + "\n")  # in ASCII: the folder's path may be no UTF-8


class Members(Sequence[str]):
    """The names of the images in a listing, read when they are asked for. Takes the bytes of the listing."""

    def __init__(self, path: Place) -> None:
        with RangeReader(path) as file:
            self._text = file.read(file.size, 0)
        ends = np.flatnonzero(np.frombuffer(self._text, np.uint8) == ord("\n"))
        self._starts = np.concatenate([[0], ends + 1])
        self.folder = place(self._line(0))

    def __len__(self) -> int:
        return len(self._starts) - 2

    @overload
    def __getitem__(self, record: int) -> str: ...
    @overload
    def __getitem__(self, record: slice) -> Sequence[str]: ...
    def __getitem__(self, record: int | slice) -> str | Sequence[str]:
        if isinstance(record, slice):
            return [self[number] for number in range(*record.indices(len(self)))]
        return str(self.image(record)[0])

    def image(self, record: int) -> tuple[str, Others]:
        """The name of an image, and its features."""
        if not 0 <= record < len(self):
            raise IndexError(record)
        name, others = self._line(record + 1)
        return name, others

    def _line(self, number: int) -> Any:
        return json.loads(self._text[self._starts[number] : self._starts[number + 1]])


class Listing(Readable):
    """A list of images, which are read where they are."""

    byte_offsets = False

    def records(self, path: Place, name: str) -> Iterator[tuple[int, bytes, int, str | None]]:
        """All images, in the order of the listing. What cannot be read is a fault of its record."""
        images = Members(path)
        found = _in_order(lambda record: _read(images, record), range(len(images)), images)
        for record, (payload, fault) in enumerate(found):
            yield record, payload, masked_crc32c(payload), fault

    def pick(self, path: Place, name: str, wanted: Collection[int]) -> Iterator[tuple[int, int, bytes, str | None]]:
        """The wanted images."""
        images = Members(path)
        for record in sorted(wanted):
            if record >= len(images):
                raise SourceError(f"{name}: holds {len(images):,} images, there is no image {record:,}: it was changed")
            payload, fault = _read(images, record)
            yield record, record, payload, fault

    def payloads(self, files: Sequence[NamedFile], entries: Entries) -> Iterator[bytes]:
        """The payloads of ENTRY[n], each made of an image."""
        columns = (entries[column].tolist() for column in ("file", "record", "crc"))
        for number, rows in itertools.groupby(zip(*columns, strict=True), key=lambda row: int(row[0])):
            file, expected = files[number], list(rows)
            images = Members(place(file.path))
            found = _in_order(lambda row, images=images: _read(images, row[1]), expected, images)
            for (_, record, crc), (payload, fault) in zip(expected, found, strict=True):
                if fault is not None or masked_crc32c(payload) != crc:
                    raise RecordError(f"{file.name}/{images[record]}: {fault or _CHANGED}")
                yield payload

    def where(self, path: Place, name: str, record: int, offset: int) -> str:
        """The path of the image below --src."""
        return f"{name}/{Members(path)[record]}"

    def members(self, path: Place) -> Members:
        """The names of the images below the folder."""
        return Members(path)


def _in_order(read: Any, items: Iterable[Any], images: Members) -> Iterator[tuple[bytes, str | None]]:
    """Read images in order; from a store, the next ones are already requested."""
    return prefetch(read, items, UNDER_WAY) if isinstance(images.folder, ObjectPath) else map(read, items)


def _read(images: Members, record: int) -> tuple[bytes, str | None]:
    """The payload of one image, and why it cannot be read."""
    name, others = images.image(record)
    try:
        with RangeReader(images.folder / name) as file:
            data = file.read(min(file.size, MAX_RECORD_BYTES + 1), 0)
    except OSError as error:
        return b"", f"cannot be read ({(error.strerror or str(error)).lower()})"
    if not data:
        return b"", "the file is empty"
    if len(data) > MAX_RECORD_BYTES:
        return b"", f"the file holds more than {MAX_RECORD_BYTES >> 20} MiB"
    return serialize({IMAGE_KEY: data} | {key: feature_of(value) for key, value in others.items()}), None


FORMAT = Listing()
