"""Runs that start at the same moment, in one folder: each is done, or is told that another one is writing."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, MixupError, SourceConfig
from mixup_pipeline.run.request import Request
from mixup_pipeline.sources import open_source
from tests.datasets import Dataset
from tests.reference import folder_bytes
from tests.run.test_every_stop import mix

RUNS, ROUNDS = 6, 8


@pytest.mark.parametrize("overwrite", [False, True], ids=["the same run", "overwriting each other"])
def test_of_runs_that_start_together_each_is_done_or_refused(tmp_path: Path, dataset: Dataset, overwrite: bool) -> None:
    source = open_source(SourceConfig(src=str(dataset.folder)))
    requests = [Request(source=source, config=MixConfig(seed=number % 2 * overwrite)) for number in range(RUNS)]
    expected = []
    for number, request in enumerate(requests[:2]):
        mix(tmp_path / str(number), request)
        expected.append(folder_bytes(tmp_path / str(number)))
    ends = Counter[str]()

    def start(round_: int, request: Request, together: threading.Barrier) -> None:
        together.wait()
        try:
            mix(tmp_path / f"out-{round_}", request, overwrite=overwrite)
            ends["done"] += 1
        except MixupError as error:
            ends[str(error).split(": ")[1]] += 1

    with ThreadPoolExecutor(RUNS) as pool:
        for round_ in range(ROUNDS):
            together = threading.Barrier(RUNS)
            list(pool.map(start, [round_] * RUNS, requests, [together] * RUNS))
            assert folder_bytes(tmp_path / f"out-{round_}") in expected
            assert not (tmp_path / f"out-{round_}/.work").exists()
    assert ends.keys() <= {"done", "another mixup-augment is writing here"}
    assert ends["done"] >= ROUNDS
