"""Folders that belong to what was asked for in them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mixup_pipeline.errors import MixupError, OutputError, SourceError, UsageError
from mixup_pipeline.training.claimed_folder import Kind, claimed

KIND = Kind(what="training run", command="mixup-train", holds=frozenset({"history.csv", "runs"}))
ASKED = {"config": {"epochs": 3, "model": "mlp"}, "data": "mnist"}

NESTED = b'{"a":' * 960 + b"1" + b"}" * 960


def claim(
    root: Path,
    asked: Mapping[str, Any] = ASKED,
    *,
    error: MixupError | None = None,
    made: str = "",
    do: Callable[[], Any] = lambda: None,
) -> list[str]:
    """Claim the folder, make what is to be made in it ("runs/" is a folder), and fail where an error is given.

    Returns the notes.
    """
    notes: list[str] = []
    with claimed(root, asked, KIND, notes.append):
        if made:
            (root / made).parent.mkdir(parents=True, exist_ok=True)
            (root / made).mkdir() if made.endswith("/") else (root / made).touch()
        do()
        if error is not None:
            raise error
    return notes


def test_the_same_goes_on_and_another_is_refused_by_its_setting(tmp_path: Path) -> None:
    for _ in range(2):
        claim(tmp_path / "new" / "run", made="history.csv")
    with pytest.raises(UsageError, match=r"another training run \(--epochs is 3, asked is 4\): choose another"):
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


@pytest.mark.parametrize("content", [b"", b"\0" * 80, b"{", b"[1]", b"\xff", b"[" * 100_000, NESTED, None])
def test_a_damaged_request_is_written_again(tmp_path: Path, content: bytes | None) -> None:
    root = tmp_path / "run"
    claim(root, made="history.csv")
    config = root / "config.json"
    written = config.read_bytes()
    config.unlink() if content is None else config.write_bytes(content)
    notes = claim(root)
    assert len(notes) == 1
    assert notes[0].startswith(f"{config}: is ")
    assert notes[0].endswith(": it is written again")
    assert config.read_bytes() == written
    assert claim(root) == []


def test_a_damaged_request_beside_foreign_files_is_refused(tmp_path: Path) -> None:
    """It may be the configuration of something else, which nobody would want to lose."""
    claim(tmp_path, made="history.csv")
    (tmp_path / "config.json").write_text("{ // of my own")
    (tmp_path / "mine.py").touch()
    with pytest.raises(OutputError, match="is not JSON as it was written"):
        claim(tmp_path)
    assert (tmp_path / "config.json").read_text() == "{ // of my own"


def test_what_a_kill_left_unfinished_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".config.json.0123456789ab").touch()  # killed at its first write
    claim(tmp_path, made="history.csv")
    (tmp_path / ".history.csv.0123456789ab").touch()
    (tmp_path / ".notes.csv.0123456789ab").touch()
    claim(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.json",
        ".lock",
        "history.csv",
        ".notes.csv.0123456789ab",
    }


@pytest.mark.parametrize("mine", ["mine/config.json", "mine/.lock", "runs/config.json", "runs/any/.lock", "mine/"])
def test_only_what_was_made_here_is_removed(tmp_path: Path, mine: str) -> None:
    """A request that fails before it writes a file leaves what the user put into the folder meanwhile."""
    with pytest.raises(SourceError):
        claim(tmp_path, error=SourceError("nothing to read"), made=mine)
    assert (tmp_path / mine).exists()


def test_links_are_not_followed_when_an_unused_folder_is_removed(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "run"
    (outside / "empty").mkdir(parents=True)
    error = SourceError("nothing to read")
    with pytest.raises(SourceError):
        claim(root, error=error, made="runs/", do=lambda: (root / "runs/any").symlink_to(outside))
    assert (outside / "empty").is_dir()
    assert (root / "runs/any").is_symlink()


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "run", tmp_path / "outside"
    root.mkdir()
    (root / ".lock").symlink_to(outside)
    with pytest.raises(UsageError, match="is a link, which is not followed"):
        claim(root)
    assert not outside.exists()


def test_a_disk_that_turns_read_only_says_what_came_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    error = SourceError("nothing to read")
    with pytest.raises(SourceError, match="nothing to read"):
        claim(tmp_path / "run", error=error, do=lambda: monkeypatch.setattr(Path, "unlink", refuse))
