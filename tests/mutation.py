"""Mutated inputs for every reader of what comes from outside: none may raise a strange error, take much memory or long.

    python -m tests.mutation READER COUNT [SEED]     prints what came out, and the worst time and memory
    python -m tests.mutation all 100000

Each reader is given sound inputs with bits flipped, pieces cut, doubled, moved or put to extremes. It may read them, or
raise an error of ours (or ValueError, where the caller names the record). tests/test_mutation.py runs a few hundred.
"""

import copy
import gzip
import io
import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from PIL import Image

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.dataset.quick_check import checked_manifest, quick_check
from mixup_pipeline.errors import MixupError
from mixup_pipeline.records.framing import decompress, first_payload, pick_records, read_records, walk_records
from mixup_pipeline.records.tf_example import parse, position_of
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.scan import examiner
from mixup_pipeline.sources.schema import read_schema
from mixup_pipeline.spec import ExampleSpec
from tests.datasets import example, jpeg, png, random_images, write_records, write_tfds
from tests.helpers import decoded, image_shape
from tests.records.test_images import ANIMATED

SPEC = ExampleSpec(input_key="image", label_key="label", encoding="encoded", shape=(None,) * 3, num_classes=10)
VECTORS = ExampleSpec(input_key="image", label_key="label", encoding="vector", shape=(None,), num_classes=10)
PBTXT = b"""feature { name: "image" type: BYTES image_domain {} presence { min_count: 1 } }
feature { name: "label" type: INT int_domain { min: 0 max: 9 } shape { dim { size: 1 } } }
"""
EXTREME = [b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0" * 8, b"\xff" * 8, b"\xff" * 9 + b"\x01"]
JSON_VALUES: list[Any] = [
    *(None, True, [], {}, "", "\ud800", "\x1b[2J\n", -1, 0, 2**31, 2**63, 10**30, 1e308, 0.5, "9" * 400, "x" * 5000),
    *([[]] * 3, {"a": {"b": []}}, "{SPLIT:>1000000000}", "../../etc/passwd"),
]


@dataclass(frozen=True)
class Reader:
    """One reader. inputs: sound ones. read: reads one; raises what it raises. mutate: changes one."""

    inputs: list[bytes]
    read: Callable[[bytes], object]
    mutate: Callable[[bytes, random.Random], bytes]


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """One to four changes of any kind at random places."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        start = rng.randrange(len(changed) + 1)
        stop = min(len(changed), start + rng.choice((1, 2, 4, 8, 40, 400)))
        way = rng.randrange(7)
        if way == 0 and changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        elif way == 1:
            changed[start:stop] = rng.choice(EXTREME)
        elif way == 2:
            del changed[start:stop]
        elif way == 3:
            changed[start:start] = changed[start:stop] * rng.choice((1, 2, 50))
        elif way == 4:
            del changed[start:]
        elif way == 5:
            changed[start:stop] = rng.randbytes(stop - start)
        else:
            place = rng.randrange(len(changed) + 1)
            changed[place:place] = changed[start:stop]
    return bytes(changed)


def mutate_json(data: bytes, rng: random.Random) -> bytes:
    """Another value somewhere, a key more or less, or, one time in four, changed bytes."""
    if not rng.randrange(4):
        return mutate_bytes(data, rng)
    root = [json.loads(data)]
    for _ in range(rng.choice((1, 1, 2, 3))):
        holder, key = rng.choice(list(_places(root)))
        way = rng.randrange(5)
        if way < 3:
            holder[key] = copy.deepcopy(rng.choice(JSON_VALUES))
        elif way == 3:
            del holder[key]
            root = root or [None]
        else:
            places = list(_places(root))
            other, other_key = rng.choice(places)
            holder[key] = json.loads(json.dumps(other[other_key]))
    text = json.dumps(root[0])
    if not rng.randrange(30):
        text = text.replace("{", '{"a":' + "[" * 50_000, 1)
    return text.encode()


def _places(value: Any) -> Any:
    keys = range(len(value)) if isinstance(value, list) else list(value)
    for key in keys:
        yield value, key
        if isinstance(value[key], list | dict) and value[key]:
            yield from _places(value[key])


def readers(folder: Path) -> dict[str, Reader]:
    """All readers, which use this folder."""
    images = random_images(3, (28, 28, 1)), random_images(2, (20, 31, 3))
    pngs, jpegs = [png(image) for some in images for image in some], [jpeg(image) for image in images[1]]
    flat = np.kron(random_images(1, (4, 4, 1))[0], np.ones((20, 20, 1), np.uint8))
    examples = [example({"image": file, "label": 3, "id": b"x"}) for file in (*pngs, *jpegs)]
    vectors = [example({"image": [0.5] * 9, "label": 3}), example({"image": [1.0], "label": 3})]
    records = write_records(folder / "records", examples[:3]).read_bytes()
    info, features, manifest = _descriptions(folder)
    return {
        "png": Reader([*pngs, png(flat), ANIMATED], _image, mutate_bytes),
        "jpeg": Reader([*jpegs, jpeg(flat)], _image, mutate_bytes),
        **{kind: Reader(files, _image, mutate_bytes) for kind, files in _other_files(images[1]).items()},
        "tf.Example": Reader(examples, _examined(SPEC), mutate_bytes),
        "vector": Reader(vectors, _examined(VECTORS), mutate_bytes),
        "TFRecord": Reader([records], _framed(folder / "mutated"), mutate_bytes),
        "gzip": Reader([gzip.compress(records)], _inflated(folder / "mutated"), mutate_bytes),
        "dataset_info.json": Reader([info.read_bytes()], _tfds(info), mutate_json),
        "features.json": Reader([features.read_bytes()], _tfds(features), mutate_json),
        "schema.pbtxt": Reader([PBTXT], _schema(folder / "mutated.pbtxt"), mutate_bytes),
        "manifest.json": Reader([manifest.read_bytes()], _checked(manifest), mutate_json),
    }


def _descriptions(folder: Path) -> tuple[Path, Path, Path]:
    """dataset_info.json and features.json of a source, and the manifest of what was mixed of another one."""
    from mixup_pipeline import MixConfig
    from mixup_pipeline.run.request import Request
    from tests.run.test_every_stop import mix

    described = [write_tfds(folder / f"{name}/shapes/1.0.0", num_examples=4).folder for name in ("info", "features")]
    source = write_tfds(folder / "mixed/shapes/1.0.0", num_examples=4).folder
    mix(folder / "out", Request(source=open_source(SourceConfig(src=str(source))), config=MixConfig()))
    return described[0] / "dataset_info.json", described[1] / "features.json", folder / "out/manifest.json"


def _other_files(images: npt.NDArray[np.uint8]) -> dict[str, list[bytes]]:
    """Image files that Pillow writes and reads, by format."""
    first, second = map(Image.fromarray, images)
    both: dict[str, Any] = {"save_all": True, "append_images": [second]}
    return {
        "webp": [_saved(first, "WEBP"), _saved(first, "WEBP", lossless=True), _saved(first, "WEBP", **both)],
        "gif": [_saved(first.quantize(16), "GIF", transparency=1), _saved(first, "GIF", **both)],
        "bmp": [_saved(image, "BMP") for image in (first, first.quantize(16), first.convert("1"))],
        "tiff": [
            _saved(first, "TIFF", **both),
            *(_saved(first, "TIFF", compression=f"tiff_{how}", tiffinfo={274: 6}) for how in ("lzw", "adobe_deflate")),
            _saved(first, "TIFF", compression="jpeg"),
        ],
    }


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _image(data: bytes) -> object:
    shape = image_shape(data)
    return decoded(data, shape[2])


def _examined(spec: ExampleSpec) -> Callable[[bytes], object]:
    examine = examiner(spec, decode=True)

    def read(data: bytes) -> object:
        parsed = parse(data)
        position_of(b"never there", data)
        return parsed and examine(data)

    return read


def _framed(path: Path) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        path.write_bytes(data)
        for reader in (read_records, walk_records):
            try:
                list(reader(path, "a"))
            except MixupError:
                continue
        return list(pick_records(path, "a", {1})), first_payload(path, "a")

    return read


def _inflated(path: Path) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        path.write_bytes(data)
        decompress(path, "a", path.with_name("plain"))
        return first_payload(path, "a")

    return read


def _tfds(path: Path) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        path.write_bytes(data)
        return open_source(SourceConfig(src=str(path.parent)))

    return read


def _schema(path: Path) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        path.write_bytes(data)
        read_schema(str(path))
        return open_source(SourceConfig(src=str(path.with_name("records")), schema=str(path)))

    return read


def _checked(path: Path) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        path.write_bytes(data)
        manifest, faults = checked_manifest(path.parent)
        return faults if manifest is None or faults else quick_check(path.parent, manifest)

    return read


@dataclass
class Outcome:
    """What came of the mutated inputs of a reader. strange: errors that are not ours, with the seed of the first."""

    ends: Counter[str]
    strange: dict[str, int]
    slowest_seconds: float = 0.0
    grown_bytes: int = 0


def campaign(reader: Reader, count: int, seed: int = 0) -> Outcome:
    """Read so many mutated inputs."""
    outcome, before = Outcome(Counter(), {}), _peak_bytes()
    for number in range(seed, seed + count):
        rng = random.Random(number)
        data = reader.mutate(rng.choice(reader.inputs), rng)
        started = time.process_time()
        try:
            reader.read(data)
            end = "read"
        except (MixupError, ValueError) as error:
            end = type(error).__name__
        except Exception as error:  # what the campaign looks for
            end = f"STRANGE {type(error).__name__}: {str(error)[:60]}"
            outcome.strange.setdefault(end, number)
        outcome.ends[end] += 1
        outcome.slowest_seconds = max(outcome.slowest_seconds, time.process_time() - started)
    outcome.grown_bytes = _peak_bytes() - before
    return outcome


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main(name: str, count: str, seed: str = "0") -> None:
    with tempfile.TemporaryDirectory() as folder:
        known = readers(Path(folder))
        for chosen in known if name == "all" else [name]:
            outcome = campaign(known[chosen], int(count), int(seed))
            ends = ", ".join(f"{end} {times:,}" for end, times in outcome.ends.most_common())
            memory = f"{outcome.grown_bytes / 1e6:.0f} MB more memory at the peak"
            click.echo(f"{chosen}: {ends}; slowest {outcome.slowest_seconds:.2f} s, {memory}")
            for end, number in outcome.strange.items():
                click.echo(f"  {end}: seed {number}")


if __name__ == "__main__":
    main(*sys.argv[1:])
