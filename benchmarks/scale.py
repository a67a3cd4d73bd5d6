"""Time and memory of index and plan for many synthetic examples, each step in a process of its own.

    python benchmarks/scale.py [--examples 1000000,10000000,100000000] [--only plan,index]

The entries are made directly, without any image, and each step calls the project's own functions. Rows of the
plan: memory is the peak of the process, its input included, less what it holds before; disk is what the step leaves in
the work folder. Files are written, not flushed. Rows of the index read real records, just written. 100 million examples
need about 7 GB of memory and 10 GB of disk.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import click
import cv2
import numpy as np
import numpy.typing as npt

from mixup_pipeline.config import MixConfig
from mixup_pipeline.config.registry import PAIRINGS
from mixup_pipeline.mixing.pairing import ClassIds
from mixup_pipeline.mixing.slots import ShardTask
from mixup_pipeline.mixing.totals import ShardTotals, combine
from mixup_pipeline.records.framing import FRAME_BYTES, frame
from mixup_pipeline.records.tf_example import Example
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.mix_shard import ShardMixer
from mixup_pipeline.run.planning import plan_run
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.slots import slot_table
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.census import Census, Seen
from mixup_pipeline.sources.index import ENTRY, Entries, IndexedFile
from mixup_pipeline.sources.scan import Scanned
from mixup_pipeline.sources.source import Source, SourceFile
from mixup_pipeline.spec import ExampleSpec

CLASSES = 1000
FILE_EXAMPLES = 10_000
SHARD_EXAMPLES = 100_000
STORED_SHARD_EXAMPLES = 1_783
"""In a shard of 256 MiB of raw images of 224×224×3."""
RECORD_BYTES = 110_000
SPEC = ExampleSpec(input_key="image", label_key="label", encoding="encoded", shape=(None,) * 3, num_classes=CLASSES)
RECORDS = {"400 B, PNG": (200_000, 16, ".png"), "110 kB, JPEG": (5_000, 301, ".jpg")}
"""Records, pixels of a side and format of the two sources that are indexed."""

Step = Callable[[int, Path], Callable[[], object]]
"""Makes the input of a step for so many examples in this folder, and gives the step itself."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one step: wall seconds; bytes of memory at the peak, and before the input was made; bytes left on disk."""

    seconds: float
    peak_bytes: int
    bare_bytes: int
    disk_bytes: int = 0


def peak_bytes() -> int:
    """The most memory that this process held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def cost(step: Step, count: int, out: Path) -> Cost:
    bare = peak_bytes()
    action = step(count, out)
    started = time.perf_counter()
    action()
    return Cost(seconds=time.perf_counter() - started, peak_bytes=peak_bytes(), bare_bytes=bare)


def apart(step: Step, count: int, out: Path) -> Cost:
    """The cost of a step in a fresh process."""
    os.sync()
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(cost, step, count, out).result()


# Synthetic input


def random_class_ids(count: int, key: int = 0) -> ClassIds:
    return np.random.default_rng(key).integers(0, CLASSES, count, np.int32)


def file_entries(file: int) -> Entries:
    """ENTRY[FILE_EXAMPLES] of one file of equally long records."""
    entries = np.zeros(FILE_EXAMPLES, ENTRY)
    entries["record"] = np.arange(FILE_EXAMPLES)
    entries["offset"] = np.arange(FILE_EXAMPLES, dtype=np.int64) * (RECORD_BYTES + FRAME_BYTES) + 12
    entries["length"], entries["input_length"], entries["input_start"] = RECORD_BYTES, RECORD_BYTES - 50, 30
    entries["file"], entries["class_id"] = file, random_class_ids(FILE_EXAMPLES, file)
    return entries


def indexed_files(count: int) -> list[IndexedFile]:
    num_files = count // FILE_EXAMPLES
    return [
        IndexedFile(
            name=f"synthetic-train-{file:05d}-of-{num_files:05d}",
            path=f"/a/folder/with/synthetic-train-{file:05d}-of-{num_files:05d}",
            examples=FILE_EXAMPLES,
            skipped=0,
            fingerprint=f"{file:064x}",
        )
        for file in range(num_files)
    ]


def table_of(count: int) -> Entries:
    """ENTRY[count] as the files hold them."""
    table = np.empty(count, ENTRY)
    for file in range(count // FILE_EXAMPLES):
        table[file * FILE_EXAMPLES : (file + 1) * FILE_EXAMPLES] = file_entries(file)
    return table


# Steps of the plan


def save_index(count: int, out: Path) -> Callable[[], object]:
    work = WorkFolder.of(out)

    def save() -> None:
        for position, file in enumerate(indexed_files(count)):
            census = Census({(224, 224, 3): Seen(file.examples, file.name, 0)})
            work.save_index(Scanned(entries=file_entries(position), file=file, census=census), position, None)

    return save


def table(count: int, out: Path) -> Callable[[], object]:
    work = WorkFolder.of(out)
    entries = (work.entries(position) for position in range(count // FILE_EXAMPLES))
    return partial(slot_table, entries, num_examples=count, seed=0)


def pairing(policy: str, count: int, out: Path) -> Callable[[], object]:
    return partial(PAIRINGS[policy].pair, random_class_ids(count), 0, 0, [])


def save_slots(count: int, out: Path) -> Callable[[], object]:
    return partial(WorkFolder.of(out).save_slots, table_of(count))


def save_partners(count: int, out: Path) -> Callable[[], object]:
    partners: npt.NDArray[np.int32] = np.random.default_rng(0).integers(0, count, count, np.int32)
    return partial(WorkFolder.of(out).save_partners, 0, partners, table_of(count))


def plan(policy: str, count: int, out: Path) -> Callable[[], object]:
    config = MixConfig(pairing=policy, image_format="png", label_format="compact")
    files = indexed_files(count)
    source_files = tuple(SourceFile(position=position, name=f.name, path=f.path) for position, f in enumerate(files))
    source = Source(name="synthetic", split="train", files=source_files, spec=SPEC)
    return partial(plan_run, Request(source=source, config=config), files, out)


def load_run(count: int, out: Path) -> Callable[[], object]:
    return WorkFolder.of(out).load_run


def read_shard(count: int, out: Path) -> Callable[[], object]:
    """What a shard reads of the plan, from the middle of it."""
    mixer, start = ShardMixer(out), count // 2
    task = ShardTask(shard=0, start=start, stop=min(count, start + SHARD_EXAMPLES))
    mixer.run  # noqa: B018 - read before
    return lambda: mixer.draw(0, task, mixer.bases(task))


def totals(count: int, out: Path) -> Callable[[], object]:
    """What Commit holds: the totals of all shards."""
    shards = []
    for first in range(0, count, STORED_SHARD_EXAMPLES):
        random, size = np.random.default_rng(first), min(STORED_SHARD_EXAMPLES, count - first)
        base, partner = random.integers(0, CLASSES, (2, size), np.int32)
        lam, mixed = random.random(size, np.float32), np.ones(size, np.bool_)
        shards.append(ShardTotals.of(lam, mixed, class_ids=(base, partner), num_classes=CLASSES))
    return partial(combine, shards, num_classes=CLASSES)


STEPS: dict[str, Step] = {
    "save_index": save_index,
    "slot_table": table,
    **{f"pair {policy}": partial(pairing, policy) for policy in PAIRINGS},
    "save_slots": save_slots,
    "save_partners, random": save_partners,
    **{f"plan_run {policy}": partial(plan, policy) for policy in PAIRINGS},
    "read run.json": load_run,
    "read 100,000 slots": read_shard,
    "combine totals": totals,
}
KEEPS_PLAN = ("read run.json", "read 100,000 slots")
"""Steps that read what the step before left."""


def disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def plan_rows(count: int, wanted: list[str]) -> None:
    """Print one row a step; the index is always made."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as folder:
        out = Path(folder)
        work = WorkFolder.of(out)
        work.create()
        for name, step in STEPS.items():
            if name != "save_index" and wanted and not any(name.startswith(word) for word in wanted):
                continue
            if name not in KEEPS_PLAN:
                for path in (work.root / "slots", work.root / "partners-00000", work.run):
                    path.unlink(missing_ok=True)
            before = disk_bytes(out)
            found = apart(step, count, out)
            left = disk_bytes(out) - before
            click.echo(
                f"{name:24} {count:13,} {found.seconds:9.3f} {found.seconds / count * 1e9:8.1f} "
                f"{found.peak_bytes / 1e6:9,.0f} {(found.peak_bytes - found.bare_bytes) / count:8.1f} "
                f"{left / count:8.1f}"
            )


