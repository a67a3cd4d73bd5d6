"""An unmixed source to train or evaluate on. Its records are judged as mixing judges them, before the first step.

So a label out of range, an image of another size or a damaged record is found by the same code, with the same message.
Images are decoded while they are trained on; one that cannot be is looked for then.
"""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.config.registry import INPUT_KINDS, LABEL_KINDS
from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.labels import LabelKind
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.file_formats import format_of
from mixup_pipeline.sources.scan import Scanned, check_every_record, common_shape, plain_file, scan_file
from mixup_pipeline.sources.source import Source
from mixup_pipeline.spec import Shape
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.passes import source_pass


def source_examples(config: SourceConfig, on_bad_record: str = "fail") -> ExampleFiles:
    """Describe a split of an unmixed source. on_bad_record: as mixup-augment has it.

    Raises UsageError or SourceError as `open_source` does, RecordError for the first bad record unless bad records are
    skipped, and SourceError for compressed files, sizes that differ, and a source without examples.
    """
    source = open_source(config)
    spec, (scanned, shape) = source.spec, scan_source(source, on_bad_record)
    files = [part.file for part in scanned]
    labels: LabelKind = LABEL_KINDS[spec.label_kind]
    return ExampleFiles(
        name=source.name,
        spec=spec,
        passes=(source_pass(files, [part.entries for part in scanned]),),
        examples=sum(file.examples for file in files),
        shape=shape,
        num_classes=spec.num_classes,
        class_names=source.class_names,
        input_key=spec.input_key,
        input_kind=INPUT_KINDS[spec.encoding],
        images=spec.images,
        brought_to=spec.images,
        label_features=lambda tf: {spec.label_key: labels.parsed(tf, spec)},
        soft_labels=lambda tf, features: labels.tensor(tf, features[spec.label_key], spec),
        skipped=sum(file.skipped for file in files),
        fingerprints=tuple(file.fingerprint for file in files),
        groups=np.concatenate([part.groups for part in scanned]),
        originals=source.files,
        blame=partial(_blame, source),
    )


def scan_source(
    source: Source, on_bad_record: str = "fail", opened: ExitStack | None = None
) -> tuple[list[Scanned], Shape]:
    """What a pass over each file of a source finds, and the one shape of its examples, of which there are some.

    opened: where files of other formats are converted, what is converted lasts until it is closed.

    Raises the errors of `source_examples`.
    """
    rules = MixConfig(on_bad_record=on_bad_record)
    scanned = [_scanned(source, position, rules, opened) for position in range(len(source.files))]
    shape = common_shape(scanned, source.spec)
    if shape is None:
        raise SourceError(f"{source.name}: split {source.split!r} holds no usable record")
    return scanned, shape


def _scanned(source: Source, position: int, rules: MixConfig, opened: ExitStack | None) -> Scanned:
    file = source.files[position]
    try:
        if opened is not None and file.format != "tfrecord":
            file = plain_file(file, source.spec, opened)
        if format_of(file).needs_conversion(Path(file.path)):
            raise SourceError(
                f"{file.path}: is compressed: decompress it for training, or mix it and train on the shards"
            )
        return scan_file(file, source.spec, rules)
    except OSError as error:
        raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error


def _blame(source: Source) -> None:
    for file in source.files:
        check_every_record(file, source.spec)
