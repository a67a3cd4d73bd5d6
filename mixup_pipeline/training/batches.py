"""Batches for training and evaluation, with tf.data.

Epoch e reads pass e mod K of K passes, in the order of `order.py`. So a resumed run sees the same batches as a run that
was never stopped. Records are read at random, with their CRCs checked, and whole batches are parsed at once.

Batches are (inputs, labels): uint8 (n, h, w, c) or float32 (n, …), and labels float32 (n, num_classes).
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import SourceError
from mixup_pipeline.mixing.views import BASE, Views
from mixup_pipeline.records.viewed import apply_views
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.order import Feeding
from mixup_pipeline.training.passes import Numbers
from mixup_pipeline.training.tensorflow_import import import_tensorflow

Dataset = Any
"""tf.data.Dataset"""

BATCHES_AHEAD = 4
_PARSED_TOGETHER = 1024
_PARSED_BYTES = 1 << 22


def training_batches(records: ExampleFiles, feeding: Feeding, steps: range) -> Dataset:
    """The full batches of these steps, counted from the start of training."""
    return ordered_batches(records, feeding, steps, partial(feeding.epoch_order, records.examples), BASE)


def ordered_batches(
    records: ExampleFiles, feeding: Feeding, steps: range, order: Callable[[int], Numbers], use: int
) -> Dataset:
    """The full batches of these steps. order: the numbers of all examples in the order of an epoch. use: of views."""
    examples = feeding.over_steps(steps, records.examples, order)
    epochs = feeding.over_steps(steps, records.examples, lambda epoch: np.full(records.examples, epoch, np.int32))
    most_together = min(_PARSED_TOGETHER, _PARSED_BYTES // math.prod(records.shape))
    together = max(1, most_together // feeding.batch_size)
    views = None
    if records.augment:
        drawn = partial(feeding.views, records.examples, use=use, augment=records.augment, shape=records.shape)
        views = feeding.over_steps(steps, records.examples, drawn)
    parsed = _parsed(records, epochs, examples, together * feeding.batch_size, views)
    if together > 1:  # small batches are read and parsed several at a time, which is much faster

        def cut(*parts: Any) -> Any:
            tf = import_tensorflow()
            return tuple(tf.reshape(part, (-1, feeding.batch_size, *part.shape[1:])) for part in parts)

        parsed = parsed.map(cut, num_parallel_calls=import_tensorflow().data.AUTOTUNE).unbatch()
    return without_autotuning(parsed.prefetch(BATCHES_AHEAD))


def evaluation_batches(records: ExampleFiles, batch_size: int) -> Dataset:
    """All examples of the first pass, once and in the order of its files. The last batch may be smaller."""
    examples = records.passes[0].located.in_order
    parsed = _parsed(records, np.zeros(len(examples), np.int32), examples, batch_size)
    return without_autotuning(parsed.prefetch(BATCHES_AHEAD))


def label_batches(records: ExampleFiles, batch_size: int) -> Dataset:
    """The labels of all examples of the first pass, float32 (n, num_classes), in order. No input is decoded."""
    tf = import_tensorflow()
    examples = records.passes[0].located.in_order
    wanted = records.label_features(tf)

    def parse(some: Any, group: Any) -> Any:
        return records.soft_labels(tf, tf.io.parse_example(some, wanted))

    return without_autotuning(_read(records, np.zeros(len(examples), np.int32), examples, batch_size, parse))


def _parsed(
    records: ExampleFiles, epochs: npt.NDArray[np.int32], examples: Numbers, size: int, views: Views | None = None
) -> Dataset:
    """Parsed records. views: int64(n, 5), those that are shown of the images, if they are augmented."""
    parse = partial(parse_batch, files=records)
    if views is None:
        return _read(records, epochs, examples, size, lambda serialized, group: parse(serialized))
    tf = import_tensorflow()

    def viewed(serialized: Any, group: Any) -> tuple[Any, Any]:
        inputs, labels = parse(serialized)
        seen = tf.numpy_function(
            lambda images, number: apply_views(images, views[int(number) * size :][: len(images)]),
            [inputs, group],
            tf.uint8,
        )
        seen.set_shape(inputs.shape)
        return seen, labels

    return _read(records, epochs, examples, size, viewed)


def _read(
    records: ExampleFiles,
    epochs: npt.NDArray[np.int32],
    examples: Numbers,
    size: int,
    parse: Callable[[Any, Any], Any],
) -> Dataset:
    """Read and parse records, `size` at a time. epochs, examples: int[n], the epoch and the number of each example.

    parse: is called with the records and the number of the group.
    """
    tf = import_tensorflow()

    def payloads(group: Any) -> Any:
        part = slice(int(group) * size, (int(group) + 1) * size)
        found = np.empty(len(examples[part]), object)
        for number in np.unique(epochs[part] % len(records.passes)).tolist():
            rows = np.flatnonzero(epochs[part] % len(records.passes) == number)
            found[rows] = records.passes[number].payloads(examples[part][rows])
        return found

    def read(group: Any) -> Any:
        serialized = tf.numpy_function(payloads, [group], tf.string)
        serialized.set_shape([None])
        return parse(serialized, group)

    groups = tf.data.Dataset.range(-(-len(examples) // size))
    return groups.map(read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


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
        errors.UnknownError,  # an exception of Python
    ) as error:
        records.blame()
        said = [line for line in error.message.splitlines() if line and not line[0].isspace()]
        said = [line.rpartition("Error: ")[2] for line in said]  # without the name of an exception of Python
        folder = Path(records.passes[0].paths[0]).parent
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
