"""One seed, one result, on every engine: the determinism that users of a cluster rely on."""

from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, augment
from mixup_pipeline.config.registry import PAIRINGS
from tests.commands import succeed
from tests.datasets import write_tfds
from tests.real_engines.clusters import (
    HAS_FLINK,
    HAS_PRISM,
    NO_FLINK,
    NO_PRISM,
    PRISM,
    QUICK_JOB_SERVER,
    FlinkCluster,
)
from tests.reference import shard_hashes

needs_flink = pytest.mark.skipif(not HAS_FLINK, reason=NO_FLINK)
needs_prism = pytest.mark.skipif(not HAS_PRISM, reason=NO_PRISM)


OF_CLASSES = [name for name, policy in PAIRINGS.items() if not (policy.needs_values or policy.needs_groups)]
"""Pairings for labels that are classes. The others are planned by the same step, which takes another column."""
CASES = [(1, "any"), *((5, pairing) for pairing in OF_CLASSES)]
"""Files and pairing. Files decide how indexing is spread, the pairing what is planned: neither changes the other."""
Made = tuple[bytes, dict[str, str]]
"""The manifest and the hash of every shard."""

each_case = pytest.mark.parametrize(("num_files", "pairing"), CASES)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """TFDS folders, by their number of files."""
    folder = tmp_path_factory.mktemp("data")
    return {
        count: write_tfds(folder / f"{count}/shapes/1.0.0", num_examples=300, num_files=count).folder
        for count in (1, 5)
    }


@pytest.fixture(scope="module")
def local(sources: dict[int, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, str], Made]:
    """What one thread of one process makes in each case."""
    folder, found = tmp_path_factory.mktemp("local"), {}
    for num_files, pairing in CASES:
        out = folder / f"{num_files}-{pairing}"
        augment(str(sources[num_files]), out, MixConfig(pairing=pairing, copies=3, num_shards=4))
        found[num_files, pairing] = made_in(out)
    return found


def made_in(out: Path) -> Made:
    assert not (out / ".work").exists()
    return (out / "manifest.json").read_bytes(), shard_hashes(out)


def made_by(engine: str, source: Path, pairing: str, out: Path, *beam: str) -> Made:
    options = ("--pairing", pairing, "--copies", "3", "--num-shards", "4", "--engine", engine, "--quiet")
    succeed("mixup-augment", "--src", source, "--out", out, *options, "--", *beam)
    return made_in(out)


@each_case
def test_four_local_processes(
    sources: dict[int, Path], local: dict[tuple[int, str], Made], tmp_path: Path, num_files: int, pairing: str
) -> None:
    beam = ("--direct_running_mode=multi_processing", "--direct_num_workers=4")
    assert made_by("local", sources[num_files], pairing, tmp_path / "made", *beam) == local[num_files, pairing]


@needs_prism
@each_case
def test_prism(
    sources: dict[int, Path],
    local: dict[tuple[int, str], Made],
    tmp_path: Path,
    workers: tuple[str, str],
    num_files: int,
    pairing: str,
) -> None:
    beam = (f"--prism_location={PRISM}", *workers)
    assert made_by("prism", sources[num_files], pairing, tmp_path / "made", *beam) == local[num_files, pairing]


@needs_flink
@pytest.mark.parametrize("pairing", OF_CLASSES)
def test_a_flink_cluster(
    sources: dict[int, Path],
    local: dict[tuple[int, str], Made],
    tmp_path: Path,
    workers: tuple[str, str],
    cluster: FlinkCluster,
    pairing: str,
) -> None:
    beam = (*cluster.options, *workers)
    assert made_by("flink", sources[5], pairing, tmp_path / "made", *beam) == local[5, pairing]


@needs_flink
def test_flink_inside_the_job_server(
    sources: dict[int, Path], local: dict[tuple[int, str], Made], tmp_path: Path
) -> None:
    assert made_by("flink", sources[5], "any", tmp_path / "made", *QUICK_JOB_SERVER) == local[5, "any"]


@needs_prism
def test_prism_as_it_comes(sources: dict[int, Path], local: dict[tuple[int, str], Made], tmp_path: Path) -> None:
    assert made_by("prism", sources[5], "any", tmp_path / "made") == local[5, "any"]
