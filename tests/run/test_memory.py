"""Memory of a worker: bounded by its shards, whatever the size of the dataset."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mixup_pipeline.records.framing import frame
from mixup_pipeline.records.tf_example import Example
from mixup_pipeline.run.sharding import GATHER_BYTES

_WORKER = """
import sys
from pathlib import Path
from mixup_pipeline.mixing.slots import shard_tasks
from mixup_pipeline.run.mix_shard import ShardMixer

def peak_kib():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])

mixer = ShardMixer(Path(sys.argv[1]))
tasks = shard_tasks(mixer.run.num_examples, mixer.run.num_shards)[:2]
Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is in use now
before = peak_kib()
for task in tasks:
    for info in mixer.mix_shard(task):
        pass
print(before, peak_kib())
"""
"""Not `ru_maxrss`: a new process inherits that from the one that starts it, so it would depend on the tests before."""
_PLANNER = """
import sys
from pathlib import Path
from mixup_pipeline import MixConfig, SourceConfig
from mixup_pipeline.run.planning import plan_run
from mixup_pipeline.run.request import Request
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.sources import open_source
from mixup_pipeline.run.work_folder import WorkFolder

config = MixConfig(num_shards=int(sys.argv[3]), pairing="within-class", copies=2)
source = SourceConfig(src=sys.argv[1], image_key="image", label_key="label", num_classes=10, schema=sys.argv[4])
request, out = Request(source=open_source(source), config=config), Path(sys.argv[2])
work = WorkFolder.of(out)
work.create()
plan_run(request, [index_file(file, request.source.spec, config, work) for file in request.source.files], out)
"""
_SHAPE = (32, 32, 3)
_EXAMPLES_A_SHARD = 3000


def write_source(folder: Path, num_examples: int) -> None:
    """Raw images: as many decoded bytes as stored ones."""
    folder.mkdir()
    rng, size = np.random.default_rng(0), int(np.prod(_SHAPE))
    with (folder / "noise.tfrecord").open("wb") as file:
        for number in range(num_examples):
            example = Example()
            example.features.feature["image"].bytes_list.value.append(rng.bytes(size))
            example.features.feature["label"].int64_list.value.append(number % 10)
            file.write(frame(example.SerializeToString()))


def run_python(script: str, *args: str | Path) -> str:
    done = subprocess.run([sys.executable, "-c", script, *map(str, args)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def bytes_held(folder: Path, num_examples: int) -> int:
    """By a worker that mixes two shards: its peak, less what it holds before it begins."""
    write_source(folder, num_examples)
    schema = folder / "features.json"
    tensor = {"shape": {"dimensions": [str(size) for size in _SHAPE]}, "dtype": "uint8", "encoding": "bytes"}
    kind = "tensorflow_datasets.core.features"
    features = {
        "image": {"pythonClassName": f"{kind}.tensor_feature.Tensor", "tensor": tensor},
        "label": {"pythonClassName": f"{kind}.class_label_feature.ClassLabel", "classLabel": {"numClasses": "10"}},
    }
    schema.write_text(json.dumps({"featuresDict": {"features": features}}))
    num_shards = num_examples // _EXAMPLES_A_SHARD
    run_python(_PLANNER, folder / "noise.tfrecord", folder / "out", str(num_shards), schema)
    before, peak = map(int, run_python(_WORKER, folder / "out").split())
    return (peak - before) * 1024


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to tell the peak of a process")
def test_a_worker_holds_its_shards_and_not_the_dataset(tmp_path: Path) -> None:
    """Needed are the bases and the partners of two copies: all of the small dataset, three shards of the large one."""
    shard_bytes = _EXAMPLES_A_SHARD * int(np.prod(_SHAPE))
    assert 20 * shard_bytes > 3 * GATHER_BYTES
    small = bytes_held(tmp_path / "small", 2 * _EXAMPLES_A_SHARD)
    large = bytes_held(tmp_path / "large", 20 * _EXAMPLES_A_SHARD)
    assert shard_bytes < small < 2 * GATHER_BYTES
    assert large - 3 * shard_bytes < small - 2 * shard_bytes + GATHER_BYTES / 4
