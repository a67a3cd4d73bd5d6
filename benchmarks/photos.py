"""Photographs: mixup-augment beside a tf.data program, shrinking while decoding, and what each image format costs.

    python benchmarks/photos.py --pictures FOLDER [--runs 5] [--copies 1,10] [--cached] [-- BEAM OPTIONS]
    python benchmarks/photos.py --pictures FOLDER [--runs 5] [--large] [--formats]

FOLDER holds photographs, JPEG, PNG or WebP. From them at least 3,000 crops are cut, each at its own place, scale and
size of about 500x375, as JPEGs of quality 90 in eight TFRecord files; the class of a crop is the number of its picture
modulo 10. Both sides mix them at 224x224, as JPEGs of quality 95. In each row they run in turn as whole processes, and
medians are printed, of the ratios run by run with the least and the greatest. Where other programs are at work, compare
the CPU time of an output. Flushing to disk, hashing and ids are part of the tool's time; the peer does none of them.

--large shows JPEGs of 4000x3000 decoded to 224x224, and --formats the image formats, instead of the comparison.
"""

import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import click
import cv2
import numpy as np
import numpy.typing as npt
from measuring import measure

from mixup_pipeline.records import images
from mixup_pipeline.records.framing import frame
from mixup_pipeline.records.tf_example import Example
from mixup_pipeline.spec import ImageOptions

Pixels = npt.NDArray[np.uint8]
Beam = tuple[str, ...]
"""Options of Beam, which follow `--` in a command of the tool."""

PEER = str(Path(__file__).parent / "peers" / "tfdata_photos.py")
TOOL = str(Path(sys.executable).parent / "mixup-augment")
FORMATS = ("raw", "png", "jpeg", "webp")
SIZE = 224
CLASSES = 10
NUM_FILES = 8
WIDTH, HEIGHT, VARIED = 500, 375, 0.1
"""Of a crop, and the share by which each side differs at most."""
LARGE_WIDTH, LARGE_HEIGHT = 4000, 3000
NOISE = 4.0
"""Standard deviation of the noise in large pictures, in levels: enlarging leaves no detail of its own."""
SOURCE_QUALITY = 90
FEW = 16
"""Examples of a run whose time is that of starting and ending."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Timed:
    """One whole process: wall seconds, seconds of processors that it and its own processes used, bytes it wrote."""

    seconds: float
    cpu_seconds: float
    written_bytes: int


# Pictures


def pictures_in(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise click.UsageError(f"--pictures {folder}: holds no {', '.join(SUFFIXES)}")
    return found


def read_picture(path: Path) -> Pixels:
    """uint8 (h, w, 3), in OpenCV's order of colours."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise click.UsageError(f"--pictures: {path.name} cannot be read")
    return picture.astype(np.uint8, copy=False)


def crop(picture: Pixels, height: int, width: int, random: np.random.Generator) -> Pixels:
    """A random box of this shape, from one of this size up to the largest, brought to this size."""
    largest = min(picture.shape[0] / height, picture.shape[1] / width)
    scale = random.uniform(min(1.0, 0.7 * largest), largest)
    box_height, box_width = int(height * scale), int(width * scale)
    top = random.integers(0, picture.shape[0] - box_height + 1)
    left = random.integers(0, picture.shape[1] - box_width + 1)
    box = picture[top : top + box_height, left : left + box_width]
    resized = cv2.resize(box, (width, height), interpolation=cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC)
    return resized.astype(np.uint8, copy=False)


def jpeg(image: Pixels) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, SOURCE_QUALITY])[1].tobytes()


def varied(side: int, random: np.random.Generator) -> int:
    return round(side * random.uniform(1 - VARIED, 1 + VARIED))


def crops_of(number: int, path: Path, count: int) -> Iterator[tuple[bytes, bytes]]:
    """(a key to shuffle by, framed record) of each crop of one picture."""
    picture = read_picture(path)
    for index in range(count):
        random = np.random.default_rng([number, index])
        image = crop(picture, varied(HEIGHT, random), varied(WIDTH, random), random)
        message = Example()
        message.features.feature["image"].bytes_list.value.append(jpeg(image))
        message.features.feature["label"].int64_list.value.append(number % CLASSES)
        yield random.bytes(8), frame(message.SerializeToString(deterministic=True))


