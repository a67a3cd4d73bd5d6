"""File formats: how the files of a source hold its records.

Each record is a tf.Example message, whatever the file is. A `Readable` file gives its records in order and at random. A
file of any other format is converted: into TFRecord, or into a list of places where the records lie. What a conversion
writes is kept in the work folder, whole or not at all; other readers keep it in a file without a name.

Each format has its own file and is registered in `config.registry.FILE_FORMATS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from mixup_pipeline.config.registry import FILE_FORMATS
from mixup_pipeline.errors import RecordError
from mixup_pipeline.sources.index import Entries, NamedFile
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.places import Place, place
from mixup_pipeline.storage.stamps import Stamp, stamp, stamps


class FileFormat(ABC):
    """One format. Methods raise SourceError for a file that is damaged, and OSError for one that cannot be read."""

    converted_to: ClassVar[str] = "tfrecord"
    """The name of the readable format of what a conversion writes."""

    file_stamp: ClassVar[bool] = True
    """Whether the stamp is that of the file itself."""

    def needs_conversion(self, path: Place) -> bool:
        """Whether the file has to be converted before its records can be read."""
        return True

    @abstractmethod
    def convert(self, file: NamedFile, spec: ExampleSpec, target: Path) -> None:
        """Write a readable file to the target."""

    def stamp(self, path: Place) -> Stamp:
        """What shows that the file is the one that was read before."""
        return stamp(path)


class Readable(FileFormat):
    """A format whose records can be read in order, and at random. So it needs no conversion, unless it says so."""

    byte_offsets: ClassVar[bool] = True
    """Whether the offset of a record is a byte of the source file, or of what that decompresses to."""

    def needs_conversion(self, path: Place) -> bool:
        """Whether the file has to be converted before its records can be read."""
        return False

    def convert(self, file: NamedFile, spec: ExampleSpec, target: Path) -> None:
        """Never called where no conversion is needed."""
        raise TypeError(f"{file.name}: {file.format} files need no conversion")

    @abstractmethod
    def records(self, path: Place, name: str) -> Iterator[tuple[int, bytes, int, str | None]]:
        """All records in file order: (offset, payload, masked CRC, fault of the payload or None).

        Offsets ascend. Raises RecordError where the file cannot be read on.
        """

    @abstractmethod
    def pick(self, path: Place, name: str, wanted: Collection[int]) -> Iterator[tuple[int, int, bytes, str | None]]:
        """The wanted records only, in file order: (record index, offset, payload, its fault or None).

        Raises RecordError for a record that does not exist.
        """

    @abstractmethod
    def payloads(self, files: Sequence[NamedFile], entries: Entries) -> Iterator[bytes]:
        """The payloads of ENTRY[n], which must be sorted by file and offset, in that order.

        Raises RecordError if a payload does not match the CRC in its entry: the file changed after it was indexed.
        """

    def where(self, path: Place, name: str, record: int, offset: int) -> str:
        """The place of a record, for messages. name: that of the source file."""
        return f"{name}: record {record} at byte {offset}"

    def members(self, path: Place) -> Sequence[str] | None:
        """The name of the file that each record was, below that of the source file; None if they were no files."""
        return None


def format_of(file: NamedFile) -> FileFormat:
    """The format of a source file."""
    file_format: FileFormat = FILE_FORMATS[file.format]
    return file_format


def readable(file: NamedFile) -> Readable:
    """The format of a file that needs no conversion, or is what a conversion wrote."""
    file_format = format_of(file)
    if not isinstance(file_format, Readable):
        raise TypeError(f"{file.name}: {file.format} files must be converted before they are read")
    return file_format


def payloads_of(files: Sequence[NamedFile], entries: Entries) -> Iterator[bytes]:
    """The payloads of ENTRY[n] of readable files of one format, as `Readable.payloads` gives them."""
    return readable(files[int(entries["file"][0])]).payloads(files, entries) if len(entries) else iter(())


def bad_record(file: NamedFile, record: int, offset: int, reason: str) -> RecordError:
    """The error of a record of a readable file."""
    return RecordError(f"{readable(file).where(place(file.path), file.name, record, offset)}: {reason}")


def file_stamps(files: Sequence[NamedFile]) -> list[Stamp | None]:
    """The stamp of each source file, None where it does not exist. Raises OSError where one cannot be looked up."""
    if all(format_of(file).file_stamp for file in files):
        return stamps([place(file.path) for file in files])
    return [format_of(file).stamp(path) if path.exists() else None for file in files for path in [place(file.path)]]
