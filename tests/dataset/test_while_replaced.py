"""Reading a dataset while another run replaces it: a right answer, or one line that says so."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, MixupError, SourceConfig
from mixup_pipeline.dataset.find import find
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.dataset.mixed_examples import load_examples, sample_locations
from mixup_pipeline.dataset.overview import read_overview
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.run.request import Request
from mixup_pipeline.sources import open_source
from tests.datasets import Dataset
from tests.run.test_every_stop import mix

SECONDS = 0.7


def verified(out: Path, source: SourceConfig) -> None:
    assert verify(out, against=source, sample=5).faults == []


def explained(out: Path, source: SourceConfig) -> None:
    manifest = read_manifest(out)
    load_examples(out, manifest, sample_locations(manifest, count=3, seed=0))


def searched(out: Path, source: SourceConfig) -> None:
    overview = read_overview(out)
    list(find(out, overview.manifest, "shapes-train.tfrecord-00000-of-00002__3"))


@pytest.mark.parametrize("read", [verified, explained, searched])
def test_readers_beside_a_run_that_overwrites(
    tmp_path: Path, dataset: Dataset, read: Callable[[Path, SourceConfig], None]
) -> None:
    source, out = SourceConfig(src=str(dataset.folder)), tmp_path / "out"
    opened = open_source(source)
    requests = [
        Request(source=opened, config=MixConfig(seed=seed, copies=1 + seed % 3, num_shards=1 + seed % 2))
        for seed in range(6)
    ]
    mix(out, requests[0])
    done, ends = threading.Event(), Counter[str]()

    def overwrite() -> None:
        number = 0
        while not done.is_set():
            number += 1
            mix(out, requests[number % 6], overwrite=True)

    writer = threading.Thread(target=overwrite)
    writer.start()
    try:
        stop = time.monotonic() + SECONDS
        while time.monotonic() < stop or not ends["read"]:
            try:
                read(out, source)
                ends["read"] += 1
            except MixupError:  # anything else fails the test
                ends["told"] += 1
                time.sleep(0.002)
    finally:
        done.set()
        writer.join()
    verified(out, source)
