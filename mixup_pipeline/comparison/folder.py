"""The folder of a comparison: finished runs are kept, so that one that was interrupted goes on.

config.json        what is compared on what; more arms, seeds, sweeps and attacks may be asked for later
runs/CELL/seed-S/  a training run as mixup-train writes it, with probes.json (and samples.npz of seed 0)
work/              mixed shards and derived sources while they are needed
results.json       everything the report shows (schemas/comparison.schema.json)
report.html, report.md, pictures/*.png   made of it
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
from mixup_pipeline.errors import OutputError, first_line
from mixup_pipeline.storage.atomic import write_atomically
from mixup_pipeline.training.claimed_folder import claimed, read_json


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
        """Hold the folder for what is asked of which data; raises as `training.claimed.claimed` does."""
        return claimed(self.root, asked, what="comparison", command="mixup-compare")

    def load_probes(self, cell: Cell, seed: int) -> dict[str, Any]:
        """What was measured of a finished run; empty where nothing was."""
        path = self.run(cell, seed) / "probes.json"
        return read_json(path, remove=path) if path.is_file() else {}

    def save_probes(self, cell: Cell, seed: int, probes: Mapping[str, Any]) -> None:
        write_atomically(self.run(cell, seed) / "probes.json", json.dumps(probes) + "\n")

    def samples(self, cell: Cell) -> Path:
        """The first examples that seed 0 reads."""
        return self.run(cell, 0) / "samples.npz"

    def save_samples(self, cell: Cell, inputs: npt.NDArray[Any], labels: npt.NDArray[np.float32]) -> None:
        buffer = io.BytesIO()
        np.savez(buffer, inputs=inputs, labels=labels)
        write_atomically(self.samples(cell), buffer.getvalue())

    def load_samples(self, cells: Sequence[Cell]) -> dict[str, tuple[npt.NDArray[Any], npt.NDArray[np.float32]]]:
        """By arm the inputs (n, …) and soft labels (n, classes) that were kept."""
        found = {}
        for path, cell in ((self.samples(cell), cell) for cell in cells):
            if path.is_file():
                try:
                    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                        found[cell.arm] = stored["inputs"], stored["labels"]
                except Exception as error:  # a damaged archive raises this and that
                    raise OutputError(
                        f"{path}: cannot be read ({first_line(error)}): remove it; the report shows the other arms"
                    ) from error
        return found

    def save_results(self, results: Mapping[str, Any]) -> None:
        write_atomically(self.results, json.dumps(results, indent=1) + "\n")

    def save_report(self, html: str, markdown: str, pictures: Mapping[str, bytes]) -> None:
        """What people look at. Pictures of an earlier report that are not in this one go: their figures may be old."""
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
        """Where the mixed shards of a run are while it needs them."""
        return self.work / f"{cell.name}-seed{seed}"

    def clear_shards(self, cell: Cell, seed: int) -> None:
        """Remove the shards of a run, of which there may be none, so that only one run's need room at a time."""
        shutil.rmtree(self.shards(cell, seed), ignore_errors=True)

    def clear_work(self) -> None:
        """Remove shards and derived sources."""
        shutil.rmtree(self.work, ignore_errors=True)
