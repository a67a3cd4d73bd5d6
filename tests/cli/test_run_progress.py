"""How far a run of mixup-augment is, as its work folder tells at each step."""

from pathlib import Path

import pytest

from mixup_pipeline import MixConfig, SourceConfig, augment
from mixup_pipeline.cli.progress import Stage
from mixup_pipeline.cli.run_progress import RunProgress
from mixup_pipeline.mixing.slots import ShardTask
from mixup_pipeline.run.claim import claim
from mixup_pipeline.run.commit import commit_run
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.mix_shard import ShardInfo, ShardMixer
from mixup_pipeline.run.planning import plan_run
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources import open_source
from tests.datasets import write_tfds


@pytest.mark.parametrize("replaces", [False, True])
def test_each_step_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaces: bool) -> None:
    data = write_tfds(tmp_path / "data/shapes/1.0.0", num_examples=40, num_files=2, shape=(30, 30, 3))
    request = Request(
        source=open_source(SourceConfig(src=str(data.folder))), config=MixConfig(copies=2, num_shards=2, seed=1)
    )
    out = tmp_path / "out"
    if replaces:
        augment(str(data.folder), out, MixConfig(copies=2, num_shards=2))
    progress, work, seen = RunProgress(request.source, out, 2), WorkFolder.of(out), list[Stage]()
    save_partners = WorkFolder.save_partners

    def look() -> None:
        seen.append(progress.stage())

    def saved(*args: object) -> None:
        save_partners(*args)  # type: ignore[arg-type]
        look()

    monkeypatch.setattr(WorkFolder, "save_partners", saved)
    with claim(out, request, overwrite=replaces):
        look()
        files = []
        for file in request.source.files:
            files.append(index_file(file, request.source.spec, request.config, work))
            look()
        tasks: list[ShardTask] = plan_run(request, files, out)
        look()
        infos: list[ShardInfo] = []
        for task in tasks:
            infos += ShardMixer(out).mix_shard(task)
            look()
        assert progress.stage() == seen[-1]
        commit_run(infos, out)

    assert [(stage.name, stage.done, stage.total, stage.unit) for stage in seen[:5]] == [
        ("Indexing", 0, 2, "files"),
        ("Indexing", 1, 2, "files"),
        ("Planning", 0, 2, "copies"),
        ("Planning", 1, 2, "copies"),
        ("Planning", 2, 2, "copies"),
    ]
    assert seen[5] == Stage(name="Mixing", done=0, total=80, unit="examples", detail="0 of 4 shards")
    assert (seen[6].name, seen[6].total, seen[6].detail) == ("Mixing", 80, "2 of 4 shards")
    assert seen[6].done == pytest.approx(40, abs=3)  # reckoned from the size of the shards
    assert seen[7:] == [Stage(name="Finishing", detail="all of 4 shards")]
