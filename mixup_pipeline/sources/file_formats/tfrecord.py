"""TFRecord, plain or compressed. A compressed file is converted by decompressing it."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from mixup_pipeline.records.framing import decompress, is_compressed, pick_records, read_records
from mixup_pipeline.sources.file_formats import Readable
from mixup_pipeline.sources.index import Entries, NamedFile
from mixup_pipeline.sources.payloads import read_payloads
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.places import Place, place


class TFRecord(Readable):
    """Files of framed records."""

    def needs_conversion(self, path: Place) -> bool:
        """Whether the file is a GZIP or ZLIB stream."""
        return is_compressed(path)

    def convert(self, file: NamedFile, spec: ExampleSpec, target: Path) -> None:
        """Decompress the file."""
        decompress(place(file.path), file.name, target)

    def records(self, path: Place, name: str) -> Iterator[tuple[int, bytes, int, str | None]]:
        """All records, see `records.framing.read_records`."""
        return read_records(path, name)

    def pick(self, path: Place, name: str, wanted: Collection[int]) -> Iterator[tuple[int, int, bytes, str | None]]:
        """The wanted records; the others are passed over by their lengths."""
        return pick_records(path, name, wanted)

    def payloads(self, files: Sequence[NamedFile], entries: Entries) -> Iterator[bytes]:
        """The payloads; neighbours are read together."""
        return read_payloads(files, entries)


FORMAT = TFRecord()
