"""Single mixed examples: chosen or named, with their labels, and with their parents where the source is at hand."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.dataset.parents import Parents
from mixup_pipeline.dataset.reader import MixedReader, MixedRecord, sample_records
from mixup_pipeline.dataset.recompute import parent_ids, recomputed_faults
from mixup_pipeline.errors import OutputError, SourceError, UsageError
from mixup_pipeline.records.labels import BASE_LABEL_KEY, LABEL_KEY, PARTNER_LABEL_KEY
from mixup_pipeline.records.names import example_id, split_example_id
from mixup_pipeline.storage.places import Place

_PURPOSE = "inspect"


@dataclass(frozen=True, kw_only=True)
class MixedExample:
    """One example of the output.

    shard, record: where it stands. number: its position in the whole output. copy: None for an original.
    label: float32[num_classes]. base, partner: uint8 (h, w, c) or float32 (d,); None where the source is not at hand.
    """

    shard: str
    record: int
    number: int
    copy: int | None
    found: MixedRecord
    label: npt.NDArray[np.float32]
    base: npt.NDArray[Any] | None = None
    partner: npt.NDArray[Any] | None = None

    @property
    def id(self) -> str:
        return example_id(self.shard, self.record)

    @property
    def lam(self) -> float:
        return self.found.lam

    def top_classes(self, most: int) -> list[tuple[int, float]]:
        """The heaviest classes of the label with their weights, the heaviest first; none with weight 0."""
        best = np.argsort(-self.label, kind="stable")[:most]
        return [(int(class_id), float(self.label[class_id])) for class_id in best if self.label[class_id] > 0]


def chosen(manifest: Manifest, *, count: int, seed: int) -> list[tuple[str, int]]:
    """Shard and record of a keyed choice of mixed examples over all copies; fewer where there are no more."""
    shards = [shard for shard in manifest.shards if shard.copy is not None]
    picked = sample_records(shards, count, seed, _PURPOSE)
    return [(name, record) for name, records in picked.items() for record in sorted(records)]


def named(manifest: Manifest, text: str) -> tuple[str, int]:
    """Shard and record of the example with this id  or this position in the whole output.

    Raises UsageError saying which there are.
    """
    shards, total = manifest.shards, manifest.totals.examples
    if re.fullmatch(r"[0-9]{1,15}", text):
        number = int(text)
        for shard in shards:
            if number < shard.examples:
                return shard.name, number
            number -= shard.examples
    place = split_example_id(text)
    for shard in shards:
        if place is not None and shard.name == place[0] and place[1] < shard.examples:
            return place
    raise UsageError(
        f"example {text!r}: no such example: give a number from 0 to {total - 1:,}, or an id such as "
        f"{example_id(shards[0].name, 0)} (the last record of that shard is {shards[0].examples - 1})"
    )


def load(
    out: Place, manifest: Manifest, places: Sequence[tuple[str, int]], parents: Parents | None = None
) -> list[MixedExample]:
    """These examples, in their order, reading only their records.

    Raises OutputError where a shard is missing, RecordError where one is damaged, SourceError where the parents, mixed
    again, are not the example.
    """
    reader, first = MixedReader(manifest), _first_numbers(manifest)
    copies = {shard.name: shard.copy for shard in manifest.shards}
    examples: dict[tuple[str, int], MixedExample] = {}
    for name in sorted({name for name, _ in places}):
        wanted = {record for shard, record in places if shard == name}
        try:
            sampled = reader.pick(out / name, wanted)
        except OSError as error:
            raise OutputError(f"{out / name}: cannot be read ({error.strerror or error}): was it removed?") from error
        for record, found in sampled.items():
            examples[name, record] = MixedExample(
                shard=name,
                record=record,
                number=first[name] + record,
                copy=copies[name],
                found=found,
                label=soft_label(found, manifest),
            )
    if parents is not None:
        shown = _with_parents(list(examples.values()), parents, manifest)
        examples = dict(zip(examples, shown, strict=True))
    return [examples[place] for place in places]


def soft_label(found: MixedRecord, manifest: Manifest) -> npt.NDArray[np.float32]:
    """The soft label of a record, computed where labels are compact: float32[num_classes]."""
    values: dict[str, Any] = {LABEL_KEY: found.label}
    if found.classes is not None:
        values |= {BASE_LABEL_KEY: found.classes[:1], PARTNER_LABEL_KEY: found.classes[1:]}
    return manifest.layout.labels.soft_label(values, found.lam, num_classes=manifest.num_classes)


def _with_parents(examples: list[MixedExample], parents: Parents, manifest: Manifest) -> list[MixedExample]:
    loaded = parents.load(parent_ids(e.found for e in examples))
    faults = recomputed_faults({e.number: e.found for e in examples}, loaded, manifest)
    if faults:
        raise SourceError(
            f"the parents do not give the mixed examples, so this is not their source, or not any more: {faults[0]} "
            f"(of the whole output): name the right source with --against"
        )
    inputs = loaded.inputs
    return [replace(e, base=inputs[row], partner=inputs[len(examples) + row]) for row, e in enumerate(examples)]


def _first_numbers(manifest: Manifest) -> dict[str, int]:
    """Position in the whole output of each shard's first example."""
    first, done = {}, 0
    for shard in manifest.shards:
        first[shard.name] = done
        done += shard.examples
    return first
