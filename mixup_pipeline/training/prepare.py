"""Preparing a training run: find the data, check that they fit together, and say what the user should know."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import UsageError
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import ExampleFiles, check_apart, differences
from mixup_pipeline.training.held_out import held_out
from mixup_pipeline.training.loop import Job
from mixup_pipeline.training.model_identity import model_identity
from mixup_pipeline.training.models import check_model
from mixup_pipeline.training.prepared_source import brought_to, form_of
from mixup_pipeline.training.run_folder import digest_of
from mixup_pipeline.training.scales import scales_for, units_of
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.train_request import TrainRequest
from mixup_pipeline.training.training_data import (
    TrainingData,
    augmentation,
    content_identity,
    opened_examples,
    shards_data,
    source_data,
)

_EPOCHS = "config.epochs"
_VAL_SHARE_OF_SHARDS = (
    "--val-share is for --src: shards are mixed of all examples already: mix a part of them, as with --split "
    "'train[:90%]', and choose the epoch by the rest, with --eval-split 'train[90%:]'"
)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Data that fit together, and what identifies the run: a folder is resumed only for the same."""

    job: Job
    identity: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def may_grow(self) -> tuple[str, ...]:
        """What of the request may grow: the epochs, where no step depends on how many there are."""
        config = self.job.config
        by_length = config.schedule != "constant" or config.warmup
        fixed = by_length or config.steps is not None or config.clean_last_epochs
        return () if fixed else (_EPOCHS,)

    @property
    def digest(self) -> str:
        """What tells the steps of this run from those of others."""
        config = {
            name: value for name, value in self.identity["config"].items() if f"config.{name}" not in self.may_grow
        }
        return digest_of({**self.identity, "config": config})


def prepare(
    request: TrainRequest,
    out: Path,
    evaluation: Evaluation | None = None,
    unmixed: ExampleFiles | None = None,
    validation: Evaluation | None = None,
) -> Prepared:
    """Find and check the data of a run.

    out: the folder of the run, where images that are brought to a size are kept. evaluation: what request.evaluation
    names, if it has been opened, and told apart from what is trained on, already. unmixed: likewise what request.src
    names; with shards, the examples that were mixed, whose scales then standardize. validation: examples that were held
    out of the others already.

    Raises UsageError, SourceError or ManifestError if they are missing, changed, or do not fit together.
    """
    notes: list[str] = []
    data = shards_data(request, out) if request.src is None else source_data(request, request.src, out, unmixed)
    task = data.records.task
    if request.config.label_smoothing and task.in_units:
        raise UsageError("--label-smoothing is for labels that are classes, these are values: leave it out")
    if evaluation is None:
        asked = replace(data.read_alike(request.evaluation), allow_eval_split=True)
        fitting = brought_to(asked, form_of(data.records))
        evaluation = Evaluation(opened_examples(fitting, request, out, "evaluation"))
        notes += _told_apart(data, evaluation.records)
    _check_fit(data.records, evaluation.records)
    identity: dict[str, Any] = {
        "config": request.config.identity(),
        "data": data.identity,
        "evaluation": evaluation_identity(request.evaluation, evaluation.records),
    }
    if task.name != "classification":
        identity["task"] = task.name
    train = data.records
    if request.config.val_share and validation is None:
        if request.src is None:
            raise UsageError(_VAL_SHARE_OF_SHARDS)
        train, validation = _split(train, request.config)
    train = replace(train, augment=augmentation(request.config, data))
    check_model(request.config.model, train.interface)
    identity["model"] = model_identity(request.config, train.interface)
    scales, hints = scales_for(request.config, train, unmixed)
    job = Job(
        config=request.config,
        train=train,
        evaluation=validation or evaluation,
        test=evaluation if validation else None,
        clean=data.clean,
        online_alpha=request.mix_online,
        scales=scales,
        units=units_of(unmixed or train) if task.in_units else None,
    )
    notes += [*hints, *data.notes, *_left_out(job)]
    if job.test is not None:
        notes.append(
            f"{job.evaluation.records.examples:,} training examples are held out to choose the best epoch; "
            f"{train.examples:,} are trained on"
        )
    notes += [
        f"{files.skipped:,} bad {'record' if files.skipped == 1 else 'records'} of {files.name} left out"
        for files in (data.records, evaluation.records)
        if files.skipped
    ]
    return Prepared(job=job, identity=identity, notes=tuple(notes))


def _told_apart(data: TrainingData, evaluation: ExampleFiles) -> list[str]:
    """What is said of a few evaluation examples that are trained on. Raises UsageError for a file of them, or many."""
    check_apart(data.shared(evaluation))
    few = data.check_leaks(evaluation)
    return [] if few is None else [few]


def _split(records: ExampleFiles, config: TrainConfig) -> tuple[ExampleFiles, Evaluation]:
    """Those that are trained on, and those that choose the best epoch."""
    held = held_out(records.examples, config.val_share, config.seed, records.groups)
    return records.part(~held), Evaluation(records.part(held))


def _left_out(job: Job) -> list[str]:
    """What is said where some examples do not fill a batch."""
    examples, batch_size = job.train.examples, job.config.batch_size
    rest = examples % batch_size
    if not rest:
        return []
    return [
        f"each epoch trains on {examples - rest:,} of {examples:,} examples: the other {rest:,}, others in each "
        f"epoch, do not fill a batch of {batch_size:,}: a smaller --batch-size leaves out fewer"
    ]


def evaluation_identity(config: SourceConfig, records: ExampleFiles) -> dict[str, Any]:
    """What tells the clean examples of a run from others."""
    return {"name": records.name, "split": config.split_name, **content_identity(records)}


def _check_fit(records: ExampleFiles, evaluation: ExampleFiles) -> None:
    """Raise UsageError if a model of these records cannot be evaluated on those."""
    differing = differences(records, evaluation)
    if differing:
        what, (trained, evaluated) = next(iter(differing.items()))
        raise UsageError(
            f"{what} differs: {records.name} has {trained}, the evaluation set {evaluation.name} has {evaluated}: give "
            f"the --eval-src that belongs to the training examples"
        )
