"""Mixed shards to train on: whether they are sound, and how clean examples are read as those were that were mixed."""

from dataclasses import replace
from pathlib import Path

from mixup_pipeline.config import SourceConfig, augmentations
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.dataset.quick_check import quick_check, sound_manifest
from mixup_pipeline.dataset.source_again import source_config
from mixup_pipeline.errors import ManifestError, SourceError, UsageError
from mixup_pipeline.training.example_files import ExampleFiles
from mixup_pipeline.training.prepared_source import open_examples
from mixup_pipeline.training.read_alike import read_alike
from mixup_pipeline.training.run_folder import RunFolder


def check_outside(out: Path, shards: Path | None) -> None:
    """Raise UsageError if the run would be written into the mixed dataset that it reads."""
    if shards is not None and out.resolve().is_relative_to(shards.resolve()):
        raise UsageError(f"--out {out}: lies inside {shards}, which would no longer verify: choose an --out outside")


def checked_manifest(shards: Path, how: str) -> Manifest:
    """The manifest of a complete dataset. how: check it "quick", by names and sizes, or "full", byte by byte.

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


def read_as_mixed(manifest: Manifest, config: SourceConfig) -> SourceConfig:
    """The configuration of clean examples, read as the mixed ones were where it does not say otherwise."""
    origin = manifest.source.origin
    return read_alike(config, manifest.source.schema, None if origin is None else origin.asked)


def clean_records(manifest: Manifest, evaluation: SourceConfig, out: Path) -> ExampleFiles:
    """The unmixed source of a mixed dataset, looked for where the evaluation examples are."""
    source = source_config(manifest, evaluation.src, data_dir=evaluation.data_dir)
    records = open_examples(source, manifest.config.on_bad_record, RunFolder(out).prepared / "unmixed")
    if {file.name for file in records.originals} != {file.name for file in manifest.source.files}:
        raise SourceError(
            f"--clean-last-epochs: {evaluation.src} split {manifest.split} is not the source that was mixed"
        )
    return replace(records, augment=augmentations(manifest.config))
