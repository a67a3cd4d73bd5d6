"""The folder of a comparison. Finished runs are kept, so that a comparison that was interrupted goes on.

config.json        the data and how to train; more arms, seeds, sweeps and attacks may be added later
runs/CELL/seed-S/  a training run as mixup-train writes it, with probes.json (and samples.npz of seed 0)
work/              mixed shards and derived sources while they are needed
results.json       everything the report shows (schemas/comparison.schema.json)
report.html, report.md, pictures/*.png   the report, made from results.json
"""

import io
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.errors import OutputError, UsageError, first_line
from mixup_pipeline.storage.atomic import write_atomically
from mixup_pipeline.training.claimed_folder import claimed, read_json

RESULTS_VERSION = 2
"""Of config.json and results.json. 2: what was called limit is called subset."""
_VERSION = "format_version"


@dataclass(frozen=True)
class CompareFolder:
    """Paths and small files of one comparison."""

    root: Path

    @property
    def results(self) -> Path:
        return self.root / "results.json"

    @property
    def work(self) -> Path:
        return self.root / "work"

    def run(self, cell: Cell, seed: int) -> Path:
        """The folder of one training run."""
        return self.root / "runs" / cell.name / f"seed-{seed}"

    def claimed(self, asked: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Hold the folder for one comparison on the same data.

        Raises UsageError where an older version wrote it, and as `claimed_folder.claimed` does.
        """
        config = self.root / "config.json"
        written = read_json(config, remove=self.root).get(_VERSION, 1) if config.is_file() else RESULTS_VERSION
        if written != RESULTS_VERSION:
            raise UsageError(
                f"out {self.root}: holds a comparison in format {written}, this version writes format "
                f"{RESULTS_VERSION}: choose another --out, or remove that folder"
            )
        return claimed(self.root, {_VERSION: RESULTS_VERSION, **asked}, what="comparison", command="mixup-compare")

    def load_probes(self, cell: Cell, seed: int) -> dict[str, Any]:
        """The probes of a finished run by name; empty if none was measured yet."""
        path = self.run(cell, seed) / "probes.json"
        return read_json(path, remove=path) if path.is_file() else {}

    def save_probes(self, cell: Cell, seed: int, probes: Mapping[str, Any]) -> None:
        write_atomically(self.run(cell, seed) / "probes.json", json.dumps(probes) + "\n")

    def samples(self, cell: Cell) -> Path:
        """The file with the first examples that seed 0 reads."""
        return self.run(cell, 0) / "samples.npz"

    def save_samples(self, cell: Cell, inputs: npt.NDArray[Any], labels: npt.NDArray[np.float32]) -> None:
        buffer = io.BytesIO()
        np.savez(buffer, inputs=inputs, labels=labels)
        write_atomically(self.samples(cell), buffer.getvalue())

    def load_samples(self, cells: Sequence[Cell]) -> dict[str, tuple[npt.NDArray[Any], npt.NDArray[np.float32]]]:
        """The samples that were kept: by arm, inputs (n, …) and soft labels (n, classes).

        Raises OutputError if a file is damaged.
        """
        found = {}
        for path, cell in ((self.samples(cell), cell) for cell in cells):
            if path.is_file():
                try:
                    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                        found[cell.arm] = stored["inputs"], stored["labels"]
                except Exception as error:  # a damaged archive can raise almost anything
                    raise OutputError(
                        f"{path}: cannot be read ({first_line(error)}): remove it; the report shows the other arms"
                    ) from error
        return found

    def save_results(self, results: Mapping[str, Any]) -> None:
        write_atomically(self.results, json.dumps(results, indent=1) + "\n")

    def save_report(self, html: str, markdown: str, pictures: Mapping[str, bytes]) -> None:
        """Write the page, the text and the pictures. Other pictures are removed: an earlier report left them."""
        folder = self.root / "pictures"
        folder.mkdir(exist_ok=True)
        for name, picture in pictures.items():
            write_atomically(folder / name, picture)
        for path in folder.glob("*.png"):
            if path.name not in pictures:
                path.unlink()
        write_atomically(self.root / "report.md", markdown)
        write_atomically(self.root / "report.html", html)

    def shards(self, cell: Cell, seed: int) -> Path:
        """The folder of the mixed shards of a run, which exists only while the run needs them."""
        return self.work / f"{cell.name}-seed{seed}"

    def clear_shards(self, cell: Cell, seed: int) -> None:
        """Remove the shards of a run, if it has any, so that only one run's shards take up room at a time."""
        shutil.rmtree(self.shards(cell, seed), ignore_errors=True)

    def clear_work(self) -> None:
        """Remove shards and derived sources."""
        shutil.rmtree(self.work, ignore_errors=True)
