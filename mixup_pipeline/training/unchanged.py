"""Whether the files that are trained on stay as they are.

mixup-augment --overwrite may replace shards while a run reads them. Every record would be sound, but the run would have
read some of each, and no manifest tells what it was trained on.
"""

from pathlib import Path

from mixup_pipeline.errors import SourceError
from mixup_pipeline.storage.stamps import Stamp, stamp
from mixup_pipeline.training.example_files import ExampleFiles


class Unchanged:
    """Remembers size and time of all files of some datasets."""

    def __init__(self, *datasets: ExampleFiles) -> None:
        """Raises SourceError if a file is not there."""
        files = {file for dataset in datasets for one in dataset.passes for file in one.paths}
        self._stamps = {file: _stamp(file) for file in files}

    def check(self) -> None:
        """Raises SourceError naming the first file that is not as it was."""
        for file in sorted(self._stamps):
            if _stamp(file) != self._stamps[file]:
                raise SourceError(
                    f"{file}: was written anew while it was trained on: run again once its folder is complete"
                )


def _stamp(file: str) -> Stamp:
    try:
        return stamp(Path(file))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SourceError(
            f"{file}: cannot be read ({reason}): another process may be writing its folder: run again when it is done"
        ) from error
