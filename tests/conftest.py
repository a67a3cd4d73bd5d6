"""Fixtures: small datasets on disk, and the real ones where they are at hand."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from tests.datasets import Dataset, write_tfds
from tests.mixed import Mixed, make

hypothesis.settings.register_profile("untimed")  # a busy machine fails no test
hypothesis.settings.load_profile("untimed")

WITH_TENSORFLOW = ("training", "with_tensorflow")
"""Folders whose tests import TensorFlow. They run apart: protobuf takes only one definition of a message into its
common pool, and other tests check against the tf.Example of TFDS and of the tfrecord package."""
SLOW_STAGES = (*WITH_TENSORFLOW, "real_stores", "real_engines")
_OTHER_DEFINITIONS = ("tensorflow_datasets.proto.tf_example_generated_pb2", "tfrecord.example_pb2")
MADE_ONCE = {"all_arms", "compared", "twelve_arms", "whole_report"}
"""Fixtures that take several seconds: with `--dist loadgroup` all tests that use one run in one process."""
REAL_DATA = Path(os.environ.get("MIXUP_TEST_DATA", Path(__file__).parents[2] / "shared/tfds"))


def stage_of(item: pytest.Item) -> str:
    """The folder or file below tests/ that a test stands in."""
    return item.path.relative_to(Path(__file__).parent).parts[0]


def pytest_runtest_setup(item: pytest.Item) -> None:
    others = "tensorflow" not in sys.modules and any(name in sys.modules for name in _OTHER_DEFINITIONS)
    if others and stage_of(item) in WITH_TENSORFLOW:
        pytest.skip(f"TensorFlow cannot be imported beside other tests: run pytest tests/{stage_of(item)} alone")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the stages with servers, clusters or TensorFlow as slow, and share what takes long to make.

    Slow tests come first, so that no process is left with a long one at the end.
    """
    for item in items:
        if stage_of(item) in SLOW_STAGES:
            item.add_marker(pytest.mark.slow)
        for name in MADE_ONCE & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(name))
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """A TFDS directory of 40 grey 6x5 images in 4 classes, in two files."""
    return write_tfds(tmp_path / "data/shapes/1.0.0", num_examples=40, num_classes=4, num_files=2)


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Mixed]:
    """A mixed dataset of a kind in `tests.mixed.KINDS`, made once: to be read, or copied and changed."""
    made: dict[str, Mixed] = {}

    def get(kind: str) -> Mixed:
        if kind not in made:
            made[kind] = make(kind, tmp_path_factory.mktemp("mixed"))
        return made[kind]

    return get


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """Where the real MNIST is prepared; tests that need it skip elsewhere."""
    if not (REAL_DATA / "mnist/3.0.1/features.json").is_file():
        pytest.skip("the prepared MNIST dataset is not here (set MIXUP_TEST_DATA to its TFDS data_dir)")
    return REAL_DATA


@pytest.fixture(autouse=True)
def _no_datasets_of_the_user(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no TFDS datasets but their own."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path_factory.getbasetemp() / "no-datasets"))


@pytest.fixture(autouse=True)
def _slow_tests_alone_start_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps `make quick` quick: it leaves out what is marked slow, so whatever starts a process has to be."""
    if request.node.get_closest_marker("slow") is None:

        def refuse(process: object, command: object, *_: object, **__: object) -> None:
            pytest.fail(f"mark this test as slow: it starts {command}")

        monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
