"""Speed and memory of mixup-augment beside its peers, as ratios of whole processes run in turn.

    python benchmarks/augment.py --data-dir DIR [--runs 5] [--only beam,direct,tutorial,help,memory]

DIR holds the prepared TFDS dataset mnist. Flushing to disk and hashing are part of the tool's time; no peer does
either. In each row the peer and the tool run in turn, and the median of the ratios run by run is printed.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
from measuring import Measured, measure, repeated_mnist, report

PEERS = Path(__file__).parent / "peers"
TOOL = str(Path(sys.executable).parent / "mixup-augment")


def into_fresh_folder(command: Callable[[str], list[str]]) -> Measured:
    """Run a command that writes into a new folder on the disk of this checkout, and remove what it made."""
    folder = tempfile.mkdtemp(prefix="bench-", dir=Path.cwd())
    try:
        os.sync()
        return measure(command(folder))
    finally:
        shutil.rmtree(folder)


def tool(data_dir: str, copies: int) -> Callable[[str], list[str]]:
    return lambda out: [
        TOOL, "--src", "mnist", "--data-dir", data_dir, "--alpha", "0.2", "--copies", str(copies), "--out", out,
        "--quiet"
    ]  # fmt: skip


def peer(name: str, data_dir: str, copies: int) -> Callable[[str], list[str]]:
    return lambda out: [sys.executable, str(PEERS / f"{name}.py"), data_dir, out, str(copies)]


def compare(label: str, first: Callable[[], Measured], second: Callable[[], Measured], runs: int, goal: str) -> None:
    """Run both sides in turn after one warm-up of the second."""
    second()
    pairs = [(first().seconds, second().seconds) for _ in range(runs)]
    report(label, [a for a, _ in pairs], [b for _, b in pairs], "s", goal)


def memory(data_dir: str, runs: int) -> None:
    """Peak memory of one copy of ten times the data."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as folder:
        large = repeated_mnist(data_dir, 10, Path(folder))
        peaks = [(into_fresh_folder(tool(large, 1)), into_fresh_folder(tool(data_dir, 1))) for _ in range(runs)]
    first, second = ([pair[side].peak_bytes / 1e6 for pair in peaks] for side in (0, 1))
    report("peak memory, 600,000 / 60,000 examples", first, second, "MB", "<= 1.3")


@click.command()
@click.option(
    "--data-dir", required=True, type=click.Path(exists=True), help="Folder with the prepared TFDS dataset mnist."
)
@click.option("--runs", default=5, show_default=True)
@click.option("--only", default="help,direct,beam,tutorial,memory", show_default=True, help="Which rows, by comma.")
def main(data_dir: str, runs: int, only: str) -> None:
    """Print one row a comparison."""
    rows = only.split(",")

    def of_tool(copies: int) -> Callable[[], Measured]:
        return lambda: into_fresh_folder(tool(data_dir, copies))

    def of_peer(name: str, copies: int) -> Callable[[], Measured]:
        return lambda: into_fresh_folder(peer(name, data_dir, copies))

    if "help" in rows:
        bare = [sys.executable, "-c", "import numpy, click"]
        compare(
            "mixup-augment --help / import numpy, click",
            lambda: measure([TOOL, "--help"]),
            lambda: measure(bare),
            runs,
            "<= 2",
        )
    if "direct" in rows:
        compare(
            "mixup-augment / direct calls without Beam, 10 copies", of_tool(10), of_peer("direct", 10), runs, "<= 1.5"
        )
    if "beam" in rows:
        compare("plain per-element Beam / mixup-augment, 1 copy", of_peer("plain_beam", 1), of_tool(1), runs, ">= 4")
        compare(
            "the same in buckets, no ids / mixup-augment, 1 copy", of_peer("bucket_beam", 1), of_tool(1), runs, "none"
        )
        plain, ours = of_peer("plain_beam", 1), of_tool(10)
        pairs = [(10 * plain().seconds, ours().seconds) for _ in range(runs)]
        first, second = ([pair[side] for pair in pairs] for side in (0, 1))
        report("plain Beam, 1 copy / mixup-augment, 10 copies, per example", first, second, "s", ">= 20")
    if "tutorial" in rows:
        few = max(1, runs // 2)
        compare("tutorial with tf.data / mixup-augment, 1 copy", of_peer("tutorial", 1), of_tool(1), runs, ">= 5")
        compare("tutorial with tf.data / mixup-augment, 10 copies", of_peer("tutorial", 10), of_tool(10), few, ">= 25")
    if "memory" in rows:
        memory(data_dir, max(1, runs // 2))


if __name__ == "__main__":
    main()
