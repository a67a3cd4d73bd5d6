"""One seed, one result, on every engine: the determinism that users of a cluster rely on."""

from pathlib import Path

import pytest

from mixup_pipeline.config.registry import PAIRINGS
from tests.commands import succeed
from tests.datasets import write_tfds
from tests.real_engines.clusters import (
    HAS_FLINK,
    HAS_PRISM,
    JOB_SERVER,
    NO_FLINK,
    NO_PRISM,
    PRISM,
    SLOTS,
    FlinkCluster,
)
from tests.reference import shard_hashes

needs_flink = pytest.mark.skipif(not HAS_FLINK, reason=NO_FLINK)
needs_prism = pytest.mark.skipif(not HAS_PRISM, reason=NO_PRISM)


@pytest.fixture(scope="module", params=[1, 5], ids=["one file", "five files"])
def source(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path_factory.mktemp("data") / "shapes/1.0.0"
    return write_tfds(folder, num_examples=300, num_files=request.param).folder


def made_by(engine: str, source: Path, pairing: str, out: Path, *beam: str) -> tuple[bytes, dict[str, str]]:
    """The manifest and the hash of every shard."""
    options = ("--pairing", pairing, "--copies", "3", "--num-shards", "4", "--engine", engine, "--quiet")
    succeed("mixup-augment", "--src", source, "--out", out, *options, "--", *beam)
    assert not (out / ".work").exists()
    return (out / "manifest.json").read_bytes(), shard_hashes(out)


def local(source: Path, pairing: str, out: Path) -> tuple[bytes, dict[str, str]]:
    return made_by("local", source, pairing, out)


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_four_local_processes(source: Path, pairing: str, tmp_path: Path) -> None:
    beam = ("--direct_running_mode=multi_processing", "--direct_num_workers=4")
    assert made_by("local", source, pairing, tmp_path / "made", *beam) == local(source, pairing, tmp_path / "local")


@needs_prism
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_prism(source: Path, pairing: str, tmp_path: Path, workers: tuple[str, str]) -> None:
    beam = (f"--prism_location={PRISM}", *workers)
    assert made_by("prism", source, pairing, tmp_path / "made", *beam) == local(source, pairing, tmp_path / "local")


@needs_flink
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_a_flink_cluster(
    source: Path, pairing: str, tmp_path: Path, workers: tuple[str, str], cluster: FlinkCluster
) -> None:
    beam = (f"--flink_master={cluster.address}", f"--flink_job_server_jar={JOB_SERVER}", f"--parallelism={SLOTS}")
    found = made_by("flink", source, pairing, tmp_path / "made", *beam, *workers)
    assert found == local(source, pairing, tmp_path / "local")


@needs_flink
def test_flink_inside_the_job_server(source: Path, tmp_path: Path) -> None:
    assert made_by("flink", source, "any", tmp_path / "made") == local(source, "any", tmp_path / "local")


@needs_prism
def test_prism_as_it_comes(source: Path, tmp_path: Path) -> None:
    assert made_by("prism", source, "any", tmp_path / "made") == local(source, "any", tmp_path / "local")
