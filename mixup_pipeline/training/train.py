"""A training run: train what is prepared, and write the result."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mixup_pipeline.training.claimed_folder import OnNote, ignore
from mixup_pipeline.training.environment import environment
from mixup_pipeline.training.learner import Learners
from mixup_pipeline.training.loop import Trainer
from mixup_pipeline.training.prepare import Prepared
from mixup_pipeline.training.run_folder import RunFolder
from mixup_pipeline.training.saved_state import Row
from mixup_pipeline.training.tensorboard import flush_log
from mixup_pipeline.training.watch import OnStep

RESULT_VERSION = 2
"""2: examples are trained on in one global order; `test`."""


def train(
    prepared: Prepared,
    out: Path,
    learners: Learners,
    *,
    on_start: Callable[[Trainer, Sequence[str]], None] = lambda trainer, notes: None,
    on_step: OnStep = lambda done, total, measures: None,
    on_epoch: Callable[[Row], None] = lambda row: None,
    on_note: OnNote = ignore,
) -> dict[str, Any]:
    """Train, resume a run that was stopped or had fewer epochs, or return the result of one that is complete.

    on_start: called before the first step with the trainer and notes for the user. on_step, on_epoch: as
    `Trainer.train` calls them. on_note: told of each file that is not as it was written; it is as none, and made again.

    Raises MixupError with one line that says what is wrong and what to do.
    """
    started, folder = time.monotonic(), RunFolder(out)
    identity = {**prepared.identity, **environment(learners)}
    with folder.claimed(identity, on_note, may_grow=prepared.may_grow):
        folder.check_files()
        if folder.result.is_file():
            fault = folder.fault(identity)
            if fault is None:
                return folder.load_finished()[0]
            if folder.fault() is None:  # sound, and so of fewer epochs
                on_note(f"{out}: the run goes on after epoch {folder.load_finished()[0]['epochs']}")
            else:
                on_note(f"{fault}: the run is completed again from its last save")
            folder.remove_result()
        trainer = Trainer(prepared.job, folder, learners, run=prepared.digest)
        trainer.resume(on_note)
        job = prepared.job
        measured = (*job.evaluation.notes, *(job.test.notes if job.test else ()))  # a damaged record is met now
        note = learners.devices.note
        on_start(trainer, (*prepared.notes, *measured, *([note] if note else [])))
        history = trainer.train(on_step, on_epoch)
        tested = trainer.test()
        result = run_result(identity, trainer, history, tested, seconds=time.monotonic() - started)
        flush_log(folder.log)
        folder.save_result(result)
    return result


def run_result(
    identity: dict[str, Any],
    trainer: Trainer,
    history: list[Row],
    tested: dict[str, dict[str, float]],
    *,
    seconds: float,
) -> dict[str, Any]:
    """What result.json holds of a complete run. tested: the measures on examples that were looked at once, if any."""
    return {
        "format_version": RESULT_VERSION,
        **identity,
        "parameters": int(trainer.learner.model.count_params()),
        "epochs": history[-1]["epoch"],
        "steps": history[-1]["step"],
        "last": history[-1],
        "best": trainer.learner.task.best(history),
        **({"test": tested} if tested else {}),
        "seconds": round(seconds, 3),
    }
