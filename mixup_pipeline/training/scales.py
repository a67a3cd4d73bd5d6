"""The mean and the spread of each value of inputs that are numbers, to standardize them, and of labels that are values.

They are taken in one pass in float64, batch by batch, so the result does not depend on how examples are fed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import UsageError
from mixup_pipeline.training.batches import evaluation_batches, label_batches, reading_errors
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.train_config import TrainConfig

_BATCH = 1024
_WILD = 100
"""A network begins with weights for values of about one, and learns badly from values so much larger."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scales:
    """mean, spread: float64 of the shape of an example.

    The spread is the standard deviation, or 1 for a value that never differs.
    """

    mean: Floats
    spread: Floats

    @property
    def wild(self) -> bool:
        """Whether some values are so large, or differ so much in scale, that a network learns badly from them."""
        sizes = np.hypot(self.mean, self.spread)
        return bool(sizes.max() > _WILD or self.spread.max() > _WILD * self.spread.min())


def scales_of(records: ExampleFiles, most_batches: int | None = None) -> Scales:
    """The scales of the inputs of the first pass. most_batches: of the first batches only.

    Raises SourceError if they cannot be read.
    """
    batches = evaluation_batches(records, _BATCH).take(most_batches or -1)
    with reading_errors(records):
        return _scales(inputs for inputs, _ in batches.as_numpy_iterator())


def units_of(records: ExampleFiles) -> Scales:
    """The scales of the labels of the first pass. Raises SourceError if they cannot be read."""
    with reading_errors(records):
        return _scales(label_batches(records, _BATCH).as_numpy_iterator())


def _scales(batches: Iterable[npt.NDArray[np.float32]]) -> Scales:
    count, mean, squares = 0, np.float64(0), np.float64(0)
    for given in batches:
        batch = given.astype(np.float64)
        own, total = batch.mean(0), count + len(batch)
        squares = squares + ((batch - own) ** 2).sum(0) + (own - mean) ** 2 * count * len(batch) / total
        mean = mean + (own - mean) * len(batch) / total
        count = total
    spread = np.sqrt(squares / max(1, count))
    return Scales(np.asarray(mean), np.where(spread > 0, spread, 1))


def scales_for(
    config: TrainConfig, records: ExampleFiles, unmixed: ExampleFiles | None
) -> tuple[Scales | None, list[str]]:
    """The scales that standardize, if that is asked for; and a hint, if it is not but would help.

    unmixed: the examples that were mixed to `records`, where they are at hand: their scales are taken.

    Raises UsageError for images.
    """
    if records.input_kind.is_image:
        if config.standardize:
            raise UsageError(
                "--standardize is for float vectors and other numbers: the models bring images to one scale themselves"
            )
        return None, []
    if config.standardize:
        return scales_of(unmixed or records), []
    first = scales_of(records, most_batches=1)
    if not first.wild:
        return None, []
    what = "vectors" if len(records.shape) == 1 else "examples"
    return None, [
        f"the values of these {what} differ in scale (spread {first.spread.min():.3g} to {first.spread.max():.3g}, "
        f"means up to {abs(first.mean).max():.3g}), so networks learn badly: --standardize brings them to one scale"
    ]
