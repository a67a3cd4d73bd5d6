"""Shards for the arms that are mixed ahead of training, made by mixup-augment in a process of its own.

So they come from the same pipeline that users run, and Beam and TensorFlow are never loaded into one process.
"""

import os
import subprocess
import sys
from pathlib import Path

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError

PROGRAM = """
import sys
sys.path[:] = [path for path in sys.path if path]
import os, threading
threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
from mixup_pipeline.cli.augment import program
program()
"""
"""mixup-augment, without the current folder, whose files would stand in for libraries. It ends when its standard input
does: no process stays behind a comparison that is killed, and writes where the next one does."""


def augment_options(source: SourceConfig, cell: Cell, *, seed: int, out: Path) -> list[str]:
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
        "--out": out,
    }
    options = [text for name, value in given.items() if value is not None for text in (name, str(value))]
    return [*options, "--allow-eval-split"] if source.allow_eval_split else options


def augment_cell(source: SourceConfig, cell: Cell, *, seed: int, out: Path) -> None:
    """Write the shards of a cell, or complete them.

    Raises SourceError with the last line that mixup-augment printed.
    """
    command = [sys.executable, "-c", PROGRAM, *augment_options(source, cell, seed=seed, out=out), "--quiet"]
    ends_with_us, kept_open = os.pipe()
    try:
        done = subprocess.run(command, stdin=ends_with_us, capture_output=True, text=True, check=False)
    finally:
        os.close(ends_with_us)
        os.close(kept_open)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it failed without a message"])[-1].removeprefix("Error: ")
        raise SourceError(f"mixing for arm {cell.arm}, seed {seed}: {said}")
