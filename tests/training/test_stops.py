"""Runs that were stopped anywhere, by a kill, a power cut or an error, and files that are not as they were written."""

import contextlib
import errno
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixup_pipeline import MixConfig, augment
from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import MixupError, OutputError, SourceError
from mixup_pipeline.training import devices
from mixup_pipeline.training.learner import Learners
from mixup_pipeline.training.loop import Trainer
from mixup_pipeline.training.prepare import Prepared, prepare
from mixup_pipeline.training.run_folder import RunFolder
from mixup_pipeline.training.saved_state import SavedState, read_state
from mixup_pipeline.training.train import train as train_prepared
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.train_request import TrainRequest
from mixup_pipeline.training.watch import Stopped
from tests.kill_points import KILL, POWER_CUT, Fault, injected

SRC = SourceConfig(src="mnist_sample")
EVALUATION = SourceConfig(src="mnist_sample", split="test")
NOWHERE = Path("nowhere")  # no image is brought to another size


def small(config: TrainConfig) -> tuple[Prepared, Learners]:
    """A baseline of a small network, and what trains it, so that it is compiled once."""
    asked = TrainRequest(src=SRC, evaluation=EVALUATION, config=config)
    return prepare(asked, NOWHERE), Learners(devices.choose_devices("cpu"))


