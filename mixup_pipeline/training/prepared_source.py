"""Clean examples to train or evaluate on: TFRecord files are read as they are, unless images are brought to a size.

All others are prepared once, as shards with nothing mixed, and kept. mixup-augment writes them, so a model sees clean
examples decoded and resized exactly as the mixed ones were.
"""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import INPUT_KINDS, LABEL_KINDS
from mixup_pipeline.config.source import image_options
from mixup_pipeline.dataset.quick_check import sound_manifest
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.index import Groups
from mixup_pipeline.sources.source import Source
from mixup_pipeline.spec import AS_STORED, ImageOptions
from mixup_pipeline.training.augmenting import run_augment, source_options
from mixup_pipeline.training.example_files import ExampleFiles, arrays_of, mixed_examples
from mixup_pipeline.training.source_examples import scan_source, source_examples

_OTHER_RUN = ": use --overwrite"


def open_examples(
    config: SourceConfig, on_bad_record: str, kept_in: Path, *, may_replace: bool = False
) -> ExampleFiles:
    """Describe a split of an unmixed source. kept_in: the folder for what is prepared.

    may_replace: whether what was prepared there for another request may go.

    Raises as `source_examples` does, UsageError if the folder is a link, and SourceError if images cannot be prepared.
    """
    source = open_source(config)
    if config.images.size is None and _tensorflow_reads(source):
        return source_examples(config, on_bad_record)
    for folder in (kept_in.parent, kept_in):
        if folder.is_symlink():
            raise UsageError(f"{folder}: is a link, which is not followed: put a folder there, or choose another --out")
    options = source_options(replace(config, allow_eval_split=True, group_key=None))  # nothing is paired
    options += ["--prob", "0", "--on-bad-record", on_bad_record, "--out", str(kept_in)]
    doing = f"preparing {source.name}"
    try:
        run_augment(options, doing)
    except SourceError as error:
        said, other, _ = str(error).partition(_OTHER_RUN)
        if not other:
            raise
        if not may_replace:
            raise SourceError(f"{said}: remove that folder, or choose another --out") from error
        run_augment([*options, "--overwrite"], doing)
    manifest = sound_manifest(kept_in)
    return replace(
        mixed_examples(kept_in, manifest),
        name=source.name,
        originals=source.files,
        arrays=arrays_of(source),
        spec=source.spec,
        fingerprints=tuple(file.fingerprint for file in manifest.source.files),
        skipped=manifest.source.skipped,
        groups=_groups(source, on_bad_record),
    )


def _groups(source: Source, on_bad_record: str) -> Groups:
    """What tells the groups of the examples, which shards do not keep; empty if they have none."""
    if not source.spec.group_key:
        return np.zeros(0, np.int64)
    with ExitStack() as opened:
        scanned, _ = scan_source(source, on_bad_record, opened)
        return np.concatenate([part.groups for part in scanned])


def _tensorflow_reads(source: Source) -> bool:
    """Whether TensorFlow reads the records as they are."""
    kinds = INPUT_KINDS[source.spec.encoding], LABEL_KINDS[source.spec.label_kind]
    return all(file.format == "tfrecord" for file in source.files) and all(kind.in_tensorflow for kind in kinds)


def brought_to(config: SourceConfig, images: ImageOptions) -> SourceConfig:
    """The same source with its image files brought to another form. A source of another kind is read as it is."""
    plain = replace(config, **image_options(AS_STORED))
    kind = INPUT_KINDS[open_source(replace(plain, allow_eval_split=True)).spec.encoding]
    return replace(plain, **image_options(images)) if kind.takes_image_options else plain


def form_of(records: ExampleFiles) -> ImageOptions:
    """The form to which the image files of another source are brought, so that they fit these examples."""
    return replace(records.brought_to, channels=records.shape[2]) if records.input_kind.is_image else AS_STORED
