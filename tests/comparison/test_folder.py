"""The folder of a comparison: what is kept, and what is made anew."""

import contextlib
import errno
from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.folder import CompareFolder
from mixup_pipeline.errors import OutputError, UsageError
from tests.kill_points import KILL, POWER_CUT, Fault, count_calls, injected


def test_pictures_of_an_earlier_report_go(tmp_path: Path) -> None:
    folder = CompareFolder(tmp_path)
    folder.save_report("<p>1", "1", {"fgsm.png": b"1", "samples.png": b"1"})
    folder.save_report("<p>2", "2", {"samples.png": b"2"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "pictures").iterdir()} == {"samples.png": b"2"}
    assert ((tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()) == ("<p>2", "2")


def test_damaged_samples_are_refused_in_one_line(tmp_path: Path) -> None:
    folder, cell = CompareFolder(tmp_path), Cell(arm="baseline")
    assert folder.load_samples([cell]) == {}
    folder.samples(cell).parent.mkdir(parents=True)
    for content in (b"", b"PK", b"[1, 2]"):
        folder.samples(cell).write_bytes(content)
        with pytest.raises(OutputError, match=r"samples.npz: cannot be read \("):
            folder.load_samples([cell])


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"reliability": 1}', b'{"reliability": [0.5], "sha256": ""}'])
def test_damaged_probes_are_told_from_those_that_were_written(tmp_path: Path, content: bytes) -> None:
    folder, cell, probes = CompareFolder(tmp_path), Cell(arm="baseline"), {"reliability": [[0.5, 0.25, 1.0]]}
    assert folder.load_probes(cell, 0) == {}
    folder.run(cell, 0).mkdir(parents=True)
    folder.save_probes(cell, 0, probes)
    assert folder.load_probes(cell, 0) == probes
    (folder.run(cell, 0) / "probes.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"probes\.json: is not "):
        folder.load_probes(cell, 0)


def test_a_folder_of_an_older_version_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"source": {"src": "mnist"}}')
    with pytest.raises(UsageError) as refused, CompareFolder(tmp_path).claimed({"source": {"src": "mnist"}}):
        pytest.fail("it must not be entered")
    assert str(refused.value) == (
        f"--out {tmp_path}: holds a comparison in format 1, this version writes format 4: choose another --out, "
        "or remove that folder"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_folder_of_this_version_may_be_used_again(tmp_path: Path) -> None:
    folder = CompareFolder(tmp_path / "out")
    for _ in range(2):
        with folder.claimed({"source": {"src": "mnist"}}):
            folder.save_results({"runs": []})
    with pytest.raises(UsageError, match="holds another comparison"), folder.claimed({"source": {"src": "cifar10"}}):
        pytest.fail("it must not be entered")


def begun(root: Path) -> Path:
    """The folder of a comparison in which others have made the folders of a run and its shards."""
    folder = CompareFolder(root)
    folder.run(Cell(arm="baseline"), 0).mkdir(parents=True, exist_ok=True)
    (folder.shards(Cell(arm="any", alpha=0.2, copies=1), 0) / ".work").mkdir(parents=True, exist_ok=True)
    (root / ".lock").touch()
    return root


def write_all(root: Path) -> None:
    """Everything that a comparison writes itself."""
    folder, cell = CompareFolder(root), Cell(arm="baseline")
    with folder.claimed({"source": {"src": "mnist"}}):
        folder.check_run(cell, 0)
        folder.clear_work()
        folder.save_samples(cell, np.zeros((2, 3)), np.zeros((2, 2), np.float32))
        folder.save_probes(cell, 0, {"reliability": []})
        folder.clear_work()
        folder.save_results({"runs": []})
    folder.save_report("<p>", "text", {"differences.png": b"1"})


@pytest.mark.parametrize("fault", [KILL, POWER_CUT, OSError(errno.EROFS, "Read-only file system")])
def test_a_comparison_killed_at_any_write_ends_as_ever(tmp_path: Path, fault: Fault | OSError) -> None:
    def files(root: Path) -> dict[str, bytes]:
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    root = begun(tmp_path / "whole")
    number, whole = count_calls(tmp_path, lambda: write_all(root)), files(root)
    assert len(whole) == 8
    for k in range(number):
        root = begun(tmp_path / str(k))
        with contextlib.suppress(OutputError), injected(tmp_path, at=k, fault=fault) as seen:
            write_all(root)
        assert seen.fired
        write_all(begun(root))
        assert files(root) == whole, seen.calls[k]
        assert not (root / "work").exists()


def test_only_what_a_comparison_made_is_removed(tmp_path: Path) -> None:
    folder, outside = CompareFolder(tmp_path / "out"), tmp_path / "outside"
    outside.mkdir()
    (outside / "differences.png").write_text("mine")
    shards, mine = folder.shards(Cell(arm="any", alpha=0.2, copies=1), 0), folder.work / "mine"
    shards.mkdir(parents=True)
    (shards / "link").symlink_to(outside)
    mine.mkdir()
    folder.clear_work()
    assert not shards.exists()
    assert mine.is_dir()
    mine.rmdir()
    folder.work.rmdir()
    folder.work.symlink_to(outside)
    folder.clear_work()
    (folder.root / "pictures").mkdir()
    (folder.root / "pictures/holiday.png").write_text("mine")
    folder.save_report("", "", {})
    assert (folder.root / "pictures/holiday.png").exists()
    (folder.root / "pictures/holiday.png").unlink()
    (folder.root / "pictures").rmdir()
    (folder.root / "pictures").symlink_to(outside)
    with pytest.raises(UsageError, match="pictures: is a link, which is not followed"):
        folder.save_report("", "", {})
    assert (outside / "differences.png").read_text() == "mine"
