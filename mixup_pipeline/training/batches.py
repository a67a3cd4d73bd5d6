"""Batches for training and evaluation, with tf.data.

Epoch e reads pass e mod K of K passes. The order of its files is keyed, its records go through a shuffle buffer, and
whole batches are parsed at once. The batches of epoch e depend only on (seed, e), so a resumed run sees the same
batches as a run that was never stopped.

Batches are (inputs, labels): uint8 (n, h, w, c) or float32 (n, …), and labels float32 (n, num_classes).
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mixup_pipeline.errors import SourceError
from mixup_pipeline.mixing.randomness import permutation, words
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.tensorflow_import import import_tensorflow

Dataset = Any
"""tf.data.Dataset"""

BATCHES_AHEAD = 4
_FILES_TOGETHER = 4
_RECORDS_IN_A_ROW = 16
_READ_BYTES = 1 << 20
_PARSED_TOGETHER = 1024
_PARSED_BYTES = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Feeding:
    """How examples are fed. shuffle_buffer: records in the shuffle buffer; 0 keeps the order of the files."""

    batch_size: int
    seed: int
    shuffle_buffer: int = 16_384


def training_batches(records: ExampleFiles, feeding: Feeding, epoch: int) -> Dataset:
    """The batches of one epoch: `records.examples // batch_size` full batches."""
    tf = import_tensorflow()
    together = _FILES_TOGETHER if feeding.shuffle_buffer else 1
    files = tf.data.Dataset.from_tensor_slices(_epoch_files(records, feeding, epoch))
    serialized = files.interleave(
        lambda file: tf.data.TFRecordDataset(file, buffer_size=_READ_BYTES),
        cycle_length=together,
        block_length=_RECORDS_IN_A_ROW,  # single records take three times as long
        num_parallel_calls=together,
        deterministic=True,
    )
    if feeding.shuffle_buffer:
        seed = int(words(1, feeding.seed, "train-shuffle", epoch)[0] >> np.uint64(1))
        serialized = serialized.shuffle(feeding.shuffle_buffer, seed=seed)
    return _parsed(serialized, records, feeding.batch_size, drop_remainder=True)


def evaluation_batches(records: ExampleFiles, batch_size: int) -> Dataset:
    """All examples of the first pass, once and in order. The last batch may be smaller."""
    tf = import_tensorflow()
    serialized = tf.data.TFRecordDataset(list(records.passes[0]), buffer_size=_READ_BYTES)
    return _parsed(serialized, records, batch_size, drop_remainder=False)


def label_batches(records: ExampleFiles, batch_size: int) -> Dataset:
    """The labels of all examples of the first pass, float32 (n, num_classes), in order. No input is decoded."""
    tf = import_tensorflow()
    serialized = tf.data.TFRecordDataset(list(records.passes[0]), buffer_size=_READ_BYTES).batch(batch_size)
    wanted = records.label_features(tf)
    return without_autotuning(serialized.map(lambda some: records.soft_labels(tf, tf.io.parse_example(some, wanted))))


def _parsed(serialized: Dataset, records: ExampleFiles, batch_size: int, *, drop_remainder: bool) -> Dataset:
    """Parse serialized records to batches. Small batches are parsed several at a time, which is much faster."""
    tf = import_tensorflow()
    batches = serialized.batch(batch_size, drop_remainder=drop_remainder)
    parser = partial(parse_batch, files=records)
    most_together = min(_PARSED_TOGETHER, _PARSED_BYTES // math.prod(records.shape))
    together = most_together // batch_size if drop_remainder else 1
    if together < 2:
        return without_autotuning(batches.map(parser, num_parallel_calls=tf.data.AUTOTUNE).prefetch(BATCHES_AHEAD))

    def parse_together(groups: Any) -> Any:  # string (together, batch_size)
        parsed = parser(tf.reshape(groups, [-1]))
        return tuple(tf.reshape(part, (-1, batch_size, *part.shape[1:])) for part in parsed)

    parsed = batches.batch(together).map(parse_together, num_parallel_calls=tf.data.AUTOTUNE)
    return without_autotuning(parsed.unbatch().prefetch(BATCHES_AHEAD))


def without_autotuning(dataset: Dataset) -> Dataset:
    """Turn off the autotuning thread, for the dataset and all datasets derived from it.

    That thread can miss the signal to stop. Closing an iterator then waits for it, for up to a minute, mostly on
    machines with one core (TensorFlow 2.21). Without it, AUTOTUNE means as many parallel calls as there are threads.
    """
    options = import_tensorflow().data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


@contextmanager
def reading_errors(records: ExampleFiles) -> Iterator[None]:
    """Convert TensorFlow's errors about damaged or missing records to one line.

    Raises SourceError that names the folder.
    """
    errors = import_tensorflow().errors
    try:
        yield
    except (
        errors.DataLossError,
        errors.FailedPreconditionError,
        errors.InvalidArgumentError,
        errors.NotFoundError,
        errors.PermissionDeniedError,
    ) as error:
        records.blame()
        said = [line for line in error.message.splitlines() if line and not line[0].isspace()]
        folder = Path(records.passes[0][0]).parent
        raise SourceError(
            f"{folder}: cannot be read ({said[-1] if said else type(error).__name__}): mixup-verify names the damaged "
            f"file of mixed shards, mixup-augment that of a source"
        ) from error


def parse_batch(serialized: Any, files: ExampleFiles) -> tuple[Any, Any]:
    """Parse serialized records, string[n], to inputs (n, …) and soft labels float32 (n, num_classes)."""
    tf = import_tensorflow()
    wanted = {files.input_key: files.input_kind.parsed(tf, files.shape), **files.label_features(tf)}
    features = tf.io.parse_example(serialized, wanted)
    inputs = files.input_kind.tensor(tf, features[files.input_key], files.shape, files.images)
    return inputs, files.soft_labels(tf, features)


def _epoch_files(records: ExampleFiles, feeding: Feeding, epoch: int) -> list[str]:
    files = records.passes[epoch % len(records.passes)]
    if not feeding.shuffle_buffer:
        return list(files)
    return [files[number] for number in permutation(len(files), feeding.seed, "train-files", epoch)]
