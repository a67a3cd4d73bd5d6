"""Shards for the arms that are mixed ahead of training, made by mixup-augment in a process of its own.

So they come from the same pipeline that users run, and Beam and TensorFlow are never loaded into one process.
"""

import subprocess
from pathlib import Path

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError
from mixup_pipeline.process.children import kept_alive, python_command

PROGRAM = "from mixup_pipeline.cli.augment import program; program()"


def augment_options(
    source: SourceConfig, cell: Cell, *, seed: int, out: Path, on_bad_record: str = "fail"
) -> list[str]:
    """The options with which mixup-augment makes the shards of a cell."""
    given = {
        "--src": source.src,
        "--split": source.split,
        "--data-dir": source.data_dir,
        "--schema": source.schema,
        "--image-key": source.image_key,
        "--label-key": source.label_key,
        "--num-classes": source.num_classes,
        "--alpha": cell.alpha,
        "--pairing": cell.arm,
        "--copies": cell.copies,
        "--seed": seed,
        "--on-bad-record": None if on_bad_record == "fail" else on_bad_record,
        "--out": out,
    }
    options = [text for name, value in given.items() if value is not None for text in (name, str(value))]
    return [*options, "--allow-eval-split"] if source.allow_eval_split else options


def augment_cell(source: SourceConfig, cell: Cell, *, seed: int, out: Path, on_bad_record: str = "fail") -> None:
    """Write the shards of a cell, or complete them.

    Raises SourceError with the last line that mixup-augment printed.
    """
    command = python_command(
        PROGRAM, *augment_options(source, cell, seed=seed, out=out, on_bad_record=on_bad_record), "--quiet"
    )
    with kept_alive() as stdin:
        done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it failed without a message"])[-1].removeprefix("Error: ")
        raise SourceError(f"mixing for arm {cell.arm}, seed {seed}: {said}")
