"""Folders that belong to what was asked for in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mixup_pipeline.errors import MixupError, OutputError, SourceError, UsageError
from mixup_pipeline.training.claimed_folder import claimed

ASKED = {"config": {"epochs": 3, "model": "mlp"}, "data": "mnist"}


def claim(root: Path, asked: Mapping[str, Any] = ASKED, *, error: MixupError | None = None, made: str = "") -> None:
    """Claim the folder, make what is to be made in it ("runs/" is a folder), and fail where an error is given."""
    with claimed(root, asked, what="training run", command="mixup-train"):
        if made.endswith("/"):
            (root / made).mkdir(parents=True)
        elif made:
            (root / made).touch()
        if error is not None:
            raise error


def test_the_same_goes_on_and_another_is_refused_by_its_setting(tmp_path: Path) -> None:
    for _ in range(2):
        claim(tmp_path / "new" / "run", made="history.csv")
    with pytest.raises(UsageError, match=r"another training run \(config.epochs is 3, asked is 4\): choose another"):
        claim(tmp_path / "new" / "run", {**ASKED, "config": {"epochs": 4, "model": "mlp"}})
    with pytest.raises(UsageError, match=r"\(more is None, asked is 1\)"):
        claim(tmp_path / "new" / "run", {**ASKED, "more": 1})


@pytest.mark.parametrize("existed", [False, True])
def test_an_error_before_anything_is_done_leaves_no_trace(tmp_path: Path, existed: bool) -> None:
    root = tmp_path / "run"
    if existed:
        root.mkdir()
    with pytest.raises(SourceError, match="nothing to read"):
        claim(root, error=SourceError("nothing to read"), made="runs/any/")
    assert root.exists() == existed
    assert not list(tmp_path.rglob("*/*"))
    claim(root, {"data": "another"})


def test_an_error_afterwards_keeps_all(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no more to read"):
        claim(tmp_path / "run", error=SourceError("no more to read"), made="history.csv")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"config.json", ".lock", "history.csv"}
    claim(tmp_path / "run")


def test_foreign_folders_files_and_damage_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(UsageError, match="is not empty and holds no training run"):
        claim(tmp_path)
    with pytest.raises(OutputError, match="cannot be written"):
        claim(tmp_path / "mine")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "config.json").write_text("{")
    with pytest.raises(OutputError, match="is not JSON"):
        claim(tmp_path / "damaged")
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "damaged"}
