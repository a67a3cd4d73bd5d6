"""Claiming an output folder: what a claim of a finished, a damaged and another run leaves in it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.errors import OtherRunError, OutputError
from mixup_pipeline.run.claim import claim
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.planning import plan_run
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources import open_source
from tests.datasets import Dataset, write_tfds

CONFIG = MixConfig(num_shards=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source and its finished output."""
    folder = tmp_path_factory.mktemp("made")
    augment(str(write_tfds(folder / "shapes/1.0.0", num_examples=20).folder), folder / "out", CONFIG)
    return folder


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    """A copy of the output, which a test may change."""
    return Path(shutil.copytree(made / "out", tmp_path / "out"))


@pytest.fixture
def request_of(made: Path) -> Callable[..., Request]:
    return lambda config=CONFIG: Request(
        source=open_source(SourceConfig(src=str(made / "shapes/1.0.0"))), config=config
    )


def test_a_finished_run_keeps_its_manifest_while_it_is_claimed(out: Path, request_of: Callable[..., Request]) -> None:
    with claim(out, request_of(), overwrite=False):
        assert (out / "manifest.json").is_file()
        assert len(list(WorkFolder.of(out).finished.iterdir())) == 2


def test_no_plan_is_made_while_a_manifest_lists_a_shard_that_is_missing_or_of_another_size(
    out: Path, request_of: Callable[..., Request]
) -> None:
    next(out.glob("*.tfrecord-*")).write_bytes(b"")
    with claim(out, request_of(), overwrite=False):
        assert (out / "manifest.json").exists()
        source, config, work = request_of().source, request_of().config, WorkFolder.of(out)
        plan_run(request_of(), [index_file(file, source.spec, config, work) for file in source.files], out)
        assert not (out / "manifest.json").exists()
        assert len(list(out.glob("*.tfrecord-*"))) == 2


@pytest.mark.parametrize("overwrite", [False, True])
def test_another_run_is_replaced_only_with_overwrite(
    out: Path, request_of: Callable[..., Request], overwrite: bool
) -> None:
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    if overwrite:
        with claim(out, request_of(MixConfig(seed=1)), overwrite=True):
            previous = WorkFolder.of(out).load_previous()
        assert sorted(previous or []) == sorted(before)
    else:
        with (
            pytest.raises(OutputError, match="a finished run of another configuration or source: use --overwrite"),
            claim(out, request_of(MixConfig(seed=1)), overwrite=False),
        ):
            pytest.fail("it was claimed")
        assert not (out / ".work").exists()
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before


def test_the_folder_of_the_source_is_no_output(dataset: Dataset, request_of: Callable[..., Request]) -> None:
    request = Request(source=open_source(SourceConfig(src=str(dataset.folder))), config=CONFIG)
    with pytest.raises(OutputError, match="holds the source itself"), claim(dataset.folder, request, overwrite=True):
        pytest.fail("it was claimed")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", [".work", ".work/partial", ".work/index", ".work/lock"])
def test_nothing_behind_a_link_is_touched(
    tmp_path: Path, request_of: Callable[..., Request], name: str, overwrite: bool
) -> None:
    outside, link = tmp_path / "outside", tmp_path / "out" / name
    outside.mkdir()
    (outside / "photo.png").write_text("mine")
    link.parent.mkdir(parents=True)
    link.symlink_to(outside / "photo.png" if name.endswith("lock") else outside)
    for _ in range(2):
        with pytest.raises(OutputError), claim(tmp_path / "out", request_of(), overwrite=overwrite):
            pytest.fail("it was claimed")
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("photo.png", "mine")]
    assert link.is_symlink()


def test_a_file_of_somebody_else_in_the_work_folder_is_named_and_kept(
    out: Path, request_of: Callable[..., Request]
) -> None:
    (out / ".work/spool").mkdir(parents=True)
    (out / ".work/spool/notes.txt").write_text("mine")
    for overwrite in (False, True):
        with (
            pytest.raises(OutputError, match=r"\.work/spool/notes\.txt is not from mixup-augment\)"),
            claim(out, request_of(), overwrite=overwrite),
        ):
            pytest.fail("it was claimed")
    assert (out / ".work/spool/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["skipped.csv", "dataset_info.json"])
def test_a_file_or_folder_under_one_of_our_names_is_named_and_kept(
    out: Path, request_of: Callable[..., Request], name: str, overwrite: bool
) -> None:
    """This run left no record out, so the list of those is not ours. A folder never is."""
    (out / name).unlink(missing_ok=True)
    if name == "skipped.csv":
        (out / name).write_text("mine")
    else:
        (out / name).mkdir()
    before = sorted(path.name for path in out.iterdir())
    with (
        pytest.raises(OutputError, match=f"{name} is not from mixup-augment"),
        claim(out, request_of(), overwrite=overwrite),
    ):
        pytest.fail("it was claimed")
    assert sorted(path.name for path in out.iterdir()) == before


def test_no_work_folder_stays_beside_a_dataset_whose_source_has_changed(
    out: Path, request_of: Callable[..., Request]
) -> None:
    request = request_of()
    with pytest.raises(OtherRunError, match="because the source has changed"), claim(out, request, overwrite=False):
        raise OtherRunError("out: holds shards of another run, because the source has changed")
    assert not (out / ".work").exists()
