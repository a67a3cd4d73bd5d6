"""Reading examples by their entries: read the payloads, decode the inputs, and add the labels."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config.registry import INPUT_KINDS, LABEL_KINDS
from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.example_reader import ExampleReader
from mixup_pipeline.records.kept import Kept, kept_columns
from mixup_pipeline.records.names import example_id
from mixup_pipeline.records.tf_example import parse
from mixup_pipeline.sources.file_formats import bad_record, payloads_of, readable
from mixup_pipeline.sources.index import Entries, NamedFile
from mixup_pipeline.spec import ExampleSpec, Shape
from mixup_pipeline.storage.places import place
from mixup_pipeline.storage.prefetch import on_all_cores


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Decoded examples.

    inputs: uint8 (n, h, w, c) or float32 (n, d). labels: int32[n] class ids, or float32 (n, num_classes) soft labels,
    according to the label kind. ids: n ids, as written by `records.names.example_id`. kept: the features that go along.
    """

    inputs: npt.NDArray[Any]
    labels: npt.NDArray[Any]
    ids: list[str]
    kept: Kept = field(default_factory=dict)


def read_examples(entries: Entries, files: Sequence[NamedFile], spec: ExampleSpec, shape: Shape) -> Examples:
    """Read and decode the examples of ENTRY[n]. Each is read once, file by file, in the order of the offsets.

    Raises RecordError for a record that cannot be decoded or has changed since it was indexed.
    """
    reader = ExampleReader(spec)
    input_kind, label_kind = INPUT_KINDS[spec.encoding], LABEL_KINDS[spec.label_kind]
    inputs = np.empty((len(entries), *shape), input_kind.dtype)
    labels_in_index, parsed = label_kind.has_classes, bool(spec.keep) or not label_kind.has_classes
    kept: list[tuple[Any, ...]] = [()] * len(entries)
    labels: npt.NDArray[Any] = entries["class_id"].astype(np.int32)
    if not labels_in_index:
        labels = np.empty((len(entries), spec.num_classes), np.float32)
    rows = np.lexsort((entries["offset"], entries["file"]))
    ordered = entries[rows]
    spans = zip(rows.tolist(), ordered["input_start"].tolist(), ordered["input_length"].tolist(), strict=True)

    def decode(found: tuple[tuple[int, int, int], bytes]) -> tuple[int, ValueError | None]:
        """Fill in one row. Gives its number and what is wrong with it."""
        (row, start, length), payload = found
        try:
            inputs[row] = reader.decode(payload[start : start + length], shape)
            features = parse(payload) if parsed else {}
            if not labels_in_index:
                labels[row] = reader.label(features)
            kept[row] = reader.kept(features)
        except ValueError as error:
            return row, error
        return row, None

    large = spec.images.size is not None  # in a thread of its own a small image takes longer
    try:
        for row, error in (on_all_cores if large else map)(
            decode, zip(spans, payloads_of(files, ordered), strict=True)
        ):
            if error is not None:
                entry = entries[row]
                file = files[entry["file"]]
                raise bad_record(file, int(entry["record"]), int(entry["offset"]), str(error)) from error
    except OSError as error:
        raise SourceError(f"{error.filename}: cannot be read any more ({error.strerror or error})") from error
    ids = ids_of(entries, files)
    return Examples(inputs=inputs, labels=labels, ids=ids, kept=kept_columns(kept, spec.keep))


def ids_of(entries: Entries, files: Sequence[NamedFile]) -> list[str]:
    """The ids of the examples of ENTRY[n]."""
    names = [file.name for file in files]
    used = np.unique(entries["file"]).tolist()
    members = {number: readable(files[number]).members(place(files[number].path)) for number in used}
    return [
        example_id(names[file], record, "" if (below := members[file]) is None else below[record])
        for file, record in entries[["file", "record"]].tolist()
    ]
