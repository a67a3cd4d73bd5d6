"""Single mixed examples: a random sample or a named one, with their labels and, if the source is available, parents."""

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
from mixup_pipeline.mixing.draw import BASE_VIEW, PARTNER_VIEW
from mixup_pipeline.records.labels import BASE_LABEL_KEY, LABEL_KEY, PARTNER_LABEL_KEY
from mixup_pipeline.records.names import example_id, split_example_id
from mixup_pipeline.records.viewed import apply_views
from mixup_pipeline.storage.places import Place

_PURPOSE = "inspect"


@dataclass(frozen=True, kw_only=True)
class MixedExample:
    """One example of the output.

    shard, record: its location. number: its position in the whole output. copy: None for an original. found: the
    record.
    label: float32[num_classes], the soft label. base, partner: the parents' inputs, uint8 (h, w, c) or float32 (d,);
    None if the source is not available.
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
        """The classes with the largest weights in the label, and their weights, in descending order.

        Weights are above 0.
        """
        best = np.argsort(-self.label, kind="stable")[:most]
        return [(int(class_id), float(self.label[class_id])) for class_id in best if self.label[class_id] > 0]


def sample_locations(manifest: Manifest, *, count: int, seed: int) -> list[tuple[str, int]]:
    """Choose mixed examples of all copies at random: (shard, record) of each. Fewer if there are not `count` of them.

    The choice depends only on the seed.
    """
    shards = [shard for shard in manifest.shards if shard.copy is not None]
    picked = sample_records(shards, count, seed, _PURPOSE)
    return [(name, record) for name, records in picked.items() for record in sorted(records)]


def find_location(manifest: Manifest, text: str) -> tuple[str, int]:
    """The (shard, record) of the example with this id, or with this position in the whole output.

    Raises UsageError that says which examples exist.
    """
    shards, total = manifest.shards, manifest.totals.examples
    if re.fullmatch(r"[0-9]{1,15}", text):
        number = int(text)
        for shard in shards:
            if number < shard.examples:
                return shard.name, number
            number -= shard.examples
    location = split_example_id(text)
    for shard in shards:
        if location is not None and shard.name == location[0] and location[1] < shard.examples:
            return location
    raise UsageError(
        f"example {text!r}: no such example: give a number from 0 to {total - 1:,}, or an id such as "
        f"{example_id(shards[0].name, 0)} (the last record of that shard is {shards[0].examples - 1})"
    )


def load_examples(
    out: Place, manifest: Manifest, locations: Sequence[tuple[str, int]], parents: Parents | None = None
) -> list[MixedExample]:
    """Load the examples at these locations, in this order. Only their records are read.

    Raises OutputError if a shard is missing, RecordError if a record is damaged, and SourceError if the parents do not
    mix to the example again.
    """
    reader, first = MixedReader(manifest), _first_numbers(manifest)
    copies = {shard.name: shard.copy for shard in manifest.shards}
    examples: dict[tuple[str, int], MixedExample] = {}
    for name in sorted({name for name, _ in locations}):
        wanted = {record for shard, record in locations if shard == name}
        try:
            records = reader.pick(out / name, wanted)
        except OSError as error:
            raise OutputError(f"{out / name}: cannot be read ({error.strerror or error}): was it removed?") from error
        for record, found in records.items():
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
    return [examples[location] for location in locations]


def soft_label(found: MixedRecord, manifest: Manifest) -> npt.NDArray[np.float32]:
    """The soft label of a record, float32[num_classes]. It is computed if labels are compact."""
    values: dict[str, Any] = {LABEL_KEY: found.label}
    if found.class_ids is not None:
        values |= {BASE_LABEL_KEY: found.class_ids[:1], PARTNER_LABEL_KEY: found.class_ids[1:]}
    return manifest.layout.labels.soft_label(values, found.lam, num_classes=manifest.num_classes)


def _with_parents(examples: list[MixedExample], parents: Parents, manifest: Manifest) -> list[MixedExample]:
    loaded = parents.load(parent_ids(e.found for e in examples))
    faults = recomputed_faults({e.number: e.found for e in examples}, loaded, manifest)
    if faults:
        raise SourceError(
            f"the source at hand is another one than was mixed, or it has changed since: example {faults[0]} (counted "
            f"over the whole output): name the right source with --against"
        )
    inputs, views = loaded.inputs, [key for key in (BASE_VIEW, PARTNER_VIEW) if manifest.layout.augmented]
    if views:  # the parents as they were mixed
        inputs = apply_views(inputs, np.array([e.found.views[key] for key in views for e in examples]))
    return [replace(e, base=inputs[row], partner=inputs[len(examples) + row]) for row, e in enumerate(examples)]


def _first_numbers(manifest: Manifest) -> dict[str, int]:
    """The position of each shard's first example in the whole output."""
    first, done = {}, 0
    for shard in manifest.shards:
        first[shard.name] = done
        done += shard.examples
    return first
