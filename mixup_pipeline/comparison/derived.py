"""Smaller and noisier training sets: an ordinary TFRecord source made from another.

Mixing, the baseline and online mixup read it like any source.

The sets of one seed are nested. The examples of subset 500 are among those of subset 2,000. Labels that are wrong at
20 % are wrong at 50 % too.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.derived_schema import write_schema
from mixup_pipeline.comparison.seen import Seen
from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.config.registry import LABEL_KINDS, PAIRINGS
from mixup_pipeline.errors import UsageError
from mixup_pipeline.mixing.pairing import Policy
from mixup_pipeline.mixing.randomness import distinct, permutation, words
from mixup_pipeline.records.example_reader import ExampleReader
from mixup_pipeline.records.framing import frame
from mixup_pipeline.records.names import shard_name
from mixup_pipeline.records.tf_example import Example
from mixup_pipeline.run.planning import check_counts
from mixup_pipeline.sources.index import group_ids
from mixup_pipeline.sources.source import Source
from mixup_pipeline.sources.tfds_features import FEATURES_NAME
from mixup_pipeline.storage.atomic import output_error
from mixup_pipeline.training.held_out import held_out

_HELD_OUT = "held-out"
_READ_TOGETHER = 1024
_NAMES = "class_names.txt"
_ASKED = {"multi-hot": "multi-label", "class-list": "multi-label", "regression": "regression"}
"""--label-kind for label kinds that are not read unless it is given."""
_SUBSET_DRAW = "compare-limit"
"""The purpose of the draw, from when a subset was called a limit: another name would draw other subsets."""


def check_cells(seen: Seen, cells: Sequence[Cell], *, seeds: int, batch_size: int, val_share: float = 0.0) -> None:
    """Refuse training sets and pairings that the source does not allow, before any training.

    Raises UsageError naming the option or the arm.
    """
    source, total = seen.source, seen.examples
    has_classes = LABEL_KINDS[source.spec.label_kind].has_classes
    if any(cell.corrupt for cell in cells) and (not has_classes or source.spec.num_classes < 2):
        raise UsageError("--corrupt-labels needs class ids of two classes or more, which this source does not have")
    for subset in sorted({cell.subset for cell in cells if cell.subset is not None}):
        if subset > total:
            raise UsageError(f"--subset {subset:,}: {source.name} split {source.split} has {total:,} examples")
        if subset < batch_size:
            raise UsageError(
                f"--subset {subset:,}: is less than one batch of {batch_size:,}: use a smaller --batch-size"
            )
    for size in {cell.subset for cell in cells} if val_share else ():
        for seed in range(seeds):
            drawn = _drawn(seen, subset=size, corrupt=0.0, val_share=val_share, seed=seed)
            left = int((~drawn.held).sum())
            if left < batch_size:
                raise UsageError(
                    f"--val-share {val_share:g}: leaves {left:,} examples to train on, less than one batch of "
                    f"{batch_size:,}: use a smaller --batch-size"
                )
    for cell in cells:
        if cell.copies is not None:
            _check_pairing(cell, seen, val_share, seeds)


def sizes(seen: Seen, *, subset: int | None, val_share: float, seeds: int) -> dict[str, list[int]]:
    """How many examples are trained on, and how many are held out: [fewest, most] over the seeds."""
    drawn = [_drawn(seen, subset=subset, corrupt=0.0, val_share=val_share, seed=seed).held for seed in range(seeds)]
    held = [int(one.sum()) for one in drawn]
    trained = [len(one) - count for one, count in zip(drawn, held, strict=True)]
    return {"training": [min(trained), max(trained)], "held_out": [min(held), max(held)]}


def _check_pairing(cell: Cell, seen: Seen, val_share: float, seeds: int) -> None:
    """Raise UsageError if the training set of a seed cannot be paired as the cell's arm pairs."""
    mixing = MixConfig(pairing=cell.arm, copies=cell.copies or 1)
    whole = cell.condition == (None, 0.0) and not val_share
    policy: Policy = PAIRINGS[cell.arm]
    source = seen.source
    class_ids = np.concatenate([part.entries["class_id"] for part in seen.scanned])
    by_group = policy.needs_groups and source.spec.group_key
    groups = group_ids([part.groups for part in seen.scanned]) if by_group else None
    for seed in range(1 if whole else seeds):
        drawn = _drawn(seen, subset=cell.subset, corrupt=cell.corrupt, val_share=val_share, seed=seed)
        chosen = drawn.chosen[~drawn.held]
        if groups is not None:
            paired_by = groups[chosen]
        elif cell.corrupt:
            paired_by = ((class_ids[chosen] + drawn.shifts[~drawn.held]) % source.spec.num_classes).astype(np.int32)
        else:
            paired_by = class_ids[chosen]
        try:
            check_counts(mixing, len(chosen), source.spec)
            policy.check_pairable(paired_by, mixing, source.class_names)
        except UsageError as error:
            where = "" if whole else f", seed {seed}"
            raise UsageError(f"arm {cell.name}{where}: {error}, or leave the arm out of --arms") from error


