"""Gather: read and decode the examples of some entries, wherever in the source they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import SourceError, record_error
from mixup_pipeline.records.tf_example import ExampleReader, parse
from mixup_pipeline.sources.index import Entries, NamedFile
from mixup_pipeline.sources.payloads import read_payloads
from mixup_pipeline.spec import ExampleSpec, Shape


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Decoded examples.

    inputs: uint8 (n, h, w, c) or float32 (n, d). ids: `{file name}__{record index}`.
    class_ids: int32[n], or None where labels are soft. soft_labels: float32 (n, num_classes), or None where they are
    not.
    """

    inputs: npt.NDArray[Any]
    ids: list[str]
    class_ids: npt.NDArray[np.int32] | None
    soft_labels: npt.NDArray[np.float32] | None


def read_examples(entries: Entries, files: Sequence[NamedFile], spec: ExampleSpec, shape: Shape) -> Examples:
    """Read and decode ENTRY[n], each once, file by file in the order of their offsets.

    Raises RecordError for a record that cannot be decoded or has changed since it was indexed.
    """
    reader = ExampleReader(spec)
    inputs = np.empty((len(entries), *shape), np.float32 if spec.encoding == "vector" else np.uint8)
    soft = np.empty((len(entries), spec.num_classes), np.float32) if spec.soft_labels else None
    rows = np.lexsort((entries["offset"], entries["file"]))
    ordered = entries[rows]
    places = zip(rows.tolist(), ordered["input_start"].tolist(), ordered["input_length"].tolist(), strict=True)
    try:
        for (row, start, length), payload in zip(places, read_payloads(files, ordered), strict=True):
            inputs[row] = reader.decode(payload[start : start + length], shape)
            if soft is not None:
                soft[row] = reader.soft_label(parse(payload))
    except ValueError as error:
        entry = entries[row]
        name = files[entry["file"]].name
        raise record_error(name, int(entry["record"]), int(entry["offset"]), str(error)) from error
    except OSError as error:
        raise SourceError(f"{error.filename}: cannot be read any more ({error.strerror or error})") from error
    names = [file.name for file in files]
    return Examples(
        inputs=inputs,
        ids=[f"{names[file]}__{record}" for file, record in entries[["file", "record"]].tolist()],
        class_ids=None if spec.soft_labels else entries["label"].astype(np.int32),
        soft_labels=soft,
    )
