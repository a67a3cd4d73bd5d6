"""Offline MixUp: augment a labelled dataset ahead of training.

from mixup_pipeline import MixConfig, augment

report = augment("mnist_sample", "shards/", MixConfig(alpha=0.2))
"""

from typing import TYPE_CHECKING

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.errors import MixupError

if TYPE_CHECKING:
    from mixup_pipeline.launch import augment, submit

__all__ = ["MixConfig", "MixupError", "SourceConfig", "augment", "submit"]


def __getattr__(name: str) -> object:
    if name in ("augment", "submit"):  # not imported before they are needed: they bring NumPy, OpenCV and more
        from mixup_pipeline import launch

        return getattr(launch, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
