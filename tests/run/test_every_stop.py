"""Every stop of mixup-augment: at each call that changes a file, it is killed, loses power, or meets an error.

Whatever the stop, the same run then gives the same bytes and leaves nothing behind, no manifest ever stands over files
that are not its own, and an error is one of ours. The steps run without Beam, so that every call can be tried.
"""

import contextlib
import errno
import gzip
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, MixupError, SourceConfig
from mixup_pipeline.dataset.manifest import MANIFEST_NAME, read_manifest
from mixup_pipeline.run.claim import claim
from mixup_pipeline.run.commit import commit_run
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.mix_shard import ShardMixer
from mixup_pipeline.run.planning import plan_run
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources import open_source
from mixup_pipeline.storage.atomic import sha256_of
from tests.damage import flip
from tests.datasets import write_tfds
from tests.kill_points import KILL, POWER_CUT, Fault, injected
from tests.reference import folder_bytes

CONFIG = MixConfig(copies=2, pairing="cross-class")
OTHER = MixConfig(seed=1, num_shards=2)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is run. before: makes the folder as it is before. overwrite: as the option."""

    before: Callable[[Path, Request], None]
    request: Request
    overwrite: bool = False

    def __call__(self, out: Path) -> None:
        mix(out, self.request, overwrite=self.overwrite)


def mix(out: Path, request: Request, *, overwrite: bool = False, shards: int | None = None) -> None:
    """All steps of a run. shards: stop as Ctrl-C does after so many."""
    with claim(out, request, overwrite=overwrite):
        work = WorkFolder.of(out)
        files = [index_file(file, request.source.spec, request.config, work) for file in request.source.files]
        tasks, mixer = plan_run(request, files, out), ShardMixer(out)
        infos = [info for task in tasks[:shards] for info in mixer.mix_shard(task)]
        if shards is not None:
            raise KeyboardInterrupt
        commit_run(infos, out)
        work.remove()


def nothing(out: Path, request: Request) -> None:
    del out, request


def another_dataset(out: Path, request: Request) -> None:
    mix(out, Request(source=request.source, config=OTHER))


def half_of_another(out: Path, request: Request) -> None:
    with pytest.raises(KeyboardInterrupt):
        mix(out, Request(source=request.source, config=OTHER), shards=1)


def a_part_of_it(out: Path, request: Request) -> None:
    with pytest.raises(KeyboardInterrupt):
        mix(out, request, shards=0)
    for path in out.glob("*.tfrecord-*"):
        path.unlink()
        break


def damaged(out: Path, request: Request) -> None:
    """The finished dataset without a shard, and with a damaged one."""
    mix(out, request)
    missing, changed = sorted(out.glob("*.tfrecord-*"))
    missing.unlink()
    flip(changed, 40)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compressed file, so that there is an uncompressed copy to lose."""
    folder = tmp_path_factory.mktemp("source")
    (plain,) = write_tfds(folder / "shapes/1.0.0", num_examples=8, num_files=1).files
    (folder / "shapes.tfrecord.gz").write_bytes(gzip.compress(plain.read_bytes()))
    return folder / "shapes.tfrecord.gz"


RUNS: dict[str, tuple[Callable[[Path, Request], None], bool]] = {
    "fresh": (nothing, False),
    "resumed": (a_part_of_it, False),
    "overwrite": (another_dataset, True),
    "overwrite unfinished": (half_of_another, True),
    "repair": (damaged, False),
}
TRIED = {
    "kill": ("repair",),
    "power cut": ("fresh", "resumed", "overwrite", "repair"),
    "full disk": ("overwrite unfinished",),
}
"""A power cut is a kill, after which less is there. All pairs were tried by hand."""
FAULTS: dict[str, Fault | OSError] = {
    "kill": KILL,
    "power cut": POWER_CUT,
    "full disk": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
}


@pytest.fixture
def run(source: Path, request: pytest.FixtureRequest) -> Run:
    before, overwrite = RUNS[request.param]
    opened = open_source(SourceConfig(src=str(source), num_classes=10))
    return Run(before=before, request=Request(source=opened, config=CONFIG), overwrite=overwrite)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of the run."""
    (tmp_path / "all" / "tmp").mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "all" / "tmp"))
    return tmp_path / "all" / "tmp"


def stops(run: Run, out: Path, fault: Fault | OSError) -> Iterator[str]:
    """Stop the run at each of its calls in turn. Each time, the folder is as the stop left it."""
    prepared = out.with_name("prepared")
    run.before(prepared, run.request)
    for k in range(1000):
        shutil.rmtree(out, ignore_errors=True)
        if prepared.exists():
            shutil.copytree(prepared, out)
        with contextlib.suppress(MixupError), injected(out.parent, at=k, fault=fault) as seen:
            run(out)
        if not seen.fired:
            return
        yield f"{k}: {seen.calls[-1]}"


@pytest.mark.parametrize(
    ("run", "fault"),
    [pytest.param(run, FAULTS[fault], id=f"{run}, {fault}") for fault, runs in TRIED.items() for run in runs],
    indirect=["run"],
)
def test_a_stop_anywhere_costs_nothing_and_leaves_nothing(
    tmp_path: Path, temporary: Path, run: Run, fault: Fault | OSError
) -> None:
    out, count = temporary.parent / "out", 0
    mix(tmp_path / "expected", run.request)
    expected = folder_bytes(tmp_path / "expected")
    for stop in stops(run, out, fault):
        count += 1
        if run.before is not damaged and (out / MANIFEST_NAME).exists():
            listed = {shard.name: shard.sha256 for shard in read_manifest(out).shards}
            assert {name: sha256_of(out / name) for name in listed} == listed, stop
        run(out)
        assert folder_bytes(out) == expected, stop
        assert not (out / ".work").exists(), stop
        assert list(temporary.iterdir()) == [], stop
    assert count > 30
