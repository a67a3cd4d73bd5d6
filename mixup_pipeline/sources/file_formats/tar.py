"""WebDataset: tar files of samples, each of which is the consecutive members of one key.

The key is the name up to the first dot of its last part, the part is what follows: the members dir/000.jpg and
dir/000.cls are two parts of the sample dir/000. A tar is read from its beginning to its end, once, and nothing is
extracted to disk, so it may be compressed. What a sample lacks is a fault of its record.
Format: https://github.com/webdataset/webdataset
"""

import gzip
import json
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar

from mixup_pipeline.errors import SourceError, first_line
from mixup_pipeline.records.framing import MAX_RECORD_BYTES
from mixup_pipeline.records.tf_example import serialize
from mixup_pipeline.sources.file_formats import FileFormat
from mixup_pipeline.sources.file_formats.converted import fault_payload, write_converted
from mixup_pipeline.sources.file_formats.file_object import open_file
from mixup_pipeline.sources.file_formats.values import Feature, contents_of, plain
from mixup_pipeline.sources.file_formats.values import feature_of as plain_feature
from mixup_pipeline.sources.index import NamedFile
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.places import Place, place

IMAGE_PARTS = frozenset({"jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"})
IMAGE_KEY, CLASS_KEY, TEXT_KEY, JSON_KEY = "image", "cls", "txt", "json"
"""The key of the only image of a sample, whichever format it has; and parts that hold labels."""
_NAME = re.compile(r"(?P<key>(?:.*/)?[^./]+)\.(?P<part>[^/]+)", re.DOTALL)
_GZIP = b"\x1f\x8b"
_REST_BYTES = 1 << 20


@dataclass
class Sample:
    """The parts of a sample by their names. fault: why a part cannot be used; empty if all can."""

    key: str
    parts: dict[str, bytes] = field(default_factory=dict)
    fault: str = ""


class _Member(tarfile.TarInfo):
    """A member of a tar that has to end as tar files do. `tarfile` takes what follows a damaged header as no more."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "_Member":
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the empty block at the end
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error).replace("empty header", "it ends without an empty block")) from error


def samples(path: Place, name: str) -> Iterator[Sample]:
    """The samples of a tar file, in its order. Members that are no files, or have no key, are left out.

    Raises SourceError for a file that is no tar, is cut or is damaged, and OSError for one that cannot be read.
    """
    current: Sample | None = None
    with _opened(path, name) as members:
        for member_name, size, file in members:
            match = _NAME.fullmatch(member_name)
            if match is None:
                continue
            if current is None or current.key != match["key"]:
                if current is not None:
                    yield current
                current = Sample(match["key"])
            _add(current, match["part"].lower(), size, file)
    if current is not None:
        yield current


def _add(sample: Sample, part: str, size: int, file: IO[bytes]) -> None:
    if size > MAX_RECORD_BYTES:
        sample.fault = f"its {part} holds {size:,} bytes: allowed are {MAX_RECORD_BYTES >> 20} MiB"
    elif part in sample.parts:
        sample.fault = f"has two parts {part}"
    else:
        sample.parts[part] = file.read()


@contextmanager
def _opened(path: Place, name: str) -> Iterator[Iterator[tuple[str, int, IO[bytes]]]]:
    """(name, size, content) of the regular files in a tar, one after another."""
    try:
        with ExitStack() as opened:
            stream: Any = opened.enter_context(open_file(path))
            if stream.peek(len(_GZIP)).startswith(_GZIP):
                stream = opened.enter_context(gzip.GzipFile(fileobj=stream))
            tar = opened.enter_context(
                tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member, errors="surrogateescape")
            )
            yield _files(tar)
            while stream.read(_REST_BYTES):  # up to the checksum of a compressed one
                pass
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise SourceError(f"{name}: is no whole tar file ({first_line(error)}): write or copy it again") from error


def _files(tar: tarfile.TarFile) -> Iterator[tuple[str, int, IO[bytes]]]:
    while (member := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined]  # it would keep all of them
        file = tar.extractfile(member) if member.isreg() else None
        if file is not None:
            yield member.name, member.size, file


class Tar(FileFormat):
    """A tar of samples."""

    converted_to: ClassVar[str] = "converted"

    def convert(self, file: NamedFile, spec: ExampleSpec, target: Path) -> None:
        """Write one record for each sample. It has the parts that the spec asks for."""
        inputs = dict.fromkeys(spec.columns, "float32") or ({spec.input_key: "numbers"} if spec.input_key else {})
        contents = inputs | contents_of(spec)
        write_converted(target, (_payload(sample, contents) for sample in samples(place(file.path), file.name)))


def _payload(sample: Sample, contents: Mapping[str, str]) -> bytes:
    try:
        if sample.fault:
            raise ValueError(sample.fault)
        return serialize({key: feature_of(sample, key, content) for key, content in contents.items()})
    except ValueError as error:
        return fault_payload(f"sample {sample.key!r}: {error}")


def images_of(sample: Sample) -> list[str]:
    """The parts that are plain images."""
    return sorted(IMAGE_PARTS & set(sample.parts))


def feature_of(sample: Sample, key: str, content: str) -> Feature:
    """A feature of the record of a sample. Raises ValueError that says what is missing or wrong."""
    if key == IMAGE_KEY:
        return _image(sample)
    data = sample.parts.get(key)
    if data is not None and key.rpartition(".")[2] in IMAGE_PARTS:
        return data
    value = _field(sample, key) if data is None else _text(data, key).strip()
    try:
        return plain_feature(plain(value, content, is_text=data is not None))
    except ValueError as error:
        raise ValueError(f"its {key} {error}") from error


def _image(sample: Sample) -> bytes:
    found = images_of(sample)
    if len(found) != 1:
        what = f"has {len(found)} images ({', '.join(found)})" if found else "has no image"
        raise ValueError(f"{what}: it has {', '.join(sorted(sample.parts))}")
    return sample.parts[found[0]]


def fields_of(sample: Sample) -> dict[str, Any]:
    """The fields of the JSON part. Raises ValueError if there is none, or it is no JSON object."""
    content = sample.parts.get(JSON_KEY)
    if content is None:
        return {}
    try:
        fields = json.loads(_text(content, JSON_KEY))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"its json is damaged ({first_line(error)})") from error
    if not isinstance(fields, dict):
        raise ValueError("its json is no object with fields")
    return fields


def _text(content: bytes, part: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"its {part} is no UTF-8 text") from error


def _field(sample: Sample, key: str) -> Any:
    """A field of the JSON part."""
    fields = fields_of(sample)
    if fields.get(key) is None:
        has = ", ".join(sorted({*sample.parts, *(f"json field {name}" for name in fields)}))
        raise ValueError(f"has no {key}: it has {has}"[:300])
    return fields[key]


FORMAT = Tar()
