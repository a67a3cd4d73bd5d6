"""A small seeded version of the campaigns of `tests.mutation`."""

import pytest

from tests.mutation import Reader, campaign, readers

NAMES = (
    *("png", "jpeg", "webp", "gif", "bmp", "tiff", "tf.Example", "vector", "TFRecord", "gzip"),
    *("dataset_info.json", "features.json", "schema.pbtxt", "manifest.json"),
)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    return readers(tmp_path_factory.mktemp("readers"))


@pytest.mark.xdist_group("mutation")
@pytest.mark.parametrize("name", NAMES)
def test_mutated_inputs_are_read_or_refused_at_little_cost(known: dict[str, Reader], name: str) -> None:
    assert set(known) == set(NAMES)
    for data in known[name].inputs:
        known[name].read(data)  # sound ones are read
    outcome = campaign(known[name], 250)
    assert outcome.strange == {}
    assert outcome.slowest_seconds < 2
    assert outcome.grown_bytes < 500e6
