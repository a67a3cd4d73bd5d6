"""Shards for the arms that are mixed ahead of training. They come from the same pipeline that users run."""

from dataclasses import replace
from pathlib import Path

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import PAIRINGS
from mixup_pipeline.training.augmenting import run_augment, source_options


def augment_options(
    source: SourceConfig, cell: Cell, *, seed: int, out: Path, augment: str | None = None, on_bad_record: str = "fail"
) -> list[str]:
    """The options with which mixup-augment makes the shards of a cell."""
    given = {
        "--alpha": cell.alpha,
        "--pairing": cell.arm,
        "--copies": cell.copies,
        "--augment": augment,
        "--seed": seed,
        "--on-bad-record": None if on_bad_record == "fail" else on_bad_record,
        "--out": out,
    }
    options = [text for name, value in given.items() if value is not None for text in (name, str(value))]
    by_group = PAIRINGS[cell.arm].needs_groups
    return [*source_options(source if by_group else replace(source, group_key=None)), *options]


def augment_cell(
    source: SourceConfig, cell: Cell, *, seed: int, out: Path, augment: str | None = None, on_bad_record: str = "fail"
) -> None:
    """Write the shards of a cell, or complete them.

    Raises SourceError with the last line that mixup-augment printed.
    """
    options = augment_options(source, cell, seed=seed, out=out, augment=augment, on_bad_record=on_bad_record)
    run_augment(options, f"mixing for arm {cell.arm}, seed {seed}")
