"""Reading records from an object store: single ranges, whole files, and what the tool chooses between them.

    python benchmarks/stores.py [--runs 3] [--latency 20]

A real S3 server on this machine (moto), behind a proxy that waits before each request. Shards ask for random records,
as mixing does: all of a dataset's, or a share. Each row prints requests, bytes and median seconds of the three ways, in
turn, and the ratio of the tool to the better of the other two. Of single ranges the first 1,000 are measured, for the
others time grows alike; server and proxy cost some milliseconds a request themselves. Needs the extra `dev`.
"""

import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from mixup_pipeline.records.framing import FRAME_BYTES, frame
from mixup_pipeline.sources import payloads as fetching
from mixup_pipeline.sources.index import ENTRY, Entries, IndexedFile
from mixup_pipeline.sources.payloads import STORE, Reach, read_payloads
from mixup_pipeline.storage.places import ObjectPath
from tests.real_stores.servers import BUCKET, Proxy, s3_server

WAYS = {
    "ranges": Reach(gap_bytes=0, block_bytes=1),
    "whole files": Reach(gap_bytes=1 << 60, block_bytes=STORE.block_bytes),
    "the tool": STORE,
}
MOST_RANGES = 1000
DATASETS = {"60,000 small": (60_000, 700, 10), "2,000 large": (2_000, 110_000, 20)}
"""Records, bytes of a payload on average, files. 224x224 JPEGs of ImageNet have about 110 kB as they come."""


@click.command()
@click.option("--runs", default=3, show_default=True)
@click.option("--latency", default=20.0, show_default=True, help="Milliseconds before each request.")
def main(runs: int, latency: float) -> None:
    """Print one row a dataset and share."""
    with s3_server() as (proxy, env):
        os.environ.update(env)
        for name, (num_records, payload_bytes, num_files) in DATASETS.items():
            files, entries = stored(name.split()[1], num_records, payload_bytes, num_files)
            proxy.seconds = latency / 1000
            for share in (1.0, 0.1, 0.01):
                row(name, share, files, chosen(entries, share), proxy, runs)
            proxy.seconds = 0.0


def stored(name: str, num_records: int, payload_bytes: int, num_files: int) -> tuple[list[IndexedFile], Entries]:
    """Files of random records in the store, and the entries of all of them."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(payload_bytes // 2, payload_bytes * 3 // 2, num_records)
    entries, files = np.zeros(num_records, ENTRY), []
    for number, rows in enumerate(np.array_split(np.arange(num_records), num_files)):
        path = ObjectPath("s3", BUCKET, f"{name}/{number:05d}.tfrecord")
        path.write_bytes(b"".join(frame(rng.bytes(length)) for length in lengths[rows].tolist()))
        framed = lengths[rows] + FRAME_BYTES
        entries["offset"][rows] = np.cumsum(framed) - framed + 12
        entries["length"][rows], entries["record"][rows] = lengths[rows], np.arange(len(rows))
        entries["file"][rows] = number
        files.append(IndexedFile(name=path.name, path=str(path), examples=0, skipped=0, fingerprint=""))
    return files, entries


def chosen(entries: Entries, share: float) -> Entries:
    """A random share of the records, in the order of their places."""
    rows = np.random.default_rng(1).permutation(len(entries))[: round(len(entries) * share)]
    return entries[np.sort(rows)]


def row(name: str, share: float, files: list[IndexedFile], wanted: Entries, proxy: Proxy, runs: int) -> None:
    """Measure the three ways in turn and print what came out."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    told: dict[str, str] = {}
    for _ in range(runs):
        for way, reach in WAYS.items():
            asked = wanted[:MOST_RANGES] if way == "ranges" else wanted
            scale = len(wanted) / len(asked)
            proxy.requests.clear()
            seconds[way].append(timed(files, asked, reach) * scale)
            num_requests, num_bytes = len(proxy.requests) * scale, asked_bytes(proxy.requests) * scale
            told[way] = f"{num_requests:7,.0f} requests, {num_bytes / 1e6:6.1f} MB"
    median = {way: statistics.median(found) for way, found in seconds.items()}
    best = min(median["ranges"], median["whole files"])
    click.echo(f"{name}, {share:.0%} of the records")
    for way, found in median.items():
        click.echo(f"  {way:12} {told[way]}, {found:7.2f} s")
    click.echo(f"  the tool / the better of the others = {median['the tool'] / best:.2f}x   (goal <= 2)")


def timed(files: list[IndexedFile], wanted: Entries, reach: Reach) -> float:
    """Wall seconds to read all wanted records."""
    started = time.perf_counter()
    with patch.object(fetching, "STORE", reach):
        count = sum(1 for _ in read_payloads(files, wanted))
    if count != len(wanted):
        raise click.ClickException(f"read {count} of {len(wanted)} records")
    return time.perf_counter() - started


def asked_bytes(requests: list[Any]) -> int:
    """Of all ranges."""

    def lengths() -> Iterator[int]:
        for _, _, asked in requests:
            first, _, last = (asked or "bytes=0-0").removeprefix("bytes=").partition("-")
            yield int(last) - int(first) + 1

    return sum(lengths())


if __name__ == "__main__":
    main()
