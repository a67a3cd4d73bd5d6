"""Speed of training from mixed shards beside the tutorial's own loop, epoch by epoch in turn in one process.

    python benchmarks/train.py --data-dir DIR [--runs 5]

DIR holds the prepared TFDS dataset mnist. Each row prints the medians and the median of the ratios; one epoch of each
side comes before and is not counted. Evaluation, saving and the histories are outside of what is timed.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
from measuring import QUIET, report

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.training.devices import choose_devices
from mixup_pipeline.training.evaluation import Evaluation
from mixup_pipeline.training.example_files import mixed_examples
from mixup_pipeline.training.learner import Learners, whole_groups
from mixup_pipeline.training.loop import Job
from mixup_pipeline.training.mixed_shards import checked_manifest
from mixup_pipeline.training.source_examples import source_examples
from mixup_pipeline.training.tensorflow_import import import_tensorflow
from mixup_pipeline.training.train_config import TrainConfig

COPIES = 3


@click.command()
@click.option(
    "--data-dir", required=True, type=click.Path(exists=True), help="Folder with the prepared TFDS dataset mnist."
)
@click.option("--runs", default=5, show_default=True)
def main(data_dir: str, runs: int) -> None:
    """Print one row a comparison."""
    os.environ.update(QUIET)
    import_tensorflow()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as folder:
        shards = Path(folder) / "shards"
        tool = str(Path(sys.executable).parent / "mixup-augment")
        options = ["--src", "mnist", "--data-dir", data_dir, "--copies", str(COPIES), "--quiet"]
        subprocess.run([tool, *options, "--out", str(shards)], check=True)
        evaluated = SourceConfig(src="mnist", split="test", data_dir=data_dir, allow_eval_split=True)
        job = Job(
            config=TrainConfig(epochs=2 * runs + 2),
            train=mixed_examples(shards, checked_manifest(shards, "quick")),
            evaluation=Evaluation(source_examples(evaluated)),
        )
        from peers.tutorial_loop import tutorial_epochs

        theirs, ours, read = tutorial_epochs(data_dir), trained_epochs(job), read_epochs(job)
        seconds = [(timed(theirs), timed(ours), timed(read)) for _ in range(runs + 1)][1:]
    tutorial, training, reading = (list(side) for side in zip(*seconds, strict=True))
    report("tutorial's loop / mixup-train, an epoch of tutorial-cnn", tutorial, training, "s", ">= 2")
    report("training / reading the shards alone, an epoch", training, reading, "s", ">= 8")


def trained_epochs(job: Job) -> Callable[[], None]:
    """A function that trains one more epoch, as mixup-train does."""
    learner = Learners(choose_devices("cpu")).get(
        job.config,
        job.train.interface,
        epoch_steps=job.looks[0],
        total_steps=job.total_steps,
    )
    learner.begin(0)
    epoch = 0

    def train() -> None:
        nonlocal epoch
        with whole_groups():
            learner.model.fit(job.batches(epoch_steps(job, epoch)), epochs=1, verbose=0, shuffle=False)
        epoch += 1

    return train


def epoch_steps(job: Job, epoch: int) -> range:
    """The steps of an epoch."""
    return range(epoch * job.steps_per_epoch, (epoch + 1) * job.steps_per_epoch)


def read_epochs(job: Job) -> Callable[[], None]:
    """A function that reads, parses, shuffles and batches one more epoch inside tf.data."""
    epoch = 0

    def read() -> None:
        nonlocal epoch
        batches = job.batches(epoch_steps(job, epoch))
        total = batches.reduce(0, lambda count, batch: count + 1)
        if int(total) != job.steps_per_epoch:
            raise click.ClickException(f"read {int(total)} batches of {job.steps_per_epoch}")
        epoch += 1

    return read


def timed(action: Callable[[], None]) -> float:
    """Wall seconds."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
