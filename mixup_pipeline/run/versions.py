"""The versions of libraries on which the bytes of the output depend."""

import platform
from importlib.metadata import version

from mixup_pipeline.errors import EngineError

_LIBRARIES = ("apache-beam", "google-crc32c", "numpy", "opencv-python-headless", "protobuf")


def versions() -> dict[str, str]:
    """The versions on which the bytes of the output depend."""
    return {"python": platform.python_version(), "mixup-pipeline": version("mixup-pipeline")} | {
        library: version(library) for library in _LIBRARIES
    }


def check_versions(expected: dict[str, str]) -> None:
    """See that this worker has the versions of the launcher, since the bytes of the output depend on them.

    Raises EngineError naming the first that differs; of Python the patch level may.
    """
    found = versions()
    for library, version_there in expected.items():
        here, there = found[library], version_there
        if library == "python":
            here, there = here.rpartition(".")[0], there.rpartition(".")[0]
        if here != there:
            raise EngineError(
                f"workers have {library} {here}, the launcher has {there}, so their bytes could differ: install the "
                f"same versions on both"
            )
