"""Speed and memory of mixup-inspect at 60,000 and 600,000 mixed examples of MNIST.

    python benchmarks/look.py --data-dir DIR [--runs 5]

Each row runs the command on both in turn; the second figure is the seconds or megabytes at 60,000.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import click
from measuring import Measured, measure, report

BIN = Path(sys.executable).parent
SOURCE_ID = "mnist-train.tfrecord-00000-of-00001__4711"


@click.command()
@click.option(
    "--data-dir", required=True, type=click.Path(exists=True), help="Folder with the prepared TFDS dataset mnist."
)
@click.option("--runs", default=5, show_default=True)
def main(data_dir: str, runs: int) -> None:
    """Print two rows, time and peak memory, for each use."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as folder:
        large, small = (augmented(data_dir, copies, Path(folder) / str(copies)) for copies in (10, 1))
        uses = {
            "summary": ([], "< 2 s"),
            "--find": (["--find", SOURCE_ID], "< 5 s"),
            "--preview": (["--preview", f"{folder}/preview.png", "--data-dir", data_dir], "none"),
            "--html": (["--html", f"{folder}/page.html", "--data-dir", data_dir], "none"),
        }
        for name, (options, goal) in uses.items():
            pairs = [(inspect(large, options), inspect(small, options)) for _ in range(runs + 1)][1:]
            first, second = ([pair[side].seconds for pair in pairs] for side in (0, 1))
            report(f"{name}: seconds, 600,000 / 60,000 mixed examples", first, second, "s", goal)
            first, second = ([pair[side].peak_bytes / 1e6 for pair in pairs] for side in (0, 1))
            report(f"{name}: peak memory", first, second, "MB", "<= 1.1")


def augmented(data_dir: str, copies: int, out: Path) -> str:
    """A mixed dataset of so many copies."""
    command: list[str | Path] = [
        BIN / "mixup-augment",
        "--src",
        "mnist",
        "--data-dir",
        data_dir,
        "--copies",
        str(copies),
        "--quiet",
    ]
    subprocess.run([*command, "--out", out], check=True)
    return str(out)


def inspect(shards: str, options: list[str]) -> Measured:
    return measure([str(BIN / "mixup-inspect"), shards, *options])


if __name__ == "__main__":
    main()
