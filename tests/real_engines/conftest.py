"""Engines of this machine, one of each kind a test module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.datasets import write_tfds
from tests.real_engines.clusters import FlinkCluster, worker_pool


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Beam options for Python workers in processes of their own."""
    with worker_pool(tmp_path_factory.mktemp("workers") / "log") as address:
        yield "--environment_type=EXTERNAL", f"--environment_config={address}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkCluster]:
    made = FlinkCluster(tmp_path_factory.mktemp("flink"))
    with made.job_manager() as jobs, made.task_manager():
        made.wait_for_slots(jobs)
        yield made


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source whose run takes long enough to be disturbed."""
    return write_tfds(tmp_path_factory.mktemp("large") / "shapes/1.0.0", num_examples=2000, num_files=3).folder
