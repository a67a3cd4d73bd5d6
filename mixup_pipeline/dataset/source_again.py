"""The source of a mixed dataset, found again by what its manifest knows, and told from any other source."""

from collections.abc import Sequence
from typing import Any, Protocol

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.option import options_of
from mixup_pipeline.config.source import image_options
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.errors import SourceError, SplitError, UsageError
from mixup_pipeline.sources import find_files, open_source
from mixup_pipeline.sources.source import Origin, Source, SourceFile
from mixup_pipeline.sources.tfrecord import names_files

_DIGITS = 12
"""Of a fingerprint, in messages."""
_READ = {key: key for key in ("label_key", "num_classes", "first_class")} | {"image_key": "input_key"}
"""Options that say how records are read, and the fields of the manifest's schema that they decide."""


_AS_ASKED = ("columns", "label_kind", "class_names", "keep", "group_key")
"""Options that are as they were given when the source was mixed."""


class ReadFile(Protocol):
    """A file of a source after it was read."""

    @property
    def name(self) -> str: ...
    @property
    def examples(self) -> int: ...
    @property
    def skipped(self) -> int: ...
    @property
    def fingerprint(self) -> str: ...


def source_config(manifest: Manifest, src: str | None = None, **given: Any) -> SourceConfig:
    """How to open the source that was mixed.

    src: where it is now; None: where it was. given: further fields of SourceConfig; what is None is as the manifest
    says.

    Raises UsageError for a given field that is not as it was mixed.
    """
    origin, schema = manifest.source.origin, manifest.source.schema
    if origin is None:  # format version 2
        asked = SourceConfig(src=manifest.source_name, image_key=schema.input_key, label_key=schema.label_key)
    else:
        asked = origin.asked
    chosen = {name: value for name, value in given.items() if value is not None}
    images = image_options(schema.images)
    sliced = asked.split is not None and not asked.split.replace("-", "").replace(".", "").isidentifier()
    split = asked.split if sliced else manifest.split
    mixed = {name: getattr(schema, field) for name, field in _READ.items()} | {"split": split}
    mixed |= images
    for name, value in chosen.items():
        if value != mixed.get(name, value):
            flag = f"--{options_of(SourceConfig)[name].words}"
            raise UsageError(f"{flag} {value}: the directory was mixed with {mixed[name]}: leave {flag} out")
    where = (asked.src if origin is None else origin.src) if src is None else src
    data_dir = chosen.get("data_dir", asked.data_dir)
    is_files = names_files(SourceConfig(src=where, data_dir=data_dir))
    return SourceConfig(
        src=where,
        split=split,
        data_dir=data_dir,
        schema=chosen.get("schema", asked.schema if is_files else None),
        image_key=chosen.get("image_key", asked.image_key),
        label_key=chosen.get("label_key", asked.label_key),
        num_classes=chosen.get("num_classes", asked.num_classes),
        first_class=chosen.get("first_class", asked.first_class),
        **{name: chosen.get(name, getattr(asked, name)) for name in _AS_ASKED},
        **images,
        allow_eval_split=True,
    )


def open_again(config: SourceConfig, manifest: Manifest) -> Source:
    """Open the source that was mixed. config: as `source_config` gives it, or with more of what the manifest says.

    Raises UsageError or SourceError if there is none, or if it is another one at first sight. Of another one, what
    cannot be chosen in it is not said: nobody asked for it, and no option would help.
    """
    try:
        source = open_source(config)
    except SplitError as error:  # the split is always that of the manifest
        raise SourceError(not_mixed(config.src, str(error), manifest)) from error
    except (UsageError, SourceError) as error:
        told = _differing_files(config, manifest)
        if told is None:
            raise
        raise SourceError(not_mixed(config.src, told, manifest)) from error
    told = at_first_sight(source, manifest)
    if told is not None:
        raise SourceError(not_mixed(config.src, told, manifest))
    return source


def _differing_files(config: SourceConfig, manifest: Manifest) -> str | None:
    """What tells the files of a source that cannot be opened from those that were mixed."""
    try:
        return _differing_names(find_files(config), manifest)
    except (UsageError, SourceError):  # it is not there, or damaged
        return None


def differing(files: Sequence[ReadFile], source: Source, manifest: Manifest) -> str | None:
    """What tells a source from the one that was mixed, as text; None if it is the same. files: after they were read."""
    told = _differing_names(source.files, manifest) or _differing_content(files, manifest)
    return _with_version(told, source, manifest)


def at_first_sight(source: Source, manifest: Manifest) -> str | None:
    """As `differing`, by what is known before its records are read: version, names, and numbers of records."""
    told = _differing_names(source.files, manifest)
    if told is None and manifest.config.limit is None:
        told = next(
            (
                f"{file.name} has {file.declared_records:,} records, {mixed.num_records:,} were mixed"
                for file, mixed in zip(source.files, manifest.source.files, strict=True)
                if file.declared_records not in (None, mixed.num_records)
            ),
            None,
        )
    known, found = _version(manifest.source.origin), _version(source.origin)
    if told is None and None not in (known, found) and known != found:
        told = ""
    return _with_version(told, source, manifest)


def not_mixed(src: str, difference: str, manifest: Manifest) -> str:
    """The message for a source that is not the one that was mixed."""
    known = manifest.source.origin
    hint = "" if known is None or known.src == src else f": it was --src {known.src}"
    return f"--against {src}: is not the source that was mixed: {difference}{hint}"


def _with_version(told: str | None, source: Source, manifest: Manifest) -> str | None:
    known, found = _version(manifest.source.origin), _version(source.origin)
    if told is None or known == found or None in (known, found):
        return told
    return "; ".join(filter(None, [f"it has version {found}, {known} was mixed", told]))


def _version(origin: Origin | None) -> str | None:
    return None if origin is None else origin.version


def _differing_names(files: Sequence[SourceFile], manifest: Manifest) -> str | None:
    found, mixed = [file.name for file in files], [file.name for file in manifest.source.files]
    if found == mixed:
        return None
    other = next((name for name in found if name not in mixed), None)
    missing = next((name for name in mixed if name not in found), None)
    told = [f"it has {len(found):,} files in place of {len(mixed):,}"] if len(found) != len(mixed) else []
    told += [f"its file {other} was not mixed"] if other is not None else []
    told += [f"{missing} is not there"] if missing is not None else []
    return ", ".join(told)


def _differing_content(files: Sequence[ReadFile], manifest: Manifest) -> str | None:
    """The first file whose records are others."""
    for file, mixed in zip(files, manifest.source.files, strict=True):
        if (file.examples, file.skipped) != (mixed.examples, mixed.skipped):
            return f"{file.name} gives {file.examples:,} examples, {mixed.examples:,} were mixed"
        if file.fingerprint != mixed.fingerprint:
            return (
                f"the records of {file.name} are others (fingerprint {file.fingerprint[:_DIGITS]}…, mixed was "
                f"{mixed.fingerprint[:_DIGITS]}…)"
            )
    return None
