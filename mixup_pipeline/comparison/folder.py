"""The folder of a comparison. Finished runs are kept, so that a comparison that was interrupted goes on.

config.json        the data and how to train; more arms, seeds, sweeps and attacks may be added later
runs/CELL/seed-S/  a training run as mixup-train writes it, with probes.json and predictions.npz (and samples.npz of
                   seed 0)
prepared/          clean examples whose images were brought to a size, as shards with nothing mixed
work/              mixed shards and derived sources while they are needed
results.json       everything the report shows (schemas/comparison.schema.json)
report.html, report.md, pictures/*.png   the report, made from results.json
"""

import contextlib
import io
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.comparison.cells import Cell, all_arms
from mixup_pipeline.comparison.predicted import Predicted
from mixup_pipeline.errors import OutputError, UsageError, first_line
from mixup_pipeline.storage.atomic import output_error, write_atomically
from mixup_pipeline.storage.unfinished import sweep_beside
from mixup_pipeline.training.checksums import sha256
from mixup_pipeline.training.claimed_folder import Kind, OnNote, claimed, ignore, read_json

RESULTS_VERSION = 4
"""Of config.json and results.json. 4: arms read one global order of examples; attacks have two measures."""
_VERSION = "format_version"
_KIND = Kind(
    what="comparison",
    command="mixup-compare",
    holds=frozenset({"runs", "prepared", "work", "results.json", "report.html", "report.md", "pictures"}),
)
_DERIVED, _UNMIXED, _HELD_OUT = "source", "unmixed", "held-out"
_SHARDS = re.compile(rf"({'|'.join(all_arms())})-\S+-seed\d+")
_PICTURE = re.compile(
    r"(differences|changes|curves-(accuracy|map|r2|nll|mse|loss)|sweep-(copies|alpha|subset)|label-noise|reliability|fgsm|confidence|"
    r"samples)(-corrupt[0-9.e+-]+)?\.png"
)
"""The pictures that a report may have, so that no others are removed."""
_DIGEST = "sha256"

Samples = tuple[npt.NDArray[Any], npt.NDArray[np.float32]]
"""Inputs (n, …) and soft labels (n, classes)."""