def outcome(run: Path) -> dict[str, Any]:
    """All that a run wrote, without times."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logged = EventAccumulator(str(run / "tensorboard"))
    logged.Reload()
    return {
        "state": [array.tobytes() for array in read_state(run / "state.npz").arrays],
        "history": [{**row, "seconds": 0} for row in RunFolder(run).load_history()],
        "logged": sorted(event.step for event in logged.Tensors("clean/accuracy")),
        "weights": [(run / name).read_bytes() for name in ("last.weights.h5", "best.weights.h5")],
        "names": sorted(path.name for path in run.iterdir()),
        "fault": RunFolder(run).fault(),
    }


ZEROS = b"\0" * 100
ANEW, AGAIN = "training begins anew", "the run is completed again from its last save"
DAMAGE: list[tuple[str, bytes, int, str]] = [
    ("history.csv", b"", 0, ""),
    ("state.npz", b"", 1, ANEW),
    ("best.weights.h5", b"", 1, ANEW),
    ("last.weights.h5", ZEROS, 0, ""),
    ("config.json", b"", 1, "written again"),
]
DAMAGE_WHEN_FINISHED = [
    ("history.csv", b"\xff\xfe", 1, AGAIN),
    ("state.npz", b"", 0, ""),
    ("best.weights.h5", ZEROS, 1, AGAIN),
    ("last.weights.h5", b"", 1, AGAIN),
    ("result.json", b"[" * 100_000, 1, AGAIN),
    ("SHA256SUMS", ZEROS, 1, AGAIN),
    ("config.json", ZEROS, 1, "written again"),
]


@pytest.mark.parametrize("finished", [False, True])
def test_a_damaged_file_is_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: bool) -> None:
    """As after a power cut. The run was stopped in its second epoch of 4 steps, or is finished; it ends as ever."""
    monkeypatch.setattr(devices, "_STEPS_TOGETHER", 2)
    prepared, learners = small(TrainConfig(model="mlp", epochs=2, batch_size=1500))
    train_prepared(prepared, tmp_path / "whole", learners)
    whole = outcome(tmp_path / "whole")

    def stop(trainer: Trainer, notes: Any) -> None:
        trainer.stop_after = 6

    if not finished:
        with pytest.raises(Stopped):
            train_prepared(prepared, tmp_path / "stopped", learners, on_start=stop)
    for number, (name, content, count, said) in enumerate(DAMAGE_WHEN_FINISHED if finished else DAMAGE):
        run, notes = tmp_path / str(number), list[str]()
        shutil.copytree(tmp_path / ("whole" if finished else "stopped"), run)
        (run / name).write_bytes(content)
        train_prepared(prepared, run, learners, on_note=notes.append)
        assert [note.count("\n") for note in notes] == [0] * count
        assert all(note.startswith(f"{run / name}: ") and said in note for note in notes)
        if (finished, name) != (True, "state.npz"):  # which nobody needs any more
            assert outcome(run) == whole


def test_every_flipped_bit_of_a_save_is_noticed_or_harmless(tmp_path: Path) -> None:
    state = SavedState(step=3, arrays=[np.arange(6.0), np.zeros((2, 3), np.int32)], history=[], best=None, run="a")
    content, path = state.to_bytes(), tmp_path / "state.npz"
    noticed = 0
    for position in range(len(content)):
        for bit in (1, 128):
            path.write_bytes(content[:position] + bytes([content[position] ^ bit]) + content[position + 1 :])
            try:
                assert read_state(path).digest() == state.digest()
            except ValueError:
                noticed += 1
    assert noticed > len(content)
    for cut in (b"", b"PK\x03\x04", b"\0" * 100, b"[1, 2]", content[:-1], content[: len(content) // 2]):
        path.write_bytes(cut)
        with pytest.raises(ValueError, match="is not as it was written"):
            read_state(path)


def test_a_folder_in_place_of_a_file_is_said_before_training(tmp_path: Path) -> None:
    prepared, learners = small(TrainConfig(model="mlp", steps=1, batch_size=500))
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.lock").touch()
    (tmp_path / "run/result.json").mkdir()
    with pytest.raises(OutputError, match=r"result\.json: is a folder, where a file is to be written: move it away"):
        train_prepared(prepared, tmp_path / "run", learners)


def test_no_link_in_a_run_folder_is_written_through(tmp_path: Path) -> None:
    prepared, learners = small(TrainConfig(model="mlp", steps=1, batch_size=500))
    outside, run = tmp_path / "outside", tmp_path / "run"
    outside.write_text("mine")
    run.mkdir()
    (run / ".lock").touch()
    for name in ("history.csv", "state.npz", ".partial-last.weights.h5", "best.weights.h5", "SHA256SUMS"):
        (run / name).symlink_to(outside)
    train_prepared(prepared, run, learners)
    assert outside.read_text() == "mine"
    assert not [path for path in run.iterdir() if path.is_symlink()]


def test_a_run_killed_at_any_point_ends_as_ever(tmp_path: Path) -> None:
    """At every fourth of the calls that change a file; each fault in turn."""
    prepared, learners = small(TrainConfig(model="mlp", steps=1, batch_size=64))
    with injected(tmp_path, at=None) as counted:
        train_prepared(prepared, tmp_path / "whole", learners)
    whole, full = outcome(tmp_path / "whole"), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    faults: list[Fault | OSError] = [KILL, POWER_CUT, full]
    for number, k in enumerate(range(0, len(counted.calls), 4)):
        run, fault = tmp_path / str(k), faults[number % len(faults)]
        with contextlib.suppress(MixupError), injected(tmp_path, at=k, fault=fault) as seen:
            train_prepared(prepared, run, learners)
        assert seen.fired
        train_prepared(prepared, run, learners)
        assert outcome(run) == whole, seen.calls[k]
        shutil.rmtree(run)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("written anew", "was written anew while it was trained on: run again"),
        ("removed", r"cannot be read \(.*No such"),
    ],
)
def test_shards_that_another_process_overwrites_are_one_line(tmp_path: Path, what: str, said: str) -> None:
    made = tmp_path / "shards"
    augment("mnist_sample", made, MixConfig(limit=200))
    asked = TrainRequest(shards=made, evaluation=EVALUATION, config=TrainConfig(model="mlp", epochs=2, batch_size=50))

    def overwrite(row: Any) -> None:
        for shard in made.glob("*.tfrecord-*"):
            content = shard.read_bytes()
            shard.unlink()
            if what == "written anew":
                shard.write_bytes(content)

    with pytest.raises(SourceError, match=said) as refused:
        train_prepared(
            prepare(asked, NOWHERE), tmp_path / "run", Learners(devices.choose_devices("cpu")), on_epoch=overwrite
        )
    assert "\n" not in str(refused.value)
