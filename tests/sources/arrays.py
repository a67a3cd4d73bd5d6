"""Arrays on disk, for several test files."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline import SourceConfig
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.source import Source

RNG = np.random.default_rng(0)
COUNT = 30
GREY = RNG.integers(0, 256, (COUNT, 6, 5), np.uint8)
COLOUR = RNG.integers(0, 256, (COUNT, 6, 5, 3), np.uint8)
VECTORS = RNG.normal(size=(COUNT, 7))
CLASSES = np.arange(COUNT) % 3


def npz(folder: Path, **arrays: npt.NDArray[Any]) -> Path:
    save: Any = np.savez_compressed
    save(folder / "data.npz", **arrays)
    return folder / "data.npz"


def opened(path: Path, **options: Any) -> Source:
    return open_source(SourceConfig(src=str(path), **{"num_classes": 3} | options))
