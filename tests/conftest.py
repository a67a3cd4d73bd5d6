"""Fixtures: small datasets on disk, and the real ones where they are at hand."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.datasets import Dataset, write_tfds
from tests.mixed import Mixed, make

REAL_DATA = Path(os.environ.get("MIXUP_TEST_DATA", Path(__file__).parents[2] / "shared/tfds"))


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