# Indexing real records


def write_records(path: Path, count: int, side: int, suffix: str) -> None:
    """A TFRecord file of noise, from 16 different images."""
    framed = []
    for number in range(16):
        noise = np.random.default_rng(number).integers(0, 256, (side, side, 1 if suffix == ".png" else 3), np.uint8)
        message = Example()
        message.features.feature["image"].bytes_list.value.append(cv2.imencode(suffix, noise)[1].tobytes())
        message.features.feature["label"].int64_list.value.append(number)
        framed.append(frame(message.SerializeToString()))
    with path.open("wb") as file:
        for number in range(count):
            file.write(framed[number % len(framed)])


def index(count: int, out: Path) -> Callable[[], object]:
    file = SourceFile(position=0, name="records", path=str(out / "records"))
    return partial(index_file, file, SPEC, MixConfig(), WorkFolder.of(out))


def index_rows() -> None:
    for name, (count, side, suffix) in RECORDS.items():
        with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as folder:
            out = Path(folder)
            WorkFolder.of(out).create()
            write_records(out / "records", count, side, suffix)
            size, found = (out / "records").stat().st_size, apart(index, count, out)
            click.echo(
                f"{name:24} {count:13,} {found.seconds:9.3f} {found.seconds / count * 1e6:8.1f} "
                f"{size / found.seconds / 1e6:9,.0f} {found.peak_bytes / 1e6:8.0f} {size / count:8,.0f}"
            )


@click.command()
@click.option("--examples", default="1000000,10000000,100000000", show_default=True, help="Sizes, by comma.")
@click.option("--only", default="plan,index", show_default=True, help="Which tables, by comma.")
@click.option("--steps", default="", help="Only steps of the plan that begin with one of these words, by comma.")
def main(examples: str, only: str, steps: str) -> None:
    """Print one row a step and size."""
    if "index" in only.split(","):
        click.echo(
            f"{'index_file':24} {'records':>13} {'seconds':>9} {'µs each':>8} {'MB/s':>9} {'peak MB':>8} {'B each':>8}"
        )
        index_rows()
    if "plan" in only.split(","):
        click.echo(
            f"{'step':24} {'examples':>13} {'seconds':>9} {'ns each':>8} {'peak MB':>9} {'B memory':>8} {'B disk':>8}"
        )
        for size in map(int, examples.split(",")):
            if size % FILE_EXAMPLES:
                raise click.UsageError(f"examples must be a multiple of {FILE_EXAMPLES:,}, got {size:,}")
            plan_rows(size, [word for word in steps.split(",") if word])


if __name__ == "__main__":
    main()
