"""The folder of a comparison: what is kept, and what is made anew."""

from pathlib import Path

from mixup_pipeline.comparison.folder import CompareFolder


def test_pictures_of_an_earlier_report_go(tmp_path: Path) -> None:
    folder = CompareFolder(tmp_path)
    folder.save_report("<p>1", "1", {"fgsm.png": b"1", "samples.png": b"1"})
    folder.save_report("<p>2", "2", {"samples.png": b"2"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "pictures").iterdir()} == {"samples.png": b"2"}
    assert ((tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()) == ("<p>2", "2")
