"""How far a run of mixup-augment is. It looks into the output folder, so it works the same on every engine."""

from mixup_pipeline.cli.progress import Display, Stage
from mixup_pipeline.records.names import shard_pattern
from mixup_pipeline.run.run import Run
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources.source import Source
from mixup_pipeline.storage.places import ObjectPath, Place
from mixup_pipeline.storage.stamps import Stamp, stamp

_LOCAL_LOOK_SECONDS = 0.2
_STORE_LOOK_SECONDS = 5.0
"""Longer, because listing an object store takes one request or more."""


def watch_run(display: Display, source: Source, out: Place, *, copies: int) -> None:
    """Show the run in this folder: files indexed, copies planned, examples written, and its end."""
    progress = RunProgress(source, out, copies)
    display.watch(progress.stage, every=_STORE_LOOK_SECONDS if isinstance(out, ObjectPath) else _LOCAL_LOOK_SECONDS)


class RunProgress:
    """What the work folder tells of a run."""

    def __init__(self, source: Source, out: Place, copies: int) -> None:
        self._num_files, self._out, self._work, self._copies = len(source.files), out, WorkFolder.of(out), copies
        self._run: tuple[Stamp, Run] | None = None

    def stage(self) -> Stage:
        """The stage in which the run is. Raises OSError where a file goes while it is looked at."""
        run = self._planned()
        if run is not None:
            return self._mixing(run)
        indexed = _count(self._work.index(0).parent, "*.json")
        if indexed < self._num_files:
            return Stage(name="Indexing", done=indexed, total=self._num_files, unit="files")
        planned = _count(self._work.root, "partners-*")
        return Stage(name="Planning", done=planned, total=self._copies, unit="copies")

    def _planned(self) -> Run | None:
        """The run of the plan, None where there is none yet. It is read once: it names all files of the source."""
        path = self._work.run
        if not path.exists():
            return None
        current = stamp(path)
        if self._run is None or self._run[0] != current:
            self._run = current, self._work.load_run()
        return self._run[1]

    def _mixing(self, run: Run) -> Stage:
        shards, finished = run.num_shards * run.num_passes, _count(self._work.finished, "*.json")
        if finished >= shards:
            return Stage(name="Finishing", detail=f"all of {shards:,} shards")
        total = run.num_examples * run.num_passes
        return Stage(
            name="Mixing",
            done=min(total, written_examples(self._work, self._out, run)),
            total=total,
            unit="examples",
            detail=f"{finished:,} of {shards:,} shards",
        )


def written_examples(work: WorkFolder, out: Place, run: Run) -> int:
    """Estimate how many mixed examples are written, from the sizes of finished and unfinished shards."""
    num_bytes = 0
    folders: tuple[Place, ...] = (work.staged if work.replaces() else out, work.partial)
    for folder in folders:
        for path in folder.glob(shard_pattern(run.name, run.split)):
            try:
                num_bytes += path.stat().st_size
            except FileNotFoundError:  # renamed or removed since the folder was listed
                continue
    return num_bytes // run.record_bytes


def _count(folder: Place, pattern: str) -> int:
    return sum(1 for _ in folder.glob(pattern))
