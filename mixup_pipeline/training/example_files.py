"""What a training run reads: files of records, and how their inputs and labels are parsed.

Mixed shards and an unmixed source are described in the same way, so the same code reads both.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.records.fields import Field
from mixup_pipeline.records.inputs import InputKind
from mixup_pipeline.records.labels import BASE_LABEL_KEY, LABEL_KEY, PARTNER_LABEL_KEY
from mixup_pipeline.records.layout import LAM
from mixup_pipeline.sources.index import Groups
from mixup_pipeline.sources.scan import plain_file, scan_file
from mixup_pipeline.sources.source import Source, SourceFile
from mixup_pipeline.spec import AS_STORED, ExampleSpec, ImageOptions, Shape
from mixup_pipeline.training.interface import Interface
from mixup_pipeline.training.passes import Pass, copy_pass
from mixup_pipeline.training.tasks import Task, task_of

_COMPACT_KEYS = (LAM.key, BASE_LABEL_KEY, PARTNER_LABEL_KEY)

SoftLabels = Callable[[Any, Mapping[str, Any]], Any]
"""(tensorflow module, tensors of a batch by key) → soft labels, float32 (n, num_classes)."""


@dataclass(frozen=True, kw_only=True)
class ExampleFiles:
    """The files of one dataset, and how a batch of records is parsed.

    spec: of the source, or of that which was mixed. passes: over the dataset. A source has one pass, mixed shards have
    one for each copy. examples: the number of records in a pass. skipped: the bad records of a source, which are left
    out.
    originals: the files of a source. Those of `passes` may be others, which were prepared of them.
    arrays: of a file that holds several arrays of inputs, which of them.
    augment: how images are augmented while they are trained on; empty if they are not, or were before they were mixed.
    fingerprints: of the records of each file of a source. groups: int64[examples], what tells the groups of a source's
    examples; empty if it has none.
    blame: called when TensorFlow cannot read a record of a source: raises RecordError for the bad one, if there is one.
    input_key, input_kind: the feature that holds the input, and its input kind. images: how image files are
    brought to one form when they are read; brought_to: how that was done to all of them.
    label_features: the features of the label for `tf.io.parse_example`, by key. soft_labels: computes the soft labels
    of a batch from these features.
    """

    name: str
    spec: ExampleSpec
    passes: tuple[Pass, ...]
    examples: int
    shape: Shape
    num_classes: int
    class_names: tuple[str, ...] | None
    input_key: str
    input_kind: InputKind
    label_features: Callable[[Any], dict[str, Any]]
    soft_labels: SoftLabels
    images: ImageOptions = AS_STORED
    brought_to: ImageOptions = AS_STORED
    skipped: int = 0
    originals: tuple[SourceFile, ...] = ()
    arrays: str = ""
    augment: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    groups: Groups = field(default_factory=lambda: np.zeros(0, np.int64))
    blame: Callable[[], None] = lambda: None

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the first pass as the user knows them."""
        return tuple(file.path for file in self.originals) or self.passes[0].paths

    def part(self, chosen: npt.NDArray[np.bool_]) -> "ExampleFiles":
        """Only some examples. chosen: bool[examples]."""
        passes = tuple(one.part(np.flatnonzero(chosen)) for one in self.passes)
        groups = self.groups[chosen] if len(self.groups) else self.groups
        return replace(self, passes=passes, examples=int(chosen.sum()), groups=groups)

    @property
    def is_prepared(self) -> bool:
        """Whether other files than the originals are read, which were prepared of them."""
        return bool(self.originals) and self.passes[0].paths != tuple(file.path for file in self.originals)

    @property
    def fingerprint(self) -> str:
        """What tells all records of a source from others."""
        return fingerprint_of(zip((Path(file).name for file in self.files), self.fingerprints, strict=True))

    @property
    def task(self) -> Task:
        """What a network learns from the labels."""
        return task_of(self.spec.label_kind)

    @property
    def interface(self) -> Interface:
        """What a model takes and gives for these examples."""
        return Interface(
            shape=self.shape,
            num_classes=self.num_classes,
            is_image=self.input_kind.is_image,
            task_name=self.task.name,
        )


def mixed_examples(out: Path, manifest: Manifest) -> ExampleFiles:
    """Describe the copies of a mixed dataset. Originals are left out."""
    layout = manifest.layout
    stored = any(field.key == LABEL_KEY for field in layout.fields)
    fields = [field for field in layout.fields if field.key in ((LABEL_KEY,) if stored else _COMPACT_KEYS)]
    return ExampleFiles(
        name=manifest.name,
        spec=manifest.source.schema,
        passes=tuple(copy_pass(out, manifest, copy) for copy in range(manifest.config.copies)),
        examples=manifest.source.examples,
        shape=manifest.shape,
        num_classes=manifest.num_classes,
        class_names=manifest.class_names,
        input_key=layout.input.key,
        input_kind=layout.input_kind,
        brought_to=manifest.source.schema.images,
        label_features=partial(_mixed_label_features, fields=fields),
        soft_labels=_stored_labels if stored else partial(_compact_labels, num_classes=manifest.num_classes),
    )


