"""The Beam graph: data flow one way, and no image ever moves between workers.

    source files ─ IndexFile ─ Plan ─ Reshuffle ─ MixShard ─ Commit

Elements are small: a file's name, a slot range, a shard's hash and totals. Arrays and images stay in files. Each step
is the thin twin of a plain function (`index_file`, `plan_run`, `ShardMixer.mix_shard`, `commit_run`) that works
without Beam.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions

from mixup_pipeline.commit import commit_run
from mixup_pipeline.config import MixConfig
from mixup_pipeline.errors import error_in_text
from mixup_pipeline.plan import ShardTask
from mixup_pipeline.planning import plan_run
from mixup_pipeline.run import IndexedFile
from mixup_pipeline.scan import SourceFile, index_file
from mixup_pipeline.shards import ShardInfo, ShardMixer
from mixup_pipeline.sources import Source
from mixup_pipeline.work import WorkFolder

KEPT_SHARDS = "shards_kept"


class IndexFile(beam.DoFn):
    """SourceFile → IndexedFile."""

    def __init__(self, source: Source, config: MixConfig, out: Path) -> None:
        self._spec, self._config, self._work = source.spec, config, WorkFolder.of(out)
        self._indexed = Metrics.counter("mixup", "records_indexed")
        self._skipped = Metrics.counter("mixup", "records_skipped")

    def process(self, element: SourceFile) -> Iterator[tuple[int, IndexedFile]]:
        indexed = index_file(element, self._spec, self._config, self._work)
        self._indexed.inc(indexed.examples)
        self._skipped.inc(indexed.skipped)
        yield element.position, indexed


class Plan(beam.DoFn):
    """All IndexedFiles → ShardTasks."""

    def __init__(self, source: Source, config: MixConfig, out: Path) -> None:
        self._source, self._config, self._out = source, config, out

    def process(self, element: tuple[int, Iterable[tuple[int, IndexedFile]]]) -> Iterator[ShardTask]:
        files = [file for _, file in sorted(element[1], key=lambda placed: placed[0])]
        yield from plan_run(self._source, self._config, files, self._out)


class MixShard(beam.DoFn):
    """ShardTask → the ShardInfo of each file it wrote."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._written = Metrics.counter("mixup", "examples_written")
        self._bytes = Metrics.counter("mixup", "bytes_written")
        self._kept = Metrics.counter("mixup", KEPT_SHARDS)

    def process(self, element: ShardTask) -> Iterator[ShardInfo]:
        for info in ShardMixer(self._out).mix_shard(element):
            self._written.inc(0 if info.kept else info.examples)
            self._bytes.inc(0 if info.kept else info.bytes)
            self._kept.inc(info.kept)
            yield info


class Commit(beam.DoFn):
    """All ShardInfos → the run id of the manifest."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def process(self, element: tuple[int, Iterable[ShardInfo]]) -> Iterator[str]:
        yield commit_run(element[1], self._out)["run_id"]


def build_pipeline(pipeline: beam.Pipeline, source: Source, config: MixConfig, out: Path) -> None:
    """The whole graph."""
    (
        pipeline
        | "Files" >> beam.Create(source.files)  # SourceFile
        | "SpreadFiles" >> beam.Reshuffle()
        | "IndexFile" >> beam.ParDo(IndexFile(source, config, out))  # (position, IndexedFile)
        | "OneKeyForFiles" >> beam.WithKeys(0)
        | "AllFiles" >> beam.GroupByKey()  # (0, all of them)
        | "Plan" >> beam.ParDo(Plan(source, config, out))  # ShardTask
        | "Reshuffle" >> beam.Reshuffle()
        | "MixShard" >> beam.ParDo(MixShard(out))  # ShardInfo
        | "OneKeyForShards" >> beam.WithKeys(0)
        | "AllShards" >> beam.GroupByKey()  # (0, all of them)
        | "Commit" >> beam.ParDo(Commit(out))  # run id
    )


def run_pipeline(source: Source, config: MixConfig, out: Path, options: PipelineOptions) -> dict[str, int]:
    """Run the graph to its end and give its counters.

    Raises the MixupError that a worker raised, wherever it ran; other failures come as they are.
    """
    pipeline = beam.Pipeline(options=options)
    build_pipeline(pipeline, source, config, out)
    try:
        result = pipeline.run()
        result.wait_until_finish()
    except Exception as failure:
        error = error_in_text(f"{type(failure).__module__}.{type(failure).__name__}: {failure}")
        if error is None:
            raise
        raise error from failure
    counters = result.metrics().query()["counters"]
    return {counter.key.metric.name: counter.committed for counter in counters}
