"""Overviews and mixed examples to show, made without any file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mixup_pipeline.config import MixConfig
from mixup_pipeline.dataset.manifest import FORMAT_VERSION, Manifest, ShardEntry, SourceEntry, SourceFileEntry
from mixup_pipeline.dataset.mixed_examples import MixedExample
from mixup_pipeline.dataset.overview import Overview
from mixup_pipeline.dataset.reader import MixedRecord
from mixup_pipeline.mixing.arithmetic import mix_class_ids
from mixup_pipeline.mixing.totals import ShardTotals, combine
from mixup_pipeline.spec import ExampleSpec

NAMES = [
    *(
        "$x$",
        "$\\frac{1",
        "<b>bold</b>",
        "[red]rich[/red]",
        "x" * 300,
        "\x1b[31mred\x07",
        "two\nlines\tand",
        "&amp; \"'",
    ),
    *("", " ", "_hidden", "{{ name }}", "%s {0}", "\u202eleft", "ünïcödé", "\ufffe"),
]
"""Class names that something on the way might take for more than text."""

Row = tuple[int, int, float]


def overview_of(
    rows: Sequence[Row],
    *,
    num_classes: int,
    class_names: Sequence[str] | None = None,
    soft: bool = False,
    faults: Sequence[str] = (),
    name: str = "shapes",
    shape: tuple[int, ...] = (6, 5, 1),
    **config: Any,
) -> Overview:
    """Of rows (class of the base, of the partner, λ), one copy; an example with λ = 1 was left unmixed."""
    base, partner = (np.array([row[side] for row in rows], np.int32) for side in (0, 1))
    lam = np.array([row[2] for row in rows], np.float32)
    totals = ShardTotals.of(lam, lam < 1, class_ids=None if soft else (base, partner), num_classes=num_classes)
    schema = ExampleSpec(
        input_key="image",
        label_key="label",
        encoding="encoded",
        shape=shape,
        num_classes=num_classes,
        label_kind="soft" if soft else "class",
    )
    file_name = f"{name}-train.tfrecord-00000-of-00001"
    file = SourceFileEntry(name=file_name, examples=len(rows), skipped=0, fingerprint="0" * 64)
    shard_name = f"{name}_mixup-train.tfrecord-00000-of-00001"
    resolved = {"num_shards": 1, "label_format": "dense" if num_classes <= 1000 else "compact"} | config
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        run_id="0" * 64,
        name=f"{name}_mixup",
        split="train",
        config=MixConfig(**resolved),
        source=SourceEntry(examples=len(rows), skipped=0, files=(file,), schema=schema),
        shape=shape,
        num_classes=num_classes,
        class_names=None if class_names is None else tuple(class_names),
        shards=(ShardEntry(name=shard_name, copy=0, examples=len(rows), bytes=1_234_567, sha256="0" * 64),),
        totals=combine([totals], num_classes=num_classes),
        versions={"python": "3.11.7", "numpy": "2.4.0"},
    )
    return Overview(Path("shards"), manifest, list(faults))


def random_overview(num_classes: int, count: int = 3000, **more: Any) -> Overview:
    """Of classes at random, as mixing with α = 0.2 would draw them."""
    rng = np.random.default_rng(num_classes)
    classes = rng.integers(0, num_classes, (count, 2)).tolist()
    return overview_of(
        [(base, partner, lam) for (base, partner), lam in zip(classes, rng.beta(0.2, 0.2, count), strict=True)],
        num_classes=num_classes,
        **more,
    )


def mixed_example(
    image: npt.NDArray[Any],
    *,
    base: npt.NDArray[Any] | None = None,
    partner: npt.NDArray[Any] | None = None,
    class_ids: tuple[int, int] | None = (0, 1),
    label: Sequence[float] | None = None,
    lam: float = 0.75,
    num_classes: int = 2,
    copy: int | None = 0,
    alone: bool = False,
) -> MixedExample:
    """Record 7 of the first shard, example 7 of the output."""
    if class_ids is None:
        dense = np.array(label, np.float32)
    else:
        sides = [np.array([side], np.int32) for side in class_ids]
        dense = mix_class_ids(sides[0], sides[1], np.array([lam], np.float32), num_classes=num_classes)[0]
    found = MixedRecord(
        lam=lam,
        base_id="shapes-train.tfrecord-00000-of-00001__3",
        partner_id=f"shapes-train.tfrecord-00000-of-00001__{3 if alone else 5}",
        class_ids=class_ids,
        input=image,
        label=dense,
    )
    shard = "shapes_mixup-train.tfrecord-00000-of-00001"
    return MixedExample(
        shard=shard, record=7, number=7, copy=copy, found=found, label=dense, base=base, partner=partner
    )
