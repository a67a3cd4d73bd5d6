"""What computes a run, and so may change its result: programs by their versions, devices, and whether they are bound to
give the same bits every time. It is part of what a run is known by.
"""

import platform
from importlib.metadata import version
from typing import Any

from mixup_pipeline.training.learner import Learners

_LIBRARIES = ("keras", "mixup-pipeline", "numpy", "tensorflow")


def environment(learners: Learners) -> dict[str, Any]:
    """The devices, whether only deterministic operations are used, and versions. Patches of Python change nothing."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {
        "devices": list(learners.devices.names),
        "deterministic": learners.deterministic,
        "versions": {"python": python} | {library: version(library) for library in _LIBRARIES},
    }
