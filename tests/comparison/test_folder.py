"""The folder of a comparison: what is kept, and what is made anew."""

from pathlib import Path

import pytest

from mixup_pipeline.comparison.cells import Cell
from mixup_pipeline.comparison.folder import CompareFolder
from mixup_pipeline.errors import OutputError, UsageError


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


def test_a_folder_of_an_older_version_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"source": {"src": "mnist"}}')
    with pytest.raises(UsageError) as refused, CompareFolder(tmp_path).claimed({"source": {"src": "mnist"}}):
        pytest.fail("it must not be entered")
    assert str(refused.value) == (
        f"out {tmp_path}: holds a comparison in format 1, this version writes format 2: choose another --out, "
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
