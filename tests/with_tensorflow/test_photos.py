"""The guide "Mix your own photographs", from 400 real photographs of many kinds to trained networks."""

import csv
import importlib.util
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from mixup_pipeline import read_examples
from mixup_pipeline.records.framing import read_records
from mixup_pipeline.records.tf_example import parse
from tests.generated import ROOT
from tests.with_tensorflow.test_examples import run_examples

SIZE = 64


def photo_maker() -> Any:
    spec = importlib.util.spec_from_file_location("make_photos", ROOT / "scripts/make_photos.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def area_average(image: npt.NDArray[np.float64], axis: int, size: int) -> npt.NDArray[np.float64]:
    """The exact mean of each of `size` equal parts along an axis."""
    total = np.concatenate([np.zeros_like(image.take([0], axis)), image.cumsum(axis)], axis)
    edges = np.arange(size + 1) * image.shape[axis] / size
    whole = np.minimum(edges.astype(int), image.shape[axis] - 1)
    shape = [-1 if dim == axis else 1 for dim in range(3)]
    sums = total.take(whole, axis) + (edges - whole).reshape(shape) * image.take(whole, axis)
    return np.diff(sums, axis=axis) * size / image.shape[axis]


def by_pillow(data: bytes) -> npt.NDArray[np.float64] | None:
    """The photograph as Pillow reads it, cropped and shrunk in float64; None if it would be enlarged."""
    with Image.open(io.BytesIO(data)) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I;16"):
            image = Image.fromarray(((np.asarray(image).astype(int) + 128) // 257).astype(np.uint8))
        if image.mode == "RGBA":
            image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image)
        pixels = np.asarray(image.convert("RGB"), np.float64)
    height, width = pixels.shape[:2]
    side = min(height, width)
    if side < SIZE:
        return None
    top, left = (height - side) // 2, (width - side) // 2
    return area_average(area_average(pixels[top : top + side, left : left + side], 0, SIZE), 1, SIZE)


@pytest.mark.slow
def test_the_guide_leads_from_a_folder_to_trained_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    photo_maker().make(tmp_path / "photos", damaged=True)
    run_examples("docs/photos")  # each command succeeds: mixup-verify finds each mixed photograph bit-exact

    manifest = json.loads(Path("mixed/manifest.json").read_text())
    source = manifest["source"]
    assert (source["examples"], source["skipped"], manifest["shape"]) == (318, 2, [SIZE, SIZE, 3])
    census = source["census"]
    assert census["images"] == 318
    assert set(census["formats"]) == {"JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF"}
    assert {"RGB", "grey", "palette", "CMYK", "RGBA"} == set(census["colours"])
    assert census["sizes"] > 300
    assert min(census["turned"], census["with_alpha"], census["bits"]["16"]) > 10
    assert len(list(csv.reader(Path("mixed/skipped.csv").read_text().splitlines()))) == 3
    assert Path("census.html").stat().st_size > 10_000
    assert json.loads(Path("runs/baseline/result.json").read_text())["epochs"] == 2

    clean = {e["mixup/base_id"]: e["image"] for e in read_examples("runs/mixed/prepared/evaluation")}
    assert len(clean) == 80
    differences = []
    (file,) = Path("data/photos/1.0.0").glob("photos-test.tfrecord-*")
    for record, (_, payload, _, _) in enumerate(read_records(file, file.name)):
        expected = by_pillow(parse(payload)["image"].bytes_list.value[0])
        if expected is not None:
            differences.append(np.abs(clean[f"{file.name}__{record}"] - expected).mean())
    assert len(differences) > 50
    assert max(differences) < 2  # CMYK: by one level, as decoders differ