def _mixed_label_features(tf: Any, *, fields: Sequence[Field]) -> dict[str, Any]:
    return {field.key: tf.io.FixedLenFeature(field.shape, tf.dtypes.as_dtype(field.content)) for field in fields}


def _stored_labels(tf: Any, features: Mapping[str, Any]) -> Any:
    return features[LABEL_KEY]


def _compact_labels(tf: Any, features: Mapping[str, Any], *, num_classes: int) -> Any:
    """Compute soft labels from λ and class ids: λ at the base's class plus 1−λ at the partner's."""
    lam = features[LAM.key][:, None]
    base, partner = (tf.one_hot(features[key], num_classes) for key in (BASE_LABEL_KEY, PARTNER_LABEL_KEY))
    return lam * base + (1 - lam) * partner


def differences(files: ExampleFiles, other: ExampleFiles) -> dict[str, tuple[Any, Any]]:
    """The properties that differ between two datasets, with both values.

    They must be equal to evaluate a model of one dataset on the other: shape, what is learned, number of classes, names
    of classes.
    """
    pairs: dict[str, tuple[Any, Any]] = {
        "shape": (files.shape, other.shape),
        "kind of input": (_input_text(files), _input_text(other)),
        "what is learned (--label-kind)": (files.task.name, other.task.name),
        "number of classes": (files.num_classes, other.num_classes),
    }
    names = zip(files.class_names or (), other.class_names or (), strict=False)
    pairs |= {f"name of class {class_id}": pair for class_id, pair in enumerate(names)}
    return {what: pair for what, pair in pairs.items() if pair[0] != pair[1]}


def _input_text(files: ExampleFiles) -> str:
    return "images" if files.input_kind.is_image else "numbers"


def fingerprint_of(files: Iterable[tuple[str, str]]) -> str:
    """What tells the records of some files from others. files: the name of each, and the fingerprint of its records."""
    return hashlib.sha256("\n".join(f"{name} {told}" for name, told in files).encode()).hexdigest()[:16]


def check_apart(shared: Sequence[str]) -> None:
    """Raise UsageError for the first file that is used for both training and evaluation."""
    if shared:
        raise UsageError(
            f"the evaluation examples hold {shared[0]}, which is trained on: choose others with --eval-split or "
            f"--eval-src"
        )


def arrays_of(source: Source) -> str:
    """Which arrays of its files a source reads, if a file holds several; else empty."""
    return source.spec.input_key if any(file.format == "npz" for file in source.files) else ""


def shared_files(
    trained: Sequence[SourceFile], arrays: str, evaluated: Sequence[SourceFile], other_arrays: str
) -> list[str]:
    """The paths of evaluation files that hold training examples, whatever their paths there are.

    Other slices of a file are apart, and so are other arrays of it, as `arrays_of` names them.
    """
    if arrays != other_arrays:
        return []
    known = [(Path(file.path).resolve(), file) for file in trained]
    return sorted(
        file.path
        for file in evaluated
        for path, other in known
        if Path(file.path).resolve() == path and _overlap(file.records, other.records)
    )


def mixed_files(manifest: Manifest, evaluation: ExampleFiles) -> list[str]:
    """The paths of evaluation files that hold mixed examples.

    A manifest knows files by name and fingerprint, not by path. Names alone are not enough, because folders for
    training and for testing often hold files of the same names.
    """
    spec, config = manifest.source.schema, manifest.config
    if evaluation.arrays not in ("", spec.input_key):
        return []  # other arrays of these files
    mixed = {file.name: file for file in manifest.source.files}

    def is_mixed(file: SourceFile) -> bool:
        entry = mixed[file.name]
        used = (entry.records.start, entry.records.stop)
        try:
            with ExitStack() as opened:
                plain = plain_file(replace(file, records=used, declared_records=None), spec, opened)
                found = scan_file(plain, spec, config).file
        except SourceError:
            return False  # so it cannot have been mixed
        return found.fingerprint == entry.fingerprint and _overlap(file.records, used)

    return [file.path for file in evaluation.originals if file.name in mixed and is_mixed(file)]


def _overlap(records: tuple[int, int] | None, others: tuple[int, int] | None) -> bool:
    """Whether two parts of a file share a record; None is the whole file."""
    return records is None or others is None or max(records[0], others[0]) < min(records[1], others[1])