def write_source(pictures: list[Path], count: int, folder: Path) -> int:
    """Write at least so many crops, the same number of each picture, in random order. Returns their number."""
    each = -(-count // len(pictures))
    records = [record for number, path in enumerate(pictures) for record in crops_of(number, path, each)]
    records.sort()
    for file in range(NUM_FILES):
        name = f"photos-train.tfrecord-{file:05d}-of-{NUM_FILES:05d}"
        (folder / name).write_bytes(b"".join(record for _, record in records[file::NUM_FILES]))
    return len(records)


def large_jpegs(pictures: list[Path], count: int) -> Iterator[bytes]:
    """JPEGs of large crops with fine noise."""
    for index in range(count):
        random = np.random.default_rng([index])
        image = crop(read_picture(pictures[index % len(pictures)]), LARGE_HEIGHT, LARGE_WIDTH, random)
        noise = random.standard_normal(image.shape, np.float32) * np.float32(NOISE)
        yield jpeg(np.clip(np.rint(image + noise), 0, 255).astype(np.uint8))


# Processes


def timed(command: Callable[[str], list[str]]) -> Timed:
    """Run a command that writes into a new folder on the disk of this checkout, and remove what it made."""
    folder = tempfile.mkdtemp(prefix="bench-", dir=Path.cwd())
    try:
        os.sync()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = measure(command(folder))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        written = sum(path.stat().st_size for path in Path(folder).rglob("*tfrecord*"))
        return Timed(found.seconds, cpu_seconds, written)
    finally:
        shutil.rmtree(folder)


def tool(source: str, copies: int, image_format: str, beam: Beam, *more: str) -> Callable[[str], list[str]]:
    return lambda out: [
        TOOL, "--src", f"{source}/*.tfrecord*", "--num-classes", str(CLASSES), "--image-size", str(SIZE),
        "--image-format", image_format, "--alpha", "0.2", "--copies", str(copies), "--out", out, "--quiet", *more,
        *(("--", *beam) if beam else ())
    ]  # fmt: skip


def peer(source: str, copies: int, count: int, *more: str) -> Callable[[str], list[str]]:
    return lambda out: [sys.executable, PEER, source, out, str(copies), str(count), *more]


def spread(values: list[float], form: str = "6.2f") -> str:
    """Median, least and greatest."""
    return f"{statistics.median(values):{form}} ({min(values):.2f} to {max(values):.2f})"


# Tables


def comparison(source: str, count: int, runs: int, copies: list[int], kept: tuple[str, ...], beam: Beam) -> None:
    """Print one row for each number of copies. kept: more arguments of the peer."""
    cores = len(os.sched_getaffinity(0))
    click.echo(
        f"{'tf.data / mixup-augment':24} {'seconds':>17} {'ratio':>23} {'ms an output':>15} {'CPU ms':>13} "
        f"{f'cores of {cores}':>13}"
    )
    for number in copies:
        sides = peer(source, number, count, *kept), tool(source, number, "jpeg", beam)
        pairs = [(timed(sides[0]), timed(sides[1])) for _ in range(runs)]
        first, second = ([pair[side] for pair in pairs] for side in (0, 1))
        wall = [statistics.median(run.seconds for run in side) for side in (first, second)]
        cpu = [statistics.median(run.cpu_seconds for run in side) for side in (first, second)]
        share = [statistics.median(run.cpu_seconds / run.seconds for run in side) for side in (first, second)]
        each, cpu_each = ([1000 * value / (count * number) for value in values] for values in (wall, cpu))
        ratio = spread([a.seconds / b.seconds for a, b in pairs], "5.2f")
        click.echo(
            f"{f'{number} copies' if number > 1 else '1 copy':24} {wall[0]:8.2f} /{wall[1]:7.2f} {ratio:>23} "
            f"{each[0]:6.2f} / {each[1]:6.2f} {cpu_each[0]:5.2f} / {cpu_each[1]:5.2f} {share[0]:5.2f} / {share[1]:5.2f}"
        )


def formats(source: str, count: int, runs: int, beam: Beam) -> None:
    """Print one row for each image format. Starting and ending are taken off: a million examples hide them."""
    click.echo(f"{'one copy, starting taken off':28} {'bytes each':>12} {'GB per million':>15} {'s per million':>24}")
    few = ("--limit", str(FEW))
    found: dict[str, list[Timed]] = {name: [] for name in FORMATS}
    starts = []
    for _ in range(runs):
        starts.append(timed(tool(source, 1, "jpeg", beam, *few)).seconds)
        for name, runs_of in found.items():
            runs_of.append(timed(tool(source, 1, name, beam)))
    start = statistics.median(starts)
    for name, runs_of in found.items():
        size = runs_of[0].written_bytes / count
        seconds = [(run.seconds - start) * 1e6 / (count - FEW) for run in runs_of]
        between = f"{statistics.median(seconds):,.0f} ({min(seconds):,.0f} to {max(seconds):,.0f})"
        click.echo(f"{name:28} {size:12,.0f} {size * 1e6 / 1e9:15.1f} {between:>24}")


def large(pictures: list[Path], count: int, runs: int) -> None:
    """Print what decoding at a part of the size saves, and what it changes."""
    files, options = list(large_jpegs(pictures, count)), ImageOptions(size=(SIZE, SIZE))

    def decoded() -> tuple[list[Pixels], float]:
        started = time.perf_counter()
        found = [images.decode(data, (SIZE, SIZE, 3), options) for data in files]
        return found, time.perf_counter() - started

    ways: dict[str, list[float]] = {"whole": [], "scaled": []}
    results: dict[str, list[Pixels]] = {}
    for _ in range(runs):
        with patch.object(images, "_scale", lambda *_: 1):
            results["whole"], seconds = decoded()
        ways["whole"].append(seconds)
        results["scaled"], seconds = decoded()
        ways["scaled"].append(seconds)
    whole, scaled = ([1000 * seconds / count for seconds in way] for way in ways.values())
    click.echo(f"{count} JPEGs of {LARGE_WIDTH}x{LARGE_HEIGHT}, {sum(map(len, files)) / count / 1e6:.1f} MB each")
    click.echo(f"decoded whole, then shrunk:    {spread(whole)} ms each")
    click.echo(f"decoded at a part of its size: {spread(scaled)} ms each")
    click.echo(f"ratio:                         {spread([a / b for a, b in zip(whole, scaled, strict=True)])}x")
    noise = [psnr(a, b) for a, b in zip(results["whole"], results["scaled"], strict=True)]
    click.echo(f"PSNR between both:             {spread(noise)} dB")


def psnr(first: Pixels, second: Pixels) -> float:
    """Peak signal to noise between two images, in dB; 99 where they are equal."""
    error = np.square(first.astype(np.float64) - second).mean()
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


@click.command()
@click.option(
    "--pictures", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="Photographs."
)
@click.option("--examples", default=3000, show_default=True, help="Crops to cut at least.")
@click.option("--runs", default=5, show_default=True)
@click.option("--copies", default="1,10", show_default=True, help="Rows of the comparison, by comma.")
@click.option("--cached", is_flag=True, help="Let the peer keep all decoded images in memory.")
@click.option("--large", "show_large", is_flag=True, help="Large JPEGs, decoded whole and at a part of their size.")
@click.option("--formats", "show_formats", is_flag=True, help="Size and time of each image format.")
@click.argument("beam", nargs=-1, type=click.UNPROCESSED)
def main(
    pictures: Path,
    examples: int,
    runs: int,
    copies: str,
    cached: bool,
    show_large: bool,
    show_formats: bool,
    beam: Beam,
) -> None:
    """Print the tables asked for; the comparison, if none is."""
    found = pictures_in(pictures)
    if show_large:
        large(found, 40, runs)
    if show_large and not show_formats:
        return
    with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as source:
        count = write_source(found, examples, Path(source))
        size = sum(path.stat().st_size for path in Path(source).iterdir())
        click.echo(f"{count:,} crops of {len(found)} pictures, {size / 1e6:,.0f} MB, {size / count / 1e3:.1f} kB each")
        if show_formats:
            formats(source, count, runs, beam)
        else:
            comparison(source, count, runs, list(map(int, copies.split(","))), ("cached",) if cached else (), beam)


if __name__ == "__main__":
    main()
