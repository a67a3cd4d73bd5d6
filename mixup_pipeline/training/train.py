"""A training run from what a user asks for: find the data, check that they fit, train, write the result."""

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mixup_pipeline.config import ALPHA_RANGE, SourceConfig, check_number
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.dataset.parents import source_config
from mixup_pipeline.dataset.quick_check import quick_check, sound_manifest
from mixup_pipeline.errors import ManifestError, SourceError, UsageError
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import (
    ExampleFiles,
    check_apart,
    fitting,
    mixed_examples,
    mixed_files,
    source_examples,
)
from mixup_pipeline.training.learner import Learners
from mixup_pipeline.training.loop import Job, Trainer, best_row
from mixup_pipeline.training.run_folder import Row, RunFolder
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.watch import OnStep

RESULT_VERSION = 1
_ONE_OF_BOTH = "give either --shards, a mixed dataset, or --src, an unmixed one to train the baseline on"
_LIBRARIES = ("keras", "mixup-pipeline", "numpy", "tensorflow")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to train on, and on what to evaluate.

    shards: a mixed dataset, or src: an unmixed one. evaluation: clean examples. verify: of the shards, "quick" or
    "full".
    force: train with label smoothing on mixed labels all the same.
    mix_online: mix the examples of src while training, with λ ~ Beta(mix_online, mix_online).
    """

    evaluation: SourceConfig
    shards: Path | None = None
    src: SourceConfig | None = None
    config: TrainConfig = field(default_factory=TrainConfig)
    verify: str = "quick"
    force: bool = False
    mix_online: float | None = None


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Data that fit together, and what identifies them: a run resumes only for the same."""

    job: Job
    identity: dict[str, Any]
    notes: tuple[str, ...]


def train(
    prepared: Prepared,
    out: Path,
    learners: Learners,
    *,
    on_start: Callable[[Trainer, Sequence[str]], None] = lambda trainer, notes: None,
    on_step: OnStep = lambda done, total, measures: None,
    on_epoch: Callable[[Row], None] = lambda row: None,
) -> dict[str, Any]:
    """Train, or go on with a run that was stopped, or give the result of one that is complete.

    on_start: called with the trainer and what the user should know, before the first step. on_step, on_epoch: as
    `Trainer.train` calls them.

    Raises MixupError with one line that says what is wrong and what to do.
    """
    started, folder = time.monotonic(), RunFolder(out)
    with folder.claimed(prepared.identity):
        if folder.result.is_file():
            return folder.load_result()
        trainer = Trainer(prepared.job, folder, learners)
        note = learners.devices.note
        on_start(trainer, (*prepared.notes, *([note] if note else [])))
        history = trainer.train(on_step, on_epoch)
        result = run_result(prepared.identity, trainer, history, seconds=time.monotonic() - started)
        folder.save_result(result)
    return result


def run_result(identity: dict[str, Any], trainer: Trainer, history: list[Row], *, seconds: float) -> dict[str, Any]:
    """What result.json holds of a run that is complete."""
    return {
        "format_version": RESULT_VERSION,
        **identity,
        "parameters": int(trainer.learner.model.count_params()),
        "devices": list(trainer.learner.devices.names),
        "epochs": len(history),
        "steps": history[-1]["step"],
        "last": history[-1],
        "best": best_row(history),
        "seconds": round(seconds, 3),
        "versions": {"python": platform.python_version()} | {library: version(library) for library in _LIBRARIES},
    }


def prepare(request: Request, evaluation: Evaluation | None = None) -> Prepared:
    """Find and check the data of a run. evaluation: what request.evaluation names, where it is at hand already.

    Raises UsageError, SourceError or ManifestError where they are missing, changed, or do not fit together.
    """
    config = request.config
    if evaluation is None:
        evaluation = Evaluation(source_examples(replace(request.evaluation, allow_eval_split=True)))
    if (request.shards is None) == (request.src is None):
        raise UsageError(_ONE_OF_BOTH)
    clean, notes = None, []
    if config.label_smoothing and not request.force and (request.src is None or request.mix_online is not None):
        raise UsageError(
            "label-smoothing works against mixup, whose labels are soft already: leave it out, or add "
            "--force-label-smoothing"
        )
    if request.src is not None:
        records = source_examples(request.src)
        if config.clean_last_epochs:
            raise UsageError("clean-last-epochs is for --shards: all epochs on --src are clean")
        trained_on = list(records.passes[0])
        data = {"name": records.name, "split": request.src.split, "examples": records.examples}
        if request.mix_online is not None:
            check_number("mix-online", request.mix_online, *ALPHA_RANGE)
            config.check_mixing_online()
            data["mix_online"] = request.mix_online
    elif request.shards is not None:
        manifest = checked_manifest(request.shards, request.verify)
        records, data = (
            mixed_examples(request.shards, manifest),
            {"run_id": manifest.run_id, "name": manifest.name},
        )
        trained_on = mixed_files(manifest, evaluation.records.passes[0])
        if config.clean_last_epochs:
            clean = _clean_records(manifest, request.evaluation)
        if request.mix_online is not None:
            raise UsageError("mix-online is for --src: shards are mixed already")
        if manifest.config.keep_originals:
            notes.append("The originals among the shards are not trained on: epochs read the mixed copies in turn.")
    else:
        raise UsageError(_ONE_OF_BOTH)
    _check_fit(records, evaluation.records)
    check_apart(trained_on, evaluation.records)
    identity = {
        "config": asdict(config),
        "data": data,
        "evaluation": {
            "name": evaluation.records.name,
            "split": request.evaluation.split,
            "examples": evaluation.records.examples,
        },
    }
    job = Job(config=config, train=records, evaluation=evaluation, clean=clean, online_alpha=request.mix_online)
    return Prepared(job=job, identity=identity, notes=tuple(notes))


def check_outside(out: Path, shards: Path | None) -> None:
    """Raise UsageError where a run would be written into the mixed dataset that it reads."""
    if shards is not None and out.resolve().is_relative_to(shards.resolve()):
        raise UsageError(f"out {out}: lies inside {shards}, which would no longer verify: choose a place outside")


def checked_manifest(shards: Path, how: str) -> Manifest:
    """The manifest of a complete dataset; how: "quick" by names and sizes, "full" byte by byte.

    Raises ManifestError naming the first fault.
    """
    manifest = sound_manifest(shards)
    faults = quick_check(shards, manifest)
    if not faults and how == "full":
        from mixup_pipeline.dataset.verify import verify

        faults = verify(shards).faults
    if faults:
        raise ManifestError(f"{shards}: {faults[0]}: make the directory again")
    return manifest


def _clean_records(manifest: Manifest, evaluation: SourceConfig) -> ExampleFiles:
    """The unmixed source of a mixed dataset, from where the evaluation examples are."""
    records = source_examples(source_config(manifest, evaluation.src, evaluation.data_dir))
    found = {Path(path).name for path in records.passes[0]}
    if found != {file.name for file in manifest.source.files}:
        raise SourceError(
            f"clean-last-epochs: {evaluation.src} split {manifest.split} is not the source that was mixed"
        )
    return records


def _check_fit(records: ExampleFiles, evaluation: ExampleFiles) -> None:
    differing = fitting(records, evaluation)
    if differing:
        what, (trained, evaluated) = next(iter(differing.items()))
        raise UsageError(
            f"{what} differs: {records.name} has {trained}, the evaluation set {evaluation.name} has {evaluated}: give "
            f"the --eval-src that belongs to the training examples"
        )
