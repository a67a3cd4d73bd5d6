"""Locks on a local disk; those of object stores are tested with the stores."""

from pathlib import Path

import pytest

from mixup_pipeline.errors import OutputError
from mixup_pipeline.storage.locks import hold_lock


def test_a_lock_is_held_by_one_and_free_afterwards(tmp_path: Path) -> None:
    lock = tmp_path / "work" / "lock"
    for _ in range(2):
        with hold_lock(lock, tmp_path, "mixup-augment"):
            with (
                pytest.raises(OutputError, match="another mixup-augment is writing here: wait for it or choose"),
                hold_lock(lock, tmp_path, "mixup-augment"),
            ):
                pass
            lock.unlink()  # as a run that is done removes its work folder
            with hold_lock(lock, tmp_path, "mixup-augment"):
                assert lock.exists()


def test_a_lock_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"), hold_lock(tmp_path / "file" / "lock", tmp_path, "x"):
        pass
