"""The manifest: the last file written, and the promise that a directory is complete and bit-exact.

`manifest.json` holds no path, host or time, so that equal runs have equal manifests. Its JSON Schema ships as
`schemas/manifest.schema.json`.
"""

import hashlib
import json
from typing import Any

import msgspec

from mixup_pipeline.config import MixConfig
from mixup_pipeline.config.typed_json import from_json, to_json
from mixup_pipeline.errors import ManifestError, MixupError, first_line
from mixup_pipeline.mixing.totals import Totals
from mixup_pipeline.records.layout import Layout
from mixup_pipeline.records.names import shard_name
from mixup_pipeline.sources.index import IndexedFile
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.places import Place

FORMAT_VERSION = 2
MANIFEST_NAME = "manifest.json"
WORK_NAME = ".work"
"""The folder of an unfinished run, beside its shards."""
MIXED_SUFFIX = "_mixup"
"""What the name of a mixed dataset has more than that of its source."""


class SourceFileEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the source. examples, skipped: records used and left out. fingerprint: sha256 over its records."""

    name: str
    examples: int
    skipped: int
    fingerprint: str

    @property
    def num_records(self) -> int:
        """Records that were looked at."""
        return self.examples + self.skipped


class SourceEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The source that was mixed. examples: those used. schema: what they look like."""

    examples: int
    skipped: int
    files: tuple[SourceFileEntry, ...]
    schema: ExampleSpec

    @classmethod
    def of(cls, files: tuple[IndexedFile, ...], spec: ExampleSpec, num_examples: int) -> "SourceEntry":
        """Of indexed files, without any path."""
        return cls(
            examples=num_examples,
            skipped=sum(file.skipped for file in files),
            files=tuple(
                SourceFileEntry(
                    name=file.name, examples=file.examples, skipped=file.skipped, fingerprint=file.fingerprint
                )
                for file in files
            ),
            schema=spec,
        )


class ShardEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One shard. copy: which one it belongs to; None for originals."""

    name: str
    copy: int | None
    examples: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is known of a mixed dataset. Shards stand in the order of their names."""

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
        """Passes over the source that the shards hold: the copies, and the originals where they are kept."""
        return self.config.copies + self.config.keep_originals

    @property
    def num_bytes(self) -> int:
        """Bytes of all shards."""
        return sum(shard.bytes for shard in self.shards)

    @property
    def layout(self) -> Layout:
        """What its records look like."""
        return layout_of(self.config, self.source.schema, self.shape)

    def shard_names(self) -> list[tuple[str, int | None]]:
        """Name and copy of the shards that follow from the configuration."""
        of_each, copies = self.config.num_shards or 1, self.config.copies
        total = of_each * self.num_passes
        return [
            (shard_name(self.name, self.split, number, total), number // of_each if number < of_each * copies else None)
            for number in range(total)
        ]

    def to_json(self) -> dict[str, Any]:
        """The manifest as dicts, lists and scalars."""
        fields: dict[str, Any] = to_json(self)
        return fields


def layout_of(config: MixConfig, spec: ExampleSpec, shape: tuple[int, ...]) -> Layout:
    """The layout of the records that a settled configuration gives of examples of a shape."""
    return Layout(
        shape=shape,
        num_classes=spec.num_classes,
        label_kind=spec.label_kind,
        label_format=config.label_format,
        image_format=config.image_format,
        method=config.method,
    )


def read_manifest(out: Place) -> Manifest:
    """The manifest of a directory.

    Raises ManifestError where there is none, it is no JSON, another version of the format, or no manifest.
    """
    return typed_manifest(out, read_manifest_json(out))


def typed_manifest(out: Place, fields: Any) -> Manifest:
    """The manifest that JSON values describe.

    Raises ManifestError where they describe none.
    """
    try:
        return from_json(fields, Manifest)
    except (msgspec.ValidationError, MixupError) as error:
        raise ManifestError(f"{out / MANIFEST_NAME}: {first_line(error)}: make the directory again") from error


def read_manifest_json(out: Place) -> dict[str, Any]:
    """The manifest of a directory as JSON values, of which only the version of the format is checked.

    Raises ManifestError where there is none, it is no JSON, or another version of the format.
    """
    path = out / MANIFEST_NAME
    try:
        text = path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from error
    if text is None:
        unfinished = (out / WORK_NAME).is_dir()
        hint = (
            "run the same mixup-augment command again to resume it"
            if unfinished
            else "is it the --out of mixup-augment?"
        )
        raise ManifestError(f"{out}: no {MANIFEST_NAME}, so this is not a complete dataset: {hint}")
    try:
        fields = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: is not JSON ({error}): make the directory again") from error
    found = fields.get("format_version") if isinstance(fields, dict) else None
    if found != FORMAT_VERSION:
        raise ManifestError(
            f"{path}: format version {found!r}, this version reads {FORMAT_VERSION}: make the directory again"
        )
    return dict(fields)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def identify(name: str, split: str, config: MixConfig, source: SourceEntry) -> str:
    """The run id: sha256 over all that decides the bytes of the output. Equal for equal outputs."""
    identity = [FORMAT_VERSION, name, split, to_json(config), to_json(source)]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
