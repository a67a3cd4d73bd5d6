"""What a run trains on: mixed shards or an unmixed source, and what each says about itself."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mixup_pipeline.config import SourceConfig, augmentations
from mixup_pipeline.errors import SizesError, SourceError, UsageError
from mixup_pipeline.spec import AS_STORED
from mixup_pipeline.training.example_files import ExampleFiles, mixed_examples, mixed_files, shared_files
from mixup_pipeline.training.leaks import check_copied, check_leaks
from mixup_pipeline.training.mixed_shards import checked_manifest, clean_records, read_as_mixed
from mixup_pipeline.training.prepared_source import open_examples
from mixup_pipeline.training.read_alike import read_alike
from mixup_pipeline.training.run_folder import RunFolder
from mixup_pipeline.training.train_config import TrainConfig
from mixup_pipeline.training.train_request import ONE_OF_BOTH, TrainRequest


def opened_examples(config: SourceConfig, request: TrainRequest, out: Path, name: str) -> ExampleFiles:
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


def content_identity(records: ExampleFiles) -> dict[str, Any]:
    """The records themselves, and the form that image files were brought to, where it is not the one they have.

    Channels are part of the shape.
    """
    form = replace(records.brought_to, channels=None)
    images = {} if form == AS_STORED else {"images": asdict(form)}
    return {"examples": records.examples, "fingerprint": records.fingerprint, **images}


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What a run trains on.

    shared: the paths of evaluation files that hold examples of these, mixed or not. check_leaks: what is said of a few
    evaluation examples that are trained on; it raises UsageError for many. identity: what tells these examples from
    others. clean: the unmixed source, for clean last epochs. mixed_with: of shards, how they were augmented. notes:
    what the user should know. read_alike: the configuration of clean examples, whose labels and columns are read as
    those were that were mixed.
    """

    records: ExampleFiles
    shared: Callable[[ExampleFiles], Sequence[str]]
    check_leaks: Callable[[ExampleFiles], str | None]
    identity: dict[str, Any]
    clean: ExampleFiles | None = None
    mixed_with: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    read_alike: Callable[[SourceConfig], SourceConfig] = lambda config: config


def augmentation(config: TrainConfig, data: TrainingData) -> tuple[str, ...]:
    """How the images are augmented while they are trained on.

    Raises UsageError for what is no image, and for shards that were augmented in another way.
    """
    asked = augmentations(config)
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


def source_data(request: TrainRequest, src: SourceConfig, out: Path, opened: ExampleFiles | None) -> TrainingData:
    """An unmixed source. opened: its examples, if they have been opened already. Raises as `open_examples` does."""
    records = opened or opened_examples(src, request, out, "unmixed")
    identity: dict[str, Any] = {"name": records.name, "split": src.split_name, **content_identity(records)}
    if request.mix_online is not None:
        identity["mix_online"] = request.mix_online
    return TrainingData(
        records=records,
        shared=lambda other: shared_files(records.originals, records.arrays, other.originals, other.arrays),
        check_leaks=partial(_leaks, records),
        identity=identity,
        read_alike=partial(read_alike, spec=records.spec, asked=src),
    )


def _leaks(trained: ExampleFiles, evaluation: ExampleFiles) -> str | None:
    """Told by each record where both are read as they are, else by whole files."""
    check_copied(trained.fingerprints, evaluation)
    if trained.is_prepared or evaluation.is_prepared:
        return None
    return check_leaks(trained.passes[0], evaluation.passes[0])


def shards_data(request: TrainRequest, out: Path) -> TrainingData:
    """Mixed shards. Raises ManifestError if they are not complete and sound, SourceError for a missing source."""
    if request.shards is None:
        raise UsageError(ONE_OF_BOTH)
    manifest = checked_manifest(request.shards, request.verify)
    note = "The originals among the shards are not trained on: epochs read the mixed copies in turn."
    return TrainingData(
        records=mixed_examples(request.shards, manifest),
        shared=partial(mixed_files, manifest),
        check_leaks=partial(check_copied, [file.fingerprint for file in manifest.source.files]),
        identity={"run_id": manifest.run_id, "name": manifest.name},
        clean=clean_records(manifest, request.evaluation, out) if request.config.clean_last_epochs else None,
        mixed_with=augmentations(manifest.config),
        notes=(note,) if manifest.config.keep_originals else (),
        read_alike=partial(read_as_mixed, manifest),
    )