def derive(
    config: SourceConfig,
    seen: Seen,
    folder: Path,
    *,
    subset: int | None,
    corrupt: float,
    seed: int,
    val_share: float = 0.0,
) -> tuple[SourceConfig, SourceConfig | None]:
    """Write `subset` random examples of a source; a share `corrupt` of them get the label of another class.

    seen: the source, as it was found. subset: at most the number of examples; None for all. val_share: this share of
    them is held out. Returns where the new sources are: to train on, and held out, if any. Call `check_cells` first.

    Raises SourceError or RecordError if the source cannot be read, OutputError if a file cannot be written.
    """
    source = seen.source
    drawn = _drawn(seen, subset=subset, corrupt=corrupt, val_share=val_share, seed=seed)
    path = _write(seen, drawn, ~drawn.held, folder)
    held = _write(seen, drawn, drawn.held, folder / _HELD_OUT) if val_share else None
    return _described(config, source, path), None if held is None else _described(config, source, held)


@dataclass(frozen=True)
class _Drawn:
    """Which examples there are, ascending; what is added to their class ids; which of them are held out: (n) each."""

    chosen: npt.NDArray[np.int64]
    shifts: npt.NDArray[np.int64]
    held: npt.NDArray[np.bool_]


def _drawn(seen: Seen, *, subset: int | None, corrupt: float, val_share: float, seed: int) -> _Drawn:
    """Raises UsageError if the share that is held out cannot be."""
    chosen = _chosen(seen.examples, subset, seed)
    held = np.zeros(len(chosen), np.bool_)
    if val_share:
        groups = np.concatenate([part.groups for part in seen.scanned])
        held = held_out(len(chosen), val_share, seed, groups[chosen] if len(groups) else groups)
    return _Drawn(chosen, _shifts(seen.source, len(chosen), corrupt, seed), held)


def _write(seen: Seen, drawn: _Drawn, wanted: npt.NDArray[np.bool_], folder: Path) -> Path:
    """Write the records of a derived set. wanted: bool[n], which of those that were drawn."""
    source = seen.source
    path = folder / shard_name(source.name, source.split, 0, 1)
    partial = path.with_name(f".{path.name}")
    reader, chosen, shifts = ExampleReader(source.spec), drawn.chosen[wanted], drawn.shifts[wanted]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            for start in range(0, len(chosen), _READ_TOGETHER):
                part = slice(start, start + _READ_TOGETHER)
                for payload, shift in zip(seen.records.payloads(chosen[part]), shifts[part].tolist(), strict=True):
                    file.write(frame(_relabelled(payload, shift, source, reader) if shift else payload))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise output_error(path, error) from error
    return path


def _described(config: SourceConfig, source: Source, path: Path) -> SourceConfig:
    """How to read a derived training set as its source is read."""
    spec, beside = source.spec, Path(source.files[0].path).parent / FEATURES_NAME
    schema = config.schema or (str(beside) if beside.is_file() else None)
    in_records = all(file.format == "tfrecord" for file in source.files)
    if schema is None and not (in_records and spec.label_kind in ("class", "soft")):
        schema = str(path.with_name(FEATURES_NAME))
        write_schema(spec, Path(schema))
    names = config.class_names
    if spec.class_texts:  # a subset may lack a class
        names = str(path.with_name(_NAMES))
        Path(names).write_text("".join(f"{text}\n" for text in spec.class_texts))
    by_columns = spec.encoding == "columns"
    return replace(
        config,
        src=str(path),
        schema=schema,
        image_key=None if by_columns else spec.input_key,
        columns=",".join(spec.columns) if by_columns else None,
        label_key=spec.label_key,
        label_kind=_ASKED.get(spec.label_kind),
        class_names=names,
        num_classes=spec.num_classes,
    )


def _chosen(total: int, subset: int | None, seed: int) -> npt.NDArray[np.int64]:
    """int64[subset]: the positions of the examples of a subset, ascending; all where there is none."""
    return np.arange(total) if subset is None else np.sort(distinct(total, subset, seed, _SUBSET_DRAW))


def _shifts(source: Source, count: int, corrupt: float, seed: int) -> npt.NDArray[np.int64]:
    """int64[count]: what is added to each class id, modulo the number of classes; 0 for labels that stay right."""
    shifts = np.zeros(count, np.int64)
    if corrupt:
        wrong = permutation(count, seed, "corrupt-order")[: round(corrupt * count)]
        others = np.uint64(source.spec.num_classes - 1)
        shifts[wrong] = 1 + (words(count, seed, "corrupt-class") % others).astype(np.int64)[wrong]
    return shifts


def _relabelled(payload: bytes, shift: int, source: Source, reader: ExampleReader) -> bytes:
    """The record with `shift` added to its class id, modulo the number of classes."""
    example, spec = Example.FromString(payload), source.spec
    moved = (reader.class_id(example.features.feature) + shift) % spec.num_classes
    feature = example.features.feature[spec.label_key]
    if spec.class_texts:
        feature.bytes_list.value[:] = [spec.class_texts[moved].encode()]
    else:
        feature.int64_list.value[:] = [moved + spec.first_class]
    return bytes(example.SerializeToString(deterministic=True))
