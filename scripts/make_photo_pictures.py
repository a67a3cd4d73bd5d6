"""Make the pictures of docs/photos.md anew: `make pictures`. Needs scikit-image, TensorFlow Datasets and Chromium."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from make_photos import make, photographs, saved
from make_pictures import FOLDER, ROOT, browser, run
from matplotlib.figure import Figure

from mixup_pipeline.records.images import decode, image_facts
from mixup_pipeline.spec import ImageOptions

SIDE = 224


def prepare(folder: Path) -> None:
    """Make the photographs a TFDS dataset, by the program of the guide."""
    make(folder / "photos", damaged=True)
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/photos.md").read_text(), re.DOTALL)
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)


def draw_resize() -> None:
    """The same photograph as it is, cropped, padded and stretched."""
    data = saved(photographs()["coffee"].crop((60, 40, 600, 340)), "PNG")
    stored = image_facts(data).shape(turned=True)
    figure = Figure((9, 2.5), layout="constrained")
    ratio = stored[1] / stored[0]
    axes = figure.subplots(1, 4, width_ratios=[ratio, 1, 1, 1])
    images = {f"as stored, {stored[0]}x{stored[1]}": decode(data, stored)}
    for how in ("crop", "pad", "stretch"):
        images[f"--resize {how}"] = decode(data, (SIDE, SIDE, 3), ImageOptions(size=(SIDE, SIDE), resize=how))
    for axis, (title, image) in zip(axes, images.items(), strict=True):
        axis.imshow(image)
        axis.set_title(title, fontsize=10)
        axis.axis("off")
    figure.savefig(FOLDER / "resize.png", dpi=100)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        source = ("photos", "--data-dir", folder / "data")
        run("mixup-inspect", *source, "--census", "--image-size", SIDE, "--html", folder / "census.html")
        mixed = folder / "mixed"
        choices = ("--image-size", SIDE, "--alpha", "1", "--on-bad-record", "skip")
        run("mixup-augment", "--src", *source, *choices, "--out", mixed)
        pictured = ("--preview", FOLDER / "photos.png", "--count", "6", "--sort", "lam")
        run("mixup-inspect", mixed, "--data-dir", folder / "data", *pictured)
        with browser() as opened:
            page = opened.new_page(viewport={"width": 900, "height": 1060})
            page.goto((folder / "census.html").as_uri())
            page.screenshot(path=FOLDER / "census.png")
    draw_resize()


if __name__ == "__main__":
    main()
