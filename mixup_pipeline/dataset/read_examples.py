"""Reading a mixed dataset without TensorFlow, Beam or a description: `mixup_pipeline.read_examples`.

It shares no message types with TensorFlow, so both can be in one process. (The package `tfrecord` registers types of
the same names, and only one of the two can be imported.)
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.dataset.reader import MixedReader, MixedRecord
from mixup_pipeline.errors import OutputError, UsageError
from mixup_pipeline.records.labels import BASE_LABEL_KEY, LABEL_KEY, PARTNER_LABEL_KEY
from mixup_pipeline.records.layout import BASE_ID, LAM, PARTNER_ID, Layout
from mixup_pipeline.storage.places import Place, place

MixedExample = dict[str, Any]
"""The values of one record by the keys of its features."""


def read_examples(shards: str | Path | Place, *, worker: int = 0, num_workers: int = 1) -> Iterator[MixedExample]:
    """Yield the mixed examples of a dataset, shard after shard, in their stored order.

    Each is a dictionary with the keys of the record: the input as an array, uint8 (height, width, channels) or float32,
    `label` as float32 (num_classes,) where the records hold one, λ and class ids as numbers, ids as text, and what goes
    along as text or numbers. Images are decoded, and every record is checked.

    shards: the folder, local, gs:// or s3://. worker, num_workers: read every num_workers-th shard only, from number
    `worker` on, for data loaders with several processes.

    Raises UsageError for a worker that there is none of, ManifestError if the folder is no complete dataset,
    OutputError or RecordError for a shard that cannot be read or is damaged.
    """
    if not 0 <= worker < num_workers:
        raise UsageError(f"worker must be from 0 to {num_workers - 1}, one less than num_workers, got {worker}")
    folder = place(shards)
    manifest = read_manifest(folder)
    names = [shard.name for shard in manifest.shards[worker::num_workers]]
    return _examples(folder, names, MixedReader(manifest), manifest.layout)


def _examples(folder: Place, names: list[str], reader: MixedReader, layout: Layout) -> Iterator[MixedExample]:
    for name in names:
        try:
            for record in reader.each(folder / name):
                yield _by_key(record, layout)
        except OSError as error:
            raise OutputError(
                f"{folder / name}: cannot be read ({error.strerror or error}): was it removed?"
            ) from error


def _by_key(record: MixedRecord, layout: Layout) -> MixedExample:
    example: MixedExample = {
        layout.input.key: np.array(record.input),  # a copy may be written to, as torch.from_numpy wants
        LAM.key: record.lam,
        BASE_ID.key: record.base_id,
        PARTNER_ID.key: record.partner_id,
        **record.extra,
        **record.views,
        **{key: value.decode() if isinstance(value, bytes) else value for key, value in record.kept.items()},
    }
    if len(record.label):
        example[LABEL_KEY] = record.label
    if record.class_ids is not None:
        example[BASE_LABEL_KEY], example[PARTNER_LABEL_KEY] = record.class_ids
    return example
