"""Offline MixUp: augment a labelled dataset ahead of training.

from mixup_pipeline import MixConfig, augment, read_examples

report = augment("mnist_sample", "shards/", MixConfig(alpha=0.2))
for example in read_examples("shards/"): ...
"""

from typing import TYPE_CHECKING

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.errors import MixupError

if TYPE_CHECKING:
    from mixup_pipeline.dataset.read_examples import read_examples
    from mixup_pipeline.launch import augment, submit

__all__ = ["MixConfig", "MixupError", "SourceConfig", "augment", "read_examples", "submit"]


def __getattr__(name: str) -> object:
    if name in ("augment", "submit"):  # not imported before they are needed: they bring NumPy, OpenCV and more
        from mixup_pipeline import launch

        return getattr(launch, name)
    if name == "read_examples":
        from mixup_pipeline.dataset.read_examples import read_examples

        return read_examples
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
