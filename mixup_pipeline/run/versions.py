"""The versions of Python and libraries on which the bytes of the output depend."""

import platform
from importlib.metadata import version

from mixup_pipeline.errors import EngineError

_LIBRARIES = ("apache-beam", "google-crc32c", "numpy", "opencv-python-headless", "pillow", "protobuf")


def versions() -> dict[str, str]:
    """The installed versions on which the bytes of the output depend, by name."""
    return {"python": platform.python_version(), "mixup-pipeline": version("mixup-pipeline")} | {
        library: version(library) for library in _LIBRARIES
    }


def check_versions(expected: dict[str, str]) -> None:
    """Check that this worker has the same versions as the launcher, because the bytes of the output depend on them.

    Raises EngineError that names the first difference. The patch level of Python may differ.
    """
    found = versions()
    for library, launcher_version in expected.items():
        here, there = found[library], launcher_version
        if library == "python":
            here, there = here.rpartition(".")[0], there.rpartition(".")[0]
        if here != there:
            raise EngineError(
                f"workers have {library} {here}, the launcher has {there}, so their bytes could differ: install the "
                f"same versions on both"
            )
