"""Memory and time of decoding, measured in a process of its own: other tests of this one have used more already."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_CHILD = """
import json, sys, time
from pathlib import Path
from mixup_pipeline.records.images import decode, image_facts
from mixup_pipeline.spec import ImageOptions

def peak_bytes():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024

def measured(data, shape):
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is in use now
    before, started, said = peak_bytes(), time.process_time(), ""
    try:
        image_facts(data)
        decode(data, shape, ImageOptions(size=shape[:2]))
    except ValueError as error:
        said = str(error)
    return said, time.process_time() - started, peak_bytes() - before
"""
_OF_FILES = """
for path in sys.argv[1:]:
    print(json.dumps([Path(path).name, *measured(Path(path).read_bytes(), (8, 8, 3))]))
"""
_OF_LARGE_ONES = """
import numpy as np
from tests.records.test_images import GREY, GREY_ALPHA, RGB, RGBA, chunk, png_file
SIDE, KEY = 1500, chunk(b"tRNS", b"\\0\\1" * 3)
for name, colour, channels, depth, before in (
    ("RGB", RGB, 3, 8, b""),
    ("RGBA", RGBA, 4, 8, b""),
    ("RGBA of 16 bits", RGBA, 4, 16, b""),
    ("RGB of 16 bits", RGB, 3, 16, b""),
    ("grey with alpha", GREY_ALPHA, 2, 8, b""),
    ("RGB with a transparent colour", RGB, 3, 8, KEY),
):
    data = png_file(SIDE, SIDE, colour, [bytes(SIDE * channels * depth // 8)] * SIDE, depth=depth, before=before)
    for wanted in (3, 4):
        print(json.dumps([f"{name} as {wanted}", *measured(data, (224, 224, wanted))]))
"""
BAD = sorted((Path(__file__).parents[1] / "data/images/bad").iterdir())
_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to tell the peak of a process")


def measured(code: str, *arguments: Path) -> dict[str, tuple[str, float, int]]:
    """What was said, the seconds and the bytes, by name."""
    command = [sys.executable, "-c", _CHILD + code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert (done.returncode, done.stderr) == (0, "")
    return {name: (said, seconds, size) for name, said, seconds, size in map(json.loads, done.stdout.splitlines())}


@_LINUX
@pytest.mark.slow
def test_bad_files_are_refused_at_little_cost() -> None:
    found = measured(_OF_FILES, *BAD)
    assert len(found) == len(BAD) > 5
    for said, seconds, size in found.values():
        assert said
        assert seconds < 1
        assert size < 100e6


@_LINUX
@pytest.mark.slow
def test_an_image_takes_a_few_times_its_own_memory() -> None:
    """Its pixels may be 100 million. Those with transparency took 40 bytes for each."""
    found = measured(_OF_LARGE_ONES)
    assert len(found) == 6 * 2
    for name, (said, _, size) in found.items():
        assert said == ""
        assert size / 1500**2 < (18 if "16 bits" in name else 15), name