@dataclass(frozen=True)
class CompareFolder:
    """Paths and small files of one comparison."""

    root: Path

    @property
    def results(self) -> Path:
        return self.root / "results.json"

    @property
    def prepared(self) -> Path:
        return self.root / "prepared"

    @property
    def work(self) -> Path:
        return self.root / "work"

    def run(self, cell: Cell, seed: int) -> Path:
        """The folder of one training run."""
        return self.root / "runs" / cell.name / f"seed-{seed}"

    def claimed(self, asked: Mapping[str, Any], on_note: OnNote = ignore) -> AbstractContextManager[None]:
        """Hold the folder for one comparison on the same data.

        Raises UsageError where an older version wrote it, where a link or a foreign file stands in a place of the
        comparison's own, and as `claimed_folder.claimed` does.
        """
        written = self._written_version()
        if written != RESULTS_VERSION:
            raise UsageError(
                f"--out {self.root}: holds a comparison in format {written}, this version writes format "
                f"{RESULTS_VERSION}: choose another --out, or remove that folder"
            )
        self._check_folders()
        return claimed(self.root, {_VERSION: RESULTS_VERSION, **asked}, _KIND, on_note)

    def _written_version(self) -> Any:
        config = self.root / "config.json"
        try:
            return read_json(config).get(_VERSION, 1) if config.is_file() else RESULTS_VERSION
        except ValueError:
            return RESULTS_VERSION  # damaged: `claimed` says what is done about it
        except OSError as error:
            raise output_error(config, error) from error

    def _check_folders(self) -> None:
        """Refuse links, which lead out of the folder, foreign files below work/, and folders in place of files."""
        for folder in (self.root / "runs", self.prepared, self.work, self.work / _DERIVED, self.root / "pictures"):
            _check_no_link(folder)
        for path in (self.results, self.root / "report.html", self.root / "report.md"):
            if path.is_dir():
                raise OutputError(f"{path}: is a folder, where a file is to be written: move it away")
        try:
            names = sorted(path.name for path in self.work.iterdir()) if self.work.exists() else []
        except OSError as error:
            raise output_error(self.work, error) from error
        foreign = [name for name in names if not _is_work(name) or (self.work / name).is_symlink()]
        if foreign:
            raise UsageError(
                f"{self.work / foreign[0]}: is not of this comparison: move it away, or choose another --out"
            )

    def check_run(self, cell: Cell, seed: int) -> None:
        """Raises UsageError if a link stands in place of a run's folder, or of the folder above it."""
        run = self.run(cell, seed)
        for folder in (run.parent, run):
            _check_no_link(folder)

    def load_probes(self, cell: Cell, seed: int) -> dict[str, Any]:
        """The probes of a finished run by name; empty if none was measured yet.

        Raises ValueError naming the file if it is damaged, OutputError if it cannot be read.
        """
        path = self.run(cell, seed) / "probes.json"
        if not path.is_file():
            return {}
        try:
            probes = read_json(path)
        except OSError as error:
            raise output_error(path, error) from error
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        if probes.pop(_DIGEST, None) != _digest(probes):
            raise ValueError(f"{path}: is not as it was written, or is of an older version")
        return probes

    def save_probes(self, cell: Cell, seed: int, probes: Mapping[str, Any]) -> None:
        content = json.dumps({**probes, _DIGEST: _digest(probes)}) + "\n"
        write_atomically(self.run(cell, seed) / "probes.json", content)

    def remove_probes(self, cell: Cell, seed: int) -> None:
        """Forget what was measured of a run that is trained again. Raises OutputError if that is not possible."""
        for path in (self.run(cell, seed) / "probes.json", self._predicted(cell, seed)):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise output_error(path, error) from error

    def save_predicted(self, cell: Cell, seed: int, predicted: Predicted) -> None:
        write_atomically(self._predicted(cell, seed), predicted.to_bytes())

    def read_predicted(self, cell: Cell, seed: int) -> Predicted | None:
        """What a finished run predicts; None if that was not kept.

        Raises ValueError naming the file if it is damaged.
        """
        path = self._predicted(cell, seed)
        if not path.is_file():
            return None
        try:
            return Predicted.from_bytes(path.read_bytes())
        except Exception as error:  # a damaged archive can raise almost anything
            raise ValueError(f"{path}: cannot be read ({first_line(error)})") from error

    def _predicted(self, cell: Cell, seed: int) -> Path:
        return self.run(cell, seed) / "predictions.npz"

    def samples(self, cell: Cell) -> Path:
        """The file with the first examples that seed 0 reads."""
        return self.run(cell, 0) / "samples.npz"

    def save_samples(self, cell: Cell, inputs: npt.NDArray[Any], labels: npt.NDArray[np.float32]) -> None:
        buffer = io.BytesIO()
        np.savez(buffer, inputs=inputs, labels=labels)
        write_atomically(self.samples(cell), buffer.getvalue())

    def load_samples(self, cells: Sequence[Cell]) -> dict[str, Samples]:
        """The samples that were kept, by arm.

        Raises OutputError if a file is damaged.
        """
        found = {}
        for cell in cells:
            try:
                samples = self.read_samples(cell)
            except ValueError as error:
                raise OutputError(f"{error}: run the same command again, which makes it anew") from error
            if samples is not None:
                found[cell.arm] = samples
        return found

    def read_samples(self, cell: Cell) -> Samples | None:
        """The samples of a cell; None if there are none. Raises ValueError naming the file if it is damaged."""
        path = self.samples(cell)
        if not path.is_file():
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return stored["inputs"], stored["labels"]
        except Exception as error:  # a damaged archive can raise almost anything
            raise ValueError(f"{path}: cannot be read ({first_line(error)})") from error

    def save_results(self, results: Mapping[str, Any]) -> None:
        write_atomically(self.results, json.dumps(results, indent=1) + "\n")

    def save_report(self, html: str, markdown: str, pictures: Mapping[str, bytes]) -> None:
        """Write the page, the text and the pictures. Pictures that an earlier report left are removed.

        Raises UsageError if the folder of the pictures is a link, OutputError if something cannot be written.
        """
        folder = self.root / "pictures"
        _check_no_link(folder)
        try:
            folder.mkdir(exist_ok=True)
            for path in [path for path in folder.iterdir() if _PICTURE.fullmatch(path.name)]:
                sweep_beside(path)
                if path.name not in pictures:
                    path.unlink()
        except OSError as error:
            raise output_error(folder, error) from error
        for name, picture in pictures.items():
            write_atomically(folder / name, picture)
        write_atomically(self.root / "report.md", markdown)
        write_atomically(self.root / "report.html", html)

    @property
    def derived(self) -> Path:
        """The folder of a derived training set, while its runs need it."""
        return self.work / _DERIVED

    @property
    def held_out(self) -> Path:
        """The folder of the examples held out of it, where their images are brought to a size."""
        return self.work / _HELD_OUT

    def unmixed(self, *, derived: bool) -> Path:
        """The folder of the unmixed training examples, where their images are brought to a size."""
        return (self.work if derived else self.prepared) / _UNMIXED

    def shards(self, cell: Cell, seed: int) -> Path:
        """The folder of the mixed shards of a run, which exists only while the run needs them."""
        return self.work / f"{cell.name}-seed{seed}"

    def clear_shards(self, cell: Cell, seed: int) -> None:
        """Remove the shards of a run, if it has any, so that only one run's shards take up room at a time."""
        shutil.rmtree(self.shards(cell, seed), ignore_errors=True)  # no link is followed

    def clear_work(self) -> None:
        """Remove shards and derived sources. What cannot be removed is so, or made anew, by the next start."""
        with contextlib.suppress(OSError):  # such as: something else lies there, and stays
            if self.work.is_dir() and not self.work.is_symlink():
                for path in [path for path in self.work.iterdir() if _is_work(path.name)]:
                    shutil.rmtree(path, ignore_errors=True)  # no link is followed
                self.work.rmdir()


def _is_work(name: str) -> bool:
    """Whether a comparison makes a folder of this name below work/."""
    return name in (_DERIVED, _UNMIXED, _HELD_OUT) or _SHARDS.fullmatch(name) is not None


def _check_no_link(folder: Path) -> None:
    if folder.is_symlink():
        raise UsageError(f"{folder}: is a link, which is not followed: put a folder there, or choose another --out")


def _digest(probes: Mapping[str, Any]) -> str:
    """What tells probes as they were measured."""
    return sha256(json.dumps(probes, sort_keys=True).encode())
