"""A sample of the values of vectors, before and after mixing, column by column."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.dataset.mixed_examples import load_examples, sample_locations
from mixup_pipeline.dataset.parents import Parents
from mixup_pipeline.storage.places import Place

SAMPLED = 1000
MOST_COLUMNS = 64
"""Vectors with more values are no tables."""
_PURPOSE_SEED = 0

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Columns:
    """names: of the columns. after: float32 (n, d), mixed vectors. before: their bases; None without the source."""

    names: tuple[str, ...]
    after: Floats
    before: Floats | None


def sample_columns(out: Place, manifest: Manifest, parents: Parents | None) -> Columns | None:
    """Read about a thousand mixed vectors and their bases; None if inputs are no vectors of at most 64 values.

    Raises the errors of `load_examples`.
    """
    if manifest.layout.is_image or len(manifest.shape) != 1 or manifest.shape[0] > MOST_COLUMNS:
        return None
    locations = sample_locations(manifest, count=SAMPLED, seed=_PURPOSE_SEED)
    examples = load_examples(out, manifest, locations, parents)
    bases = [example.base for example in examples if example.base is not None]
    names = manifest.source.schema.columns or tuple(f"value {number}" for number in range(manifest.shape[0]))
    return Columns(
        names=names,
        after=np.stack([example.found.input for example in examples]),
        before=np.stack(bases) if len(bases) == len(examples) else None,
    )
