"""`augment`: the main job as a function. Claims the output folder, runs the pipeline, reports what was made."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixup_pipeline.claim import claim
from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.manifest import Manifest, read_manifest
from mixup_pipeline.plan import GATHER_BYTES, gathered_examples
from mixup_pipeline.planning import output_bytes, resolve
from mixup_pipeline.run import Run
from mixup_pipeline.scan import index_file
from mixup_pipeline.sources import Source, open_source
from mixup_pipeline.work import WorkFolder

_INDEX_BYTES_AN_EXAMPLE = 56
"""Entries, their order and one pairing, as planning holds them at once."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What `augment` made.

    out: the folder. manifest: its manifest. seconds: wall time. kept_shards: how many an earlier run had finished.
    """

    out: Path
    manifest: Manifest
    seconds: float
    kept_shards: int

    @property
    def examples(self) -> int:
        return int(self.manifest["totals"]["examples"])

    @property
    def num_bytes(self) -> int:
        return sum(shard["bytes"] for shard in self.manifest["shards"])


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a run would make. memory_bytes: of one worker for examples, index and plan, beside the program itself."""

    run: Run
    output_bytes: int
    memory_bytes: int


def augment(
    src: str | SourceConfig,
    out: str | Path,
    config: MixConfig | None = None,
    *,
    overwrite: bool = False,
    engine: str = "local",
    beam_args: Sequence[str] = (),
    on_start: Callable[[Source, Path], None] | None = None,
) -> Report:
    """Mix a labelled dataset with itself and write TFRecord shards with a manifest.

    src: a TFDS name, a TFDS directory, a TFRecord pattern, or a SourceConfig with more to say about it.
    out: the folder to write; if it holds an unfinished run of the same configuration, that is resumed.
    overwrite: replace another run that the folder holds. engine: where Beam runs, one of `config.ENGINES`.
    beam_args: options for Beam that go before those of the engine, such as ["--parallelism=8"].
    on_start: called with the source and the folder once the run begins.

    Raises MixupError with one line that says what is wrong and what to do.
    """
    started = time.monotonic()
    from mixup_pipeline.beam_options import pipeline_options  # Beam takes most of a second to import
    from mixup_pipeline.pipeline import KEPT_SHARDS, run_pipeline

    config, out = config or MixConfig(), Path(out).expanduser()
    source = open_source(src if isinstance(src, SourceConfig) else SourceConfig(src=src))
    options = pipeline_options(engine, beam_args)
    with claim(out, source, config, overwrite=overwrite):
        if on_start is not None:
            on_start(source, out)
        counters = run_pipeline(source, config, out, options)
        WorkFolder.of(out).remove()
    return Report(
        out=out,
        manifest=read_manifest(out),
        seconds=time.monotonic() - started,
        kept_shards=counters.get(KEPT_SHARDS, 0),
    )


def estimate(src: SourceConfig, config: MixConfig) -> Estimate:
    """Index the source and say what `augment` would make of it; writes nothing that stays.

    Raises as `augment` does for what the source does not allow.
    """
    source = open_source(src)
    with tempfile.TemporaryDirectory(prefix="mixup-") as folder:
        work = WorkFolder(Path(folder))
        work.create()
        files = [index_file(file, source.spec, config, work) for file in source.files]
        run, _ = resolve(source, config, files, work)
    shard_examples = -(-run.num_examples // run.num_shards)
    gathered = gathered_examples(shard_examples, run.num_examples, run.num_passes) * run.decoded_bytes
    return Estimate(
        run=run,
        output_bytes=output_bytes(run),
        memory_bytes=min(gathered, GATHER_BYTES) + _INDEX_BYTES_AN_EXAMPLE * run.num_examples,
    )
