"""Timing whole processes, and data to time them on: what the benchmarks share."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


@dataclass(frozen=True)
class Measured:
    """One whole process: wall seconds, and its own peak of resident memory in bytes."""

    seconds: float
    peak_bytes: int


def measure(command: list[str]) -> Measured:
    """Run a command that must succeed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **QUIET})
    assert process.stderr is not None
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"{' '.join(command)} ended with {process.returncode}: {complaint.decode()[-500:]}")
    return Measured(seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def report(label: str, first: list[float], second: list[float], unit: str, goal: str) -> None:
    """Print medians of both sides and the median of their ratios."""
    ratio = statistics.median(a / b for a, b in zip(first, second, strict=True))
    click.echo(
        f"{label:58} {statistics.median(first):9.2f} / {statistics.median(second):7.2f} {unit:3} = {ratio:6.2f}x   "
        f"(goal {goal})"
    )


def repeated_mnist(data_dir: str, times: int, target: Path) -> str:
    """A TFDS directory that holds MNIST's training file so many times."""
    source = Path(data_dir) / "mnist/3.0.1"
    info = json.loads((source / "dataset_info.json").read_text())
    (train,) = [split for split in info["splits"] if split["name"] == "train"]
    train["shardLengths"] = train["shardLengths"] * times
    info["splits"] = [train]
    folder = target / "mnist/3.0.1"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text(json.dumps(info))
    shutil.copy(source / "features.json", folder)
    for number in range(times):
        shutil.copy(
            source / "mnist-train.tfrecord-00000-of-00001", folder / f"mnist-train.tfrecord-{number:05d}-of-{times:05d}"
        )
    return str(target)
