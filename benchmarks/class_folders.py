"""Class folders read where they are, beside packing them into TFRecord first.

    python benchmarks/class_folders.py --pictures FOLDER [--examples 6000] [--runs 5]

From the pictures crops of about 500x375 are cut, as JPEGs in ten class folders. In each run both ways mix one copy of
them at 224x224, as JPEGs, in turn: `--src FOLDER`, which copies nothing; and packing, as a conversion in the work
folder would do, then `--src 'FILES'`. Medians are printed, of the ratios run by run with the least and the greatest.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
from photos import CLASSES, SIZE, TOOL, crops_of, pictures_in, spread, timed

from mixup_pipeline.records.framing import FOOTER_BYTES, HEADER_BYTES, frame
from mixup_pipeline.records.tf_example import parse, serialize


def write_folders(pictures: list[Path], count: int, folder: Path) -> int:
    """Write at least so many crops, in class folders. Returns their number."""
    each, written = -(-count // len(pictures)), 0
    for number, path in enumerate(pictures):
        into = folder / f"class{number % CLASSES}"
        into.mkdir(parents=True, exist_ok=True)
        for _, record in crops_of(number, path, each):
            features = parse(record[HEADER_BYTES:-FOOTER_BYTES])
            (into / f"{written:06d}.jpg").write_bytes(features["image"].bytes_list.value[0])
            written += 1
    return written


def pack(folder: Path, into: Path) -> int:
    """Pack class folders into one TFRecord file a class. Returns the bytes written."""
    for class_id, path in enumerate(sorted(folder.iterdir())):
        with (into / f"{path.name}.tfrecord").open("wb") as file:
            for image in sorted(path.iterdir()):
                file.write(frame(serialize({"image": image.read_bytes(), "label": [class_id]})))
    return sum(path.stat().st_size for path in into.iterdir())


def mixing(out: str, source: str, *more: str) -> list[str]:
    return [TOOL, "--src", source, "--image-size", str(SIZE), "--image-format", "jpeg", "--out", out, "--quiet", *more]


def packed_mixing(more: list[str]) -> Callable[[str], list[str]]:
    return lambda out: mixing(out, *more)


@click.command()
@click.option(
    "--pictures", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="Photographs."
)
@click.option("--examples", default=6000, show_default=True, help="Crops to cut at least.")
@click.option("--runs", default=5, show_default=True)
def main(pictures: Path, examples: int, runs: int) -> None:
    """Print how long both ways take, and what is copied."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as made:
        folder = Path(made) / "photos"
        count = write_folders(pictures_in(pictures), examples, folder)
        for _ in range(runs):
            in_place = timed(partial(mixing, source=str(folder))).seconds
            with tempfile.TemporaryDirectory(dir=made) as packed:
                started = time.perf_counter()
                copied = pack(folder, Path(packed))
                packing = time.perf_counter() - started
                from_packed = [f"{packed}/*.tfrecord", "--num-classes", str(CLASSES)]
                mixed = timed(packed_mixing(from_packed)).seconds
                rows.append((in_place, packing, mixed))
    in_place, packing, mixed = (statistics.median(column) for column in zip(*rows, strict=True))
    click.echo(f"{count:,} JPEGs in {CLASSES} class folders, one copy at {SIZE}x{SIZE}")
    click.echo(f"read where they are: {in_place:6.2f} s")
    click.echo(f"packed, then mixed:  {packing:6.2f} s and {mixed:.2f} s, with {copied / 1e6:,.0f} MB copied")
    click.echo(f"in place / mixing what is packed: {spread([row[0] / row[2] for row in rows], '.2f')}")
    click.echo(f"in place / packing and mixing:    {spread([row[0] / (row[1] + row[2]) for row in rows], '.2f')}")


if __name__ == "__main__":
    main()
