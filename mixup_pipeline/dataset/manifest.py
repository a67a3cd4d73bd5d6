"""The manifest: the last file that a run writes. It guarantees that the directory is complete and bit-exact.

`manifest.json` holds no host, no time, and no path that the user did not give, so equal commands have equal manifests.
Its JSON Schema ships as `schemas/manifest.schema.json`.
"""

import hashlib
import json
from typing import Any

import msgspec

from mixup_pipeline.config import MixConfig
from mixup_pipeline.config.registry import INPUT_KINDS
from mixup_pipeline.config.typed_json import from_json, to_json
from mixup_pipeline.dataset.left_out import LeftOutSummary
from mixup_pipeline.errors import ManifestError, MixupError, first_line
from mixup_pipeline.mixing.totals import Totals
from mixup_pipeline.records.layout import Layout
from mixup_pipeline.records.names import shard_name
from mixup_pipeline.sources.census import CensusSummary
from mixup_pipeline.sources.index import IndexedFile
from mixup_pipeline.sources.source import Origin
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.places import Place
from mixup_pipeline.storage.small_file import parse_json, read_small

FORMAT_VERSION = 3
READABLE_VERSIONS = (2, 3)
"""Version 2 does not know what was asked for, and mixed RGBA images without regard to transparency."""
MANIFEST_NAME = "manifest.json"
WORK_NAME = ".work"
"""The folder of an unfinished run, beside its shards."""
DESCRIPTION_BYTES = 256 << 20
"""A million shards take about as much."""
MIXED_SUFFIX = "_mixup"
"""The ending that a mixed dataset's name adds to the name of its source."""


class SourceFileEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the source.

    examples: the records used. skipped: the bad records left out. fingerprint: sha256 over the length and the CRC of
    every record read. member_bytes: the bytes of the longest name of an image in a folder, 0 for any other file.
    first_record: the first record that was read, of a slice.
    """

    name: str
    examples: int
    skipped: int
    fingerprint: str
    member_bytes: int = 0
    first_record: int = 0

    @property
    def num_records(self) -> int:
        """The number of records that were read."""
        return self.examples + self.skipped

    @property
    def records(self) -> range:
        """The records that were read."""
        return range(self.first_record, self.first_record + self.num_records)


class SourceEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The source that was mixed. examples: the examples used. skipped: the bad records. schema: its spec.

    origin: what was asked for and what was chosen; None in format version 2. census: the images of the source in
    numbers; None where its inputs are no image files. left_out: the bad records by reason; None if there are none.
    These three are not part of the run id: they follow from the rest, or decide nothing.
    """

    examples: int
    skipped: int
    files: tuple[SourceFileEntry, ...]
    schema: ExampleSpec
    origin: Origin | None = None
    census: CensusSummary | None = None
    left_out: LeftOutSummary | None = None

    @classmethod
    def of(cls, files: tuple[IndexedFile, ...], spec: ExampleSpec, num_examples: int, **more: Any) -> "SourceEntry":
        """Describe indexed files, without their paths. more: the fields that are not part of the run id."""
        return cls(
            examples=num_examples,
            skipped=sum(file.skipped for file in files),
            files=tuple(
                SourceFileEntry(
                    name=file.name,
                    examples=file.examples,
                    skipped=file.skipped,
                    fingerprint=file.fingerprint,
                    member_bytes=file.member_bytes,
                    first_record=file.first_record,
                )
                for file in files
            ),
            schema=spec,
            **more,
        )


class ShardEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One shard. copy: the copy that it belongs to, None for originals."""

    name: str
    copy: int | None
    examples: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The description of a mixed dataset. Shards are in the order of their numbers."""

    format_version: int
    run_id: str
    name: str
    split: str
    config: MixConfig
    source: SourceEntry
    shape: tuple[int, ...]
    num_classes: int
    class_names: tuple[str, ...] | None
    shards: tuple[ShardEntry, ...]
    totals: Totals
    versions: dict[str, str]

    @property
    def source_name(self) -> str:
        """The name of the source."""
        return self.name.removesuffix(MIXED_SUFFIX)

    @property
    def num_passes(self) -> int:
        """The number of passes over the source: the copies, and the originals if they are kept."""
        return self.config.copies + self.config.keep_originals

    @property
    def num_bytes(self) -> int:
        """The bytes of all shards together."""
        return sum(shard.bytes for shard in self.shards)

    @property
    def layout(self) -> Layout:
        """The layout of the records."""
        return layout_of(self.config, self.source.schema, self.shape, self.format_version)

    def shard_names(self) -> list[tuple[str, int | None]]:
        """The name and the copy of every shard, as the configuration determines them."""
        per_copy, copies = self.config.num_shards or 1, self.config.copies
        total = per_copy * self.num_passes
        return [
            (
                shard_name(self.name, self.split, number, total),
                number // per_copy if number < per_copy * copies else None,
            )
            for number in range(total)
        ]

    def to_json(self) -> dict[str, Any]:
        """Convert the manifest to dicts, lists and scalars."""
        fields: dict[str, Any] = to_json(self)
        return fields


def layout_of(
    config: MixConfig, spec: ExampleSpec, shape: tuple[int, ...], format_version: int = FORMAT_VERSION
) -> Layout:
    """The layout of the records of a run. config: its resolved configuration. shape: the shape of an example."""
    return Layout(
        shape=shape,
        num_classes=spec.num_classes,
        label_kind=spec.label_kind,
        label_format=config.label_format,
        image_format=config.image_format,
        quality=config.quality,
        method=config.method,
        premultiplied=format_version > 2,
        keep=spec.keep,
        is_image=INPUT_KINDS[spec.encoding].is_image,
        augmented=config.augment is not None,
    )


def read_manifest(out: Place) -> Manifest:
    """Read the manifest of a directory.

    Raises ManifestError if there is none, or it is not JSON, of another format version, or not a manifest.
    """
    return typed_manifest(out, read_manifest_json(out))


def typed_manifest(out: Place, fields: Any) -> Manifest:
    """Convert JSON values to a manifest.

    Raises ManifestError if they are not one.
    """
    try:
        return from_json(fields, Manifest)
    except (msgspec.ValidationError, MixupError) as error:
        raise ManifestError(f"{out / MANIFEST_NAME}: {first_line(error)}: make the directory again") from error


def read_manifest_json(out: Place) -> dict[str, Any]:
    """Read the manifest of a directory as JSON values. Only the format version is checked.

    Raises ManifestError if there is none, or it is not JSON or of another format version.
    """
    path = out / MANIFEST_NAME
    try:
        text = read_small(path, DESCRIPTION_BYTES) if path.is_file() else None
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from error
    except ValueError as error:
        raise ManifestError(f"{path}: is not a manifest: {error}: make the directory again") from error
    if text is None:
        unfinished = (out / WORK_NAME).is_dir()
        hint = (
            "run the same mixup-augment command again to resume it"
            if unfinished
            else "is it the --out of mixup-augment?"
        )
        raise ManifestError(f"{out}: no {MANIFEST_NAME}, so this is not a complete dataset: {hint}")
    try:
        fields = parse_json(text)
    except ValueError as error:
        raise ManifestError(f"{path}: is not JSON ({error}): make the directory again") from error
    found = fields.get("format_version") if isinstance(fields, dict) else None
    if found not in READABLE_VERSIONS:
        readable = " and ".join(map(str, READABLE_VERSIONS))
        raise ManifestError(
            f"{path}: format version {found!r}, this version reads {readable}: make the directory again"
        )
    return dict(fields)


def identify(
    name: str, split: str, config: MixConfig, source: SourceEntry, format_version: int = FORMAT_VERSION
) -> str:
    """The run id: the sha256 of everything that determines the bytes of the output. Equal outputs have equal ids."""
    known = msgspec.structs.replace(source, origin=None, census=None, left_out=None)
    identity = [format_version, name, split, to_json(config), to_json(known)]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
