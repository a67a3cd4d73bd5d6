"""The Beam graph of a run: all steps on one screen. Data flows one way, and no image moves between workers.

    request ─ CheckWorker ─ ListFiles ─ IndexFile ─ Plan ─ Reshuffle ─ MixShard ─ Commit

Elements are small: a file's name, a slot range, a shard's hash and totals. Arrays and images stay in files, and the
graph itself holds only the path of the output folder. Each step is a thin wrapper of a plain function (`index_file`,
`plan_run`, `ShardMixer.mix_shard`, `commit_run`) that works without Beam.

`graph.py` says what runs; `job.py` runs it on an engine; `launch.py` is the entry for users.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from mixup_pipeline.engine.worker_check import CheckWorker
from mixup_pipeline.errors import OutputError
from mixup_pipeline.mixing.slots import ShardTask
from mixup_pipeline.run.commit import commit_run
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.mix_shard import ShardInfo, ShardMixer
from mixup_pipeline.run.planning import plan_run
from mixup_pipeline.run.versions import check_versions, versions
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.index import IndexedFile
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.storage.clients import store_options, use_store_options
from mixup_pipeline.storage.places import Place

KEPT_SHARDS = "shards_kept"


class Step(beam.DoFn):
    """A step of a run into a folder. It refuses a worker whose library versions differ from the launcher's.

    A step loads what it needs with its first bundle. Not earlier: what it has before becomes part of the graph. And
    not in `setup`: Flink waits forever after an error there.
    """

    def __init__(self, out: Place, access: dict[str, Any]) -> None:
        """access: Beam options for reaching object stores, as `store_options` gives them."""
        self._out, self._access, self._versions, self._loaded = out, access, versions(), False

    def start_bundle(self) -> None:
        if not self._loaded:
            check_versions(self._versions)
            if self._access:
                use_store_options(self._access)
            self.load()
            self._loaded = True

    def load(self) -> None:
        """Load what the step needs."""


class RequestedStep(Step):
    """A step that needs the request, which it reads from the work folder."""

    def load(self) -> None:
        request = WorkFolder.of(self._out).load_request()
        if request is None:
            raise OutputError(f"{self._out}: the request is gone: run the same command again")
        self._request = request


class ListFiles(RequestedStep):
    """One element of any kind → the SourceFiles of the request."""

    def process(self, element: object) -> Iterator[SourceFile]:
        yield from self._request.source.files


class IndexFile(RequestedStep):
    """SourceFile → IndexedFile."""

    _indexed = Metrics.counter("mixup", "records_indexed")
    _skipped = Metrics.counter("mixup", "records_skipped")

    def process(self, element: SourceFile) -> Iterator[tuple[int, IndexedFile]]:
        spec, config = self._request.source.spec, self._request.config
        indexed = index_file(element, spec, config, WorkFolder.of(self._out))
        self._indexed.inc(indexed.examples)
        self._skipped.inc(indexed.skipped)
        yield element.position, indexed


class Plan(RequestedStep):
    """All IndexedFiles → ShardTasks."""

    def process(self, element: tuple[int, Iterable[tuple[int, IndexedFile]]]) -> Iterator[ShardTask]:
        files = [file for _, file in sorted(element[1], key=lambda placed: placed[0])]
        yield from plan_run(self._request, files, self._out)


class MixShard(Step):
    """ShardTask → the ShardInfo of each file it wrote."""

    _decoded = Metrics.counter("mixup", "examples_decoded")
    _mixed = Metrics.counter("mixup", "examples_mixed")
    _written = Metrics.counter("mixup", "examples_written")
    _bytes = Metrics.counter("mixup", "bytes_written")
    _kept = Metrics.counter("mixup", KEPT_SHARDS)

    def load(self) -> None:
        self._mixer = ShardMixer(self._out, on_decoded=self._decoded.inc)

    def process(self, element: ShardTask) -> Iterator[ShardInfo]:
        for info in self._mixer.mix_shard(element):
            self._mixed.inc(0 if info.kept else info.totals.mixed)
            self._written.inc(0 if info.kept else info.entry.examples)
            self._bytes.inc(0 if info.kept else info.entry.bytes)
            self._kept.inc(info.kept)
            yield info


class Commit(Step):
    """All ShardInfos → the run id of the manifest."""

    def __init__(self, out: Place, access: dict[str, Any], tidy: bool) -> None:
        super().__init__(out, access)
        self._tidy = tidy

    def process(self, element: tuple[int, Iterable[ShardInfo]]) -> Iterator[str]:
        yield commit_run(element[1], self._out, tidy=self._tidy).run_id


def build_pipeline(pipeline: beam.Pipeline, out: Place, *, tidy: bool = False) -> None:
    """Add all steps of the run into `out`. tidy: the last step also removes the work folder."""
    access = store_options(pipeline.options)
    (
        pipeline
        | "Request" >> beam.Create([None])
        | "CheckWorker" >> beam.ParDo(CheckWorker())
        | "WorkerChecked" >> beam.Reshuffle()
        | "ListFiles" >> beam.ParDo(ListFiles(out, access))  # SourceFile
        | "SpreadFiles" >> beam.Reshuffle()
        | "IndexFile" >> beam.ParDo(IndexFile(out, access))  # (position, IndexedFile)
        | "OneKeyForFiles" >> beam.WithKeys(0)
        | "AllFiles" >> beam.GroupByKey()  # (0, all of them)
        | "Plan" >> beam.ParDo(Plan(out, access))  # ShardTask
        | "Reshuffle" >> beam.Reshuffle()
        | "MixShard" >> beam.ParDo(MixShard(out, access))  # ShardInfo
        | "OneKeyForShards" >> beam.WithKeys(0)
        | "AllShards" >> beam.GroupByKey()  # (0, all of them)
        | "Commit" >> beam.ParDo(Commit(out, access, tidy))  # run id
    )
