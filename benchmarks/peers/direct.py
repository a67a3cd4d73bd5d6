"""Peer: the same work as the tool, by direct function calls without Beam. Usage: direct.py DATA_DIR OUT COPIES"""

import sys
from pathlib import Path

from mixup_pipeline import MixConfig, SourceConfig
from mixup_pipeline.run.commit import commit_run
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.mix_shard import ShardMixer
from mixup_pipeline.run.planning import plan_run
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources import open_source


def main(data_dir: str, out: Path, copies: int) -> None:
    source = open_source(SourceConfig(src="mnist", data_dir=data_dir))
    request, work = Request(source=source, config=MixConfig(copies=copies)), WorkFolder.of(out)
    work.create()
    work.save_request(request)
    files = [index_file(file, source.spec, request.config, work) for file in source.files]
    tasks = plan_run(request, files, out)
    commit_run([info for task in tasks for info in ShardMixer(out).mix_shard(task)], out)
    work.remove()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
