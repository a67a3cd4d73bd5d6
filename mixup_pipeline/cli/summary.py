"""The last lines that `mixup-augment` prints."""

import shlex

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.dataset.left_out import SKIPPED_NAME
from mixup_pipeline.dataset.manifest import MANIFEST_NAME, Manifest
from mixup_pipeline.launch import Estimate, Report
from mixup_pipeline.mixing.totals import NEARLY_UNMIXED
from mixup_pipeline.report.census import census_rows, changes_text, table_lines
from mixup_pipeline.report.words import chosen_lines, examples_text, listed_lines, size_text, size_text_of
from mixup_pipeline.run.run import Run
from mixup_pipeline.sources.census import CensusSummary
from mixup_pipeline.spec import counted
from mixup_pipeline.storage.places import Place


def of_report(report: Report) -> list[str]:
    """The lines of the closing summary of mixup-augment."""
    manifest, totals, out = report.manifest, report.manifest.totals, shlex.quote(str(report.out))
    shards = manifest.shards
    if report.kept_shards == len(shards):
        heading = f"{report.out} already holds this run: it is complete, and all {len(shards)} shards were checked"
    else:
        heading = f"{_done(manifest)} into {report.out}"
    kept = f", {report.kept_shards} of them kept from an earlier run" if 0 < report.kept_shards < len(shards) else ""
    source = manifest.source
    lines = chosen_lines(source.schema, source.origin) | {
        "images": "" if source.census is None else changes_text(source.census, source.schema.images, manifest.shape),
        "examples": examples_text(totals),
        "shards": f"{len(shards)}, {size_text(report.num_bytes)}{kept}",
        "seconds": f"{report.seconds:.1f} ({totals.examples / report.seconds:,.0f} examples/s)",
        "λ": _lam(manifest),
        "read": f"tfds.builder_from_directory({str(report.out)!r}).as_dataset(split={manifest.split!r})",
    }
    if not lines["images"]:
        del lines["images"]
    if source.skipped:
        listed = "" if source.left_out is None else f": {report.out / SKIPPED_NAME} lists them"
        lines["skipped"] = f"{counted(source.skipped, 'bad record')} left out{listed}"
    lines |= {"verify": f"mixup-verify {out}", "look": f"mixup-inspect {out}"}
    return [heading, *listed_lines(lines)]


def _done(manifest: Manifest) -> str:
    """What was made of the source, in words."""
    examples, copies = counted(manifest.source.examples, "example"), manifest.config.copies
    verb = "Mixed" if manifest.totals.mixed else "Copied, without mixing any,"
    return f"{verb} {examples} x {copies}"


def of_submission(job: str, out: Place) -> list[str]:
    """The lines of the summary that --no-wait prints."""
    lines = {
        "wait": f"the folder is a dataset once {out / MANIFEST_NAME} exists",
        "resume": "if the job ends without it, run the same command again",
    }
    heading = f"Submitted {job}" if job else "Wrote the description of the job for the launcher of a template"
    return [heading, *(f"  {key:9}{value}" for key, value in lines.items())]


def of_estimate(estimate: Estimate, config: MixConfig) -> list[str]:
    """The lines of the plan that --dry-run prints."""
    run: Run = estimate.run
    lines = {
        "source": f"{counted(run.num_examples, 'example')} {size_text_of(run.shape)}, {len(run.files)} "
        f"{'file' if len(run.files) == 1 else 'files'}",
        **chosen_lines(run.spec, run.origin),
        "pairing": f"{config.pairing}, {_copies(config)}, alpha {config.alpha:g}, seed {config.seed}",
        **({"augment": f"{config.augment}, drawn for each parent"} if config.augment else {}),
        "examples": f"{run.num_examples * run.num_passes:,}",
        "shards": f"{run.num_shards * run.num_passes} ({run.num_shards} per copy)",
        "bytes": f"about {size_text(estimate.output_bytes)}"
        + (f" before {config.image_format} compression" if config.image_format != "raw" else ""),
        "memory": f"about {size_text(estimate.memory_bytes)} per worker for examples and plan, plus the program itself",
    }
    census = run.source.census
    if census is None:
        return ["Plan (nothing was written)", *listed_lines(lines)]
    skips = config.on_bad_record == "skip"
    table = table_lines(census_rows(census, run.spec.images, run.shape, estimate.bad, skips=skips))
    return ["Plan (nothing was written)", *listed_lines(lines), "", f"Images ({census.images:,})", *table]


def _copies(config: MixConfig) -> str:
    return "1 copy" if config.copies == 1 else f"{config.copies:,} copies"


def of_differing_sizes(census: CensusSummary, src: SourceConfig) -> list[str]:
    """The lines that --dry-run prints about images that cannot be mixed as they are."""
    return [f"Images ({census.images:,})", *table_lines(census_rows(census, src.images, None)), ""]


def _lam(manifest: Manifest) -> str:
    totals, config = manifest.totals, manifest.config
    if not totals.mixed:
        return "none drawn: no example is mixed"
    share = totals.nearly_unmixed / totals.mixed
    return (
        f"Beta({config.alpha:g}, {config.alpha:g}), mean {totals.lam_mean:.3f}, {share:.0%} nearly unmixed "
        f"(below {NEARLY_UNMIXED} or above {1 - NEARLY_UNMIXED})"
    )
