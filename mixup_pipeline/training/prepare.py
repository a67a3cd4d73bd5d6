"""Preparing a training run: find the data, check that they fit together, and say what the user should know."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from mixup_pipeline.config import ALPHA_RANGE, SourceConfig, augmentations, check_number
from mixup_pipeline.errors import SizesError, SourceError, UsageError
from mixup_pipeline.sources import open_source
from mixup_pipeline.spec import AS_STORED
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import (
    ExampleFiles,
    check_apart,
    differences,
    mixed_examples,
    mixed_files,
    shared_files,
)
from mixup_pipeline.training.held_out import held_out
from mixup_pipeline.training.leaks import check_copied, check_leaks
from mixup_pipeline.training.loop import Job
from mixup_pipeline.training.mixed_shards import checked_manifest, clean_records, read_as_mixed
from mixup_pipeline.training.models import check_model, model_identity
from mixup_pipeline.training.prepared_source import brought_to, form_of, open_examples
from mixup_pipeline.training.read_alike import read_alike
from mixup_pipeline.training.run_folder import RunFolder, digest_of
from mixup_pipeline.training.scales import scales_for, units_of
from mixup_pipeline.training.train_config import TrainConfig

_EPOCHS = "config.epochs"
_VAL_SHARE_OF_SHARDS = (
    "--val-share is for --src: shards are mixed of all examples already: mix a part of them, as with --split "
    "'train[:90%]', and choose the epoch by the rest, with --eval-split 'train[90%:]'"
)
_ONE_OF_BOTH = "give either --shards, a mixed dataset, or --src, an unmixed one to train the baseline on"


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What to train on, and what to evaluate on.

    Exactly one of shards, a mixed dataset, and src, an unmixed one. evaluation: clean examples.
    verify: check the shards "quick", by names and sizes, or "full", byte by byte.
    force: allow label smoothing on mixed labels.
    mix_online: mix the examples of src while training, with λ ~ Beta(mix_online, mix_online).
    on_bad_record: what to do with bad records of src and evaluation, as mixup-augment has it.

    Raises UsageError for options that do not go together.
    """

    evaluation: SourceConfig
    shards: Path | None = None
    src: SourceConfig | None = None
    config: TrainConfig = field(default_factory=TrainConfig)
    verify: str = "quick"
    force: bool = False
    mix_online: float | None = None
    on_bad_record: str = "fail"

    def __post_init__(self) -> None:
        if (self.shards is None) == (self.src is None):
            raise UsageError(_ONE_OF_BOTH)
        mixed = self.src is None or self.mix_online is not None
        if self.config.label_smoothing and mixed and not self.force:
            raise UsageError(
                "--label-smoothing works against mixup, whose labels are soft already: leave it out, or add "
                "--force-label-smoothing"
            )
        if self.src is not None and self.config.clean_last_epochs:
            raise UsageError("--clean-last-epochs is for --shards: all epochs on --src are clean")
        if self.mix_online is not None:
            if self.shards is not None:
                raise UsageError("--mix-online is for --src: shards are mixed already")
            check_number("mix-online", self.mix_online, *ALPHA_RANGE)


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
    names, if it has been opened already. unmixed: likewise what request.src names; with shards, the examples that were
    mixed, whose scales then standardize. validation: examples that were held out of the others already.

    Raises UsageError, SourceError or ManifestError if they are missing, changed, or do not fit together.
    """
    data = _shards_data(request, out) if request.src is None else _source_data(request, request.src, out, unmixed)
    task = data.records.task
    if request.config.label_smoothing and task.in_units:
        raise UsageError("--label-smoothing is for labels that are classes, these are values: leave it out")
    if evaluation is None:
        asked = replace(data.read_alike(request.evaluation), allow_eval_split=True)
        fitting = brought_to(asked, form_of(data.records))
        evaluation = Evaluation(_opened(fitting, request, out, "evaluation"))
    _check_fit(data.records, evaluation.records)
    check_apart(data.shared(evaluation.records))
    few = data.check_leaks(evaluation.records)
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
    train = replace(train, augment=_augment(request.config, data))
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
    notes = [*hints, *data.notes, *([few] if few else []), *_left_out(job)]
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


def _split(records: ExampleFiles, config: TrainConfig) -> tuple[ExampleFiles, Evaluation]:
    """Those that are trained on, and those that choose the best epoch."""
    held = held_out(records.examples, config.val_share, config.seed, records.groups)
    return records.part(~held), Evaluation(records.part(held))


def _opened(config: SourceConfig, request: TrainRequest, out: Path, name: str) -> ExampleFiles:
    """Clean examples of a run. Those that were prepared for a run that was refused may be replaced."""
    folder = RunFolder(out)
    try:
        return open_examples(config, request.on_bad_record, folder.prepared / name, may_replace=not folder.is_claimed)
    except SizesError as error:
        if request.shards is None:
            raise
        said = str(error).partition(": add --image-size")[0]
        raise SourceError(
            f"{config.src}: {said}: the shards were mixed without --image-size: mix them with it, or evaluate on "
            f"images of one size"
        ) from error


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
    return {"name": records.name, "split": config.split_name, **_content_identity(records)}


def _content_identity(records: ExampleFiles) -> dict[str, Any]:
    """The records themselves, and the form that image files were brought to, where it is not the one they have.

    Channels are part of the shape.
    """
    form = replace(records.brought_to, channels=None)
    images = {} if form == AS_STORED else {"images": asdict(form)}
    return {"examples": records.examples, "fingerprint": records.fingerprint, **images}


@dataclass(frozen=True, kw_only=True)
class _TrainingData:
    """What a run trains on.

    shared: the paths of evaluation files that hold examples of these, mixed or not. check_leaks: what is
    said of a few evaluation examples that are trained on; it raises UsageError for many. identity: what tells these
    examples from others. clean: the unmixed source, for clean last epochs. mixed_with:
    of shards, how they were augmented. notes: what the user should know.
    read_alike: the configuration of clean examples, whose labels and columns are read as those were that were mixed.
    """

    records: ExampleFiles
    shared: Callable[[ExampleFiles], Sequence[str]]
    check_leaks: Callable[[ExampleFiles], str | None]
    identity: dict[str, Any]
    clean: ExampleFiles | None = None
    mixed_with: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    read_alike: Callable[[SourceConfig], SourceConfig] = lambda config: config


def _augment(config: TrainConfig, data: _TrainingData) -> tuple[str, ...]:
    """How the images are augmented while they are trained on.

    Raises UsageError for what is no image, and for shards that were augmented in another way.
    """
    asked = tuple((config.augment or "").split(",")) if config.augment else ()
    if asked and not data.records.input_kind.is_image:
        raise UsageError(f"--augment {config.augment}: is for images, these examples are numbers: leave it out")
    if data.mixed_with is None:
        return asked
    if asked and asked != data.mixed_with:
        raise UsageError(
            f"--augment {config.augment}: the shards were mixed with --augment {','.join(data.mixed_with) or 'none'}: "
            f"mix them anew, or leave it out"
        )
    return ()


def _source_data(request: TrainRequest, src: SourceConfig, out: Path, opened: ExampleFiles | None) -> _TrainingData:
    records = opened or _opened(src, request, out, "unmixed")
    identity: dict[str, Any] = {"name": records.name, "split": src.split_name, **_content_identity(records)}
    if request.mix_online is not None:
        identity["mix_online"] = request.mix_online
    return _TrainingData(
        records=records,
        shared=partial(shared_files, records.originals, records.arrays),
        check_leaks=partial(_leaks, records),
        identity=identity,
        read_alike=partial(read_alike, spec=open_source(src).spec, asked=src),
    )


def _leaks(trained: ExampleFiles, evaluation: ExampleFiles) -> str | None:
    """Told by each record where both are read as they are, else by whole files."""
    check_copied(trained.fingerprints, evaluation)
    if trained.is_prepared or evaluation.is_prepared:
        return None
    return check_leaks(trained.passes[0], evaluation.passes[0])


def _shards_data(request: TrainRequest, out: Path) -> _TrainingData:
    if request.shards is None:
        raise UsageError(_ONE_OF_BOTH)
    manifest = checked_manifest(request.shards, request.verify)
    note = "The originals among the shards are not trained on: epochs read the mixed copies in turn."
    return _TrainingData(
        records=mixed_examples(request.shards, manifest),
        shared=partial(mixed_files, manifest),
        check_leaks=partial(check_copied, [file.fingerprint for file in manifest.source.files]),
        identity={"run_id": manifest.run_id, "name": manifest.name},
        clean=clean_records(manifest, request.evaluation, out) if request.config.clean_last_epochs else None,
        mixed_with=augmentations(manifest.config),
        notes=(note,) if manifest.config.keep_originals else (),
        read_alike=partial(read_as_mixed, manifest),
    )


def _check_fit(records: ExampleFiles, evaluation: ExampleFiles) -> None:
    """Raise UsageError if a model of these records cannot be evaluated on those."""
    differing = differences(records, evaluation)
    if differing:
        what, (trained, evaluated) = next(iter(differing.items()))
        raise UsageError(
            f"{what} differs: {records.name} has {trained}, the evaluation set {evaluation.name} has {evaluated}: give "
            f"the --eval-src that belongs to the training examples"
        )
