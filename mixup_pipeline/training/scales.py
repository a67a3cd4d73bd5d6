"""The mean and the spread of each value of float vectors, to standardize them.

They are taken in one pass in float64, batch by batch, so the result does not depend on how examples are fed.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixup_pipeline.errors import UsageError
from mixup_pipeline.training.batches import evaluation_batches, reading_errors
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.train_config import TrainConfig

_BATCH = 1024
_WILD = 100
"""A network begins with weights for values of about one, and learns badly from values so much larger."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scales:
    """mean, spread: float64[d], the spread being the standard deviation, or 1 for a value that never differs."""

    mean: Floats
    spread: Floats

    @property
    def wild(self) -> bool:
        """Whether some values are so large, or differ so much in scale, that a network learns badly from them."""
        sizes = np.hypot(self.mean, self.spread)
        return bool(sizes.max() > _WILD or self.spread.max() > _WILD * self.spread.min())


def scales_of(records: ExampleFiles, most_batches: int | None = None) -> Scales:
    """The scales of the vectors of the first pass. most_batches: of the first batches only.

    Raises SourceError if they cannot be read.
    """
    count, mean, squares = 0, np.zeros(records.shape), np.zeros(records.shape)
    with reading_errors(records):
        for inputs, _ in evaluation_batches(records, _BATCH).take(most_batches or -1).as_numpy_iterator():
            batch = inputs.astype(np.float64)
            own, total = batch.mean(0), count + len(batch)
            squares += ((batch - own) ** 2).sum(0) + (own - mean) ** 2 * count * len(batch) / total
            mean += (own - mean) * len(batch) / total
            count = total
    spread = np.sqrt(squares / max(1, count))
    return Scales(mean, np.where(spread > 0, spread, 1))


def scales_for(
    config: TrainConfig, records: ExampleFiles, unmixed: ExampleFiles | None
) -> tuple[Scales | None, list[str]]:
    """The scales that standardize, if that is asked for; and a hint, if it is not but would help.

    unmixed: the examples that were mixed to `records`, where they are at hand: their scales are taken.

    Raises UsageError for images.
    """
    if len(records.shape) != 1:
        if config.standardize:
            raise UsageError("--standardize is for float vectors: the models bring images to one scale themselves")
        return None, []
    if config.standardize:
        return scales_of(unmixed or records), []
    first = scales_of(records, most_batches=1)
    if not first.wild:
        return None, []
    return None, [
        f"the values of these vectors differ in scale (spread {first.spread.min():.3g} to {first.spread.max():.3g}, "
        f"means up to {abs(first.mean).max():.3g}), so networks learn badly: --standardize brings them to one scale"
    ]
