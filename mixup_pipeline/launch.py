"""The library's entry: `augment` and `submit` check everything, claim the output folder and run the job on an engine.

`engine/job.py` runs one job; `engine/graph.py` is the Beam graph of its steps.
"""

import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.dataset.left_out import reason_of
from mixup_pipeline.dataset.manifest import Manifest, read_manifest
from mixup_pipeline.errors import RecordError, UsageError
from mixup_pipeline.run.claim import claim
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.planning import output_bytes, resolve
from mixup_pipeline.run.request import Request, check_used
from mixup_pipeline.run.run import Run, resolved_quality
from mixup_pipeline.run.sharding import GATHER_BYTES, TOGETHER_BYTES, gathered_examples
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.file_formats import bad_record
from mixup_pipeline.sources.scan import SKIPPING
from mixup_pipeline.sources.source import Source
from mixup_pipeline.storage.clients import set_store_options
from mixup_pipeline.storage.places import Place, place

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

_DECODING_BYTES_A_PIXEL = 6
_INDEX_BYTES_AN_EXAMPLE = 56
"""Entries, their order and one pairing: what planning holds in memory at once."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What `augment` made.

    out: the folder. manifest: its manifest. seconds: wall time. kept_shards: shards kept from an earlier run.
    """

    out: Place
    manifest: Manifest
    seconds: float
    kept_shards: int

    @property
    def examples(self) -> int:
        return self.manifest.totals.examples

    @property
    def num_bytes(self) -> int:
        return self.manifest.num_bytes


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a run would make.

    memory_bytes: what one worker needs for examples, index and plan, beside the program itself. bad: how many records
    are bad, by reason. first_bad: what `augment` would say of the first of them, if it does not skip them.
    """

    run: Run
    output_bytes: int
    memory_bytes: int
    bad: Mapping[str, int] = field(default_factory=dict)
    first_bad: str | None = None


def augment(
    src: str | SourceConfig,
    out: str | Place,
    config: MixConfig | None = None,
    *,
    overwrite: bool = False,
    engine: str = "local",
    beam_args: Sequence[str] = (),
    on_start: Callable[[Source, Place], None] | None = None,
    on_state: Callable[[str, str], None] | None = None,
) -> Report:
    """Mix a labelled dataset with itself and write TFRecord shards with a manifest.

    src: a TFDS name, a TFDS directory, a TFRecord pattern, or a SourceConfig with further options.
    out: the folder to write, local, gs:// or s3://. An unfinished run of the same configuration there is resumed.
    overwrite: replace another run that the folder holds.
    engine: where Beam runs, one of `config.ENGINES`.
    beam_args: options for Beam, such as ["--parallelism=8"]. They override those of the engine's preset.
    on_start: called with the source and the folder when the run begins.
    on_state: called with the id and the state of the engine's job whenever the state has changed.

    Raises MixupError with one line that says what is wrong and what to do.
    """
    started = time.monotonic()
    from mixup_pipeline.engine.graph import KEPT_SHARDS
    from mixup_pipeline.engine.job import run_job  # Beam takes almost a second to import

    with _prepared(src, out, config, overwrite, engine, beam_args) as (request, folder, options):
        if on_start is not None:
            on_start(request.source, folder)
        counters = run_job(folder, options, on_state=on_state)
        WorkFolder.of(folder).remove()
    return Report(
        out=folder,
        manifest=read_manifest(folder),
        seconds=time.monotonic() - started,
        kept_shards=counters.get(KEPT_SHARDS, 0),
    )


def submit(
    src: str | SourceConfig,
    out: str | Place,
    config: MixConfig | None = None,
    *,
    overwrite: bool = False,
    engine: str,
    beam_args: Sequence[str] = (),
) -> str:
    """Start `augment` on a distributed engine, and return the id of its job without waiting for the end.

    The id is empty where Dataflow only writes a template of the job.

    The folder is complete once it has a manifest. If the job ends without one, call this or `augment` again.

    Raises as `augment` does, and UsageError for an engine that ends with this process.
    """
    from mixup_pipeline.engine.job import run_job

    ids: list[str] = []
    with _prepared(src, out, config, overwrite, engine, beam_args, detached=True) as (_, folder, options):
        run_job(folder, options, wait=False, on_state=lambda job, state: ids.append(job))
    return ids[-1] if ids else ""


@contextlib.contextmanager
def _prepared(
    src: str | SourceConfig,
    out: str | Place,
    config: MixConfig | None,
    overwrite: bool,
    engine: str,
    beam_args: Sequence[str],
    detached: bool = False,
) -> Iterator[tuple[Request, Place, "PipelineOptions"]]:
    """Check everything, then claim the folder while the context lasts. Gives (request, folder, Beam's options)."""
    from mixup_pipeline.engine.checks import (
        check_engine,
        check_paths,
        is_detached,
        reach_this_machine_directly,
        use_all_cores,
    )
    from mixup_pipeline.engine.options import pipeline_options

    reach_this_machine_directly()
    options = pipeline_options(engine, beam_args)
    set_store_options(options)
    folder = place(out)
    source = open_source(src if isinstance(src, SourceConfig) else SourceConfig(src=src))
    if detached and not is_detached(options):
        raise UsageError(
            f"--engine {engine}: the job ends with the command that started it, so the command has to wait: leave "
            f"--no-wait out, or use a cluster (flink with --flink_master=HOST:PORT, dataflow)"
        )
    check_engine(options)
    check_paths(options, source, folder)
    config = config or MixConfig()
    check_used(source, config)
    request = Request(source=source, config=replace(config, quality=resolved_quality(config)))
    use_all_cores(options, source, request.config.copies, beam_args)
    with claim(folder, request, overwrite=overwrite):
        yield request, folder, options


def estimate(src: SourceConfig, config: MixConfig, beam_args: Sequence[str] = ()) -> Estimate:
    """Index the source and say what `augment` would make of it. Writes temporary files only.

    beam_args: options for Beam. Only those of object stores matter here.

    Raises as `augment` does for what the source does not allow.
    """
    if beam_args:
        from mixup_pipeline.engine.options import pipeline_options

        set_store_options(pipeline_options("local", beam_args))
    source = open_source(src)
    check_used(source, config)
    request = Request(source=source, config=config)
    with tempfile.TemporaryDirectory(prefix="mixup-") as folder:
        work = WorkFolder(Path(folder))
        work.create()
        files = [index_file(file, source.spec, config, work, count_only=True) for file in source.files]
        left_out = [(file, one) for position, file in enumerate(files) for one in work.found(position)[1]]
        first_bad = None
        if left_out and config.on_bad_record == "fail":
            file, first = left_out[0]
            first_bad = str(bad_record(file, first.record, first.offset, f"{first.reason}: {SKIPPING}"))
        if first_bad is not None and not any(file.examples for file in files):
            raise RecordError(first_bad)
        run, *_ = resolve(request, files, work)
    shard_examples = -(-run.num_examples // run.num_shards)
    most = GATHER_BYTES if run.num_passes == 1 else TOGETHER_BYTES
    gathered = gathered_examples(shard_examples, run.num_examples, run.num_passes) * run.decoded_bytes
    census = run.census
    decoding = 0 if census is None else _DECODING_BYTES_A_PIXEL * census.largest[0] * census.largest[1]
    return Estimate(
        run=run,
        output_bytes=output_bytes(run),
        memory_bytes=min(gathered, most) + decoding + _INDEX_BYTES_AN_EXAMPLE * run.num_examples,
        bad=Counter(reason_of(one.reason) for _, one in left_out),
        first_bad=first_bad,
    )
