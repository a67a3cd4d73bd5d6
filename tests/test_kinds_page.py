"""docs/kinds.md: every command in its table mixes what the row says. Inputs of all kinds are made here, small."""

import gzip
import hashlib
import io
import json
import re
import shlex
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from mixup_pipeline.cli.augment import main
from mixup_pipeline.dataset.manifest import read_manifest
from mixup_pipeline.dataset.verify import verify
from mixup_pipeline.records.tf_example import serialize
from tests.datasets import (
    image_feature,
    label_feature,
    png,
    random_images,
    tensor_feature,
    write_features,
    write_prepared,
    write_records,
)
from tests.reference import shard_hashes

PAGE = (Path(__file__).parents[1] / "docs" / "kinds.md").read_text()
COMMANDS = re.findall(r"^\| .+ \| `mixup-augment (.+)` \|$", PAGE, re.MULTILINE)
GOLDEN = {
    "--src mnist_sample": "a1fb115760d96a7a",
    "--src tfds/shapes/1.0.0": "236808e86eb17c9c",
    "--src photos --image-size 32": "b703ebf1607a657b",
    "--src split_photos --split train": "b7c4a750a02c7bdd",
    "--src listed --image-size 32 --keep age": "2e0a857c531720dd",
    "--src 'hub/train-*.parquet'": "541fc9eefe88b5f8",
    "--src flowers.csv --label-key species": "2137dd599d4edfdb",
    "--src flowers.csv --label-key kind": "5629ace0287bf1ab",
    "--src flowers.csv --label-key species --columns petal_length,petal_width": "360a532af1b44c78",
    "--src flowers.csv --label-key petal_width --label-kind regression --pairing near-label": "d7fadea861c87752",
    "--src flowers.csv --label-key thorny,fragrant --label-kind multi-label": "31e699c4a42abf5b",
    "--src tagged --label-key tags --label-kind multi-label": "3c957b9cb311e2af",
    "--src digits.npz": "cc0b3bcaf89bc902",
    "--src x.npy --label-key y.npy": "23b3ad0051d6002f",
    "--src 'shards/part-*.tar' --num-classes 3": "8d36873f857a53f2",
    "--src images.tfrecord --num-classes 3": "33909ab8f80f4cd0",
    "--src images.tfrecord.gz --num-classes 3": "6fd68ced91e17727",
    "--src texts.tfrecord": "d8f18fb9a0b24539",
    "--src multi_hot.tfrecord --label-kind multi-label": "60925b0610302102",
    "--src class_lists.tfrecord --label-kind multi-label --num-classes 3": "008d0d2171284fe6",
    "--src one_hot.tfrecord": "1723526401e109d3",
    "--src vectors.tfrecord --num-classes 3": "389f75638c1ba50c",
    "--src sound.tfrecord --num-classes 3": "8a997c7c11ba7b2f",
    "--src spectrograms.tfrecord --schema spectrograms.json": "ec88f6fc3abda207",
    "--src columns.tfrecord --columns height,width,count --num-classes 3": "baaca29ee9428c29",
    "--src images.tfrecord --num-classes 3 --pairing class-balanced": "83bff1905a5c254c",
    "--src patients.tfrecord --num-classes 3 --group-key patient --pairing cross-group": "89bd406a7ec13405",
    "--src patients.tfrecord --num-classes 3 --keep patient,site": "b5e68201676852ef",
}
"""What each command writes. If one of these changes, so do the outputs of users: say so in CHANGELOG.md."""
COUNT = 24
NAMES = ["ant", "bee", "cat"]
IMAGES = random_images(COUNT, (8, 8, 1))


def picture(example: int) -> bytes:
    return png(IMAGES[example])


def records(path: Path, features: Callable[[int], dict[str, Any]]) -> Path:
    return write_records(path, [serialize(features(example)) for example in range(COUNT)])


def hot(example: int) -> list[int]:
    return [int(number in (example % 3, example // 3 % 3)) for number in range(3)]


def present(example: int) -> list[int]:
    return [number for number, there in enumerate(hot(example)) if there]


def sound(example: int) -> list[int]:
    return [(7 * example * time) % 501 - 250 for time in range(900)]


def floats(example: int, count: int) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    return np.random.default_rng(example).standard_normal(count).astype(np.float32)


def make_records(folder: Path) -> None:
    plain = records(folder / "images.tfrecord", lambda i: {"image": picture(i), "label": [i % 3]})
    (folder / "images.tfrecord.gz").write_bytes(gzip.compress(plain.read_bytes()))
    records(folder / "texts.tfrecord", lambda i: {"image": picture(i), "label": NAMES[i % 3].encode()})
    records(folder / "multi_hot.tfrecord", lambda i: {"image": picture(i), "label": hot(i)})
    records(folder / "class_lists.tfrecord", lambda i: {"image": picture(i), "label": present(i)})
    records(folder / "one_hot.tfrecord", lambda i: {"image": picture(i), "label": np.eye(3, dtype=np.float32)[i % 3]})
    records(folder / "vectors.tfrecord", lambda i: {"embedding": floats(i, 16), "label": [i % 3]})
    records(folder / "sound.tfrecord", lambda i: {"audio": sound(i), "label": [i % 3]})
    records(folder / "spectrograms.tfrecord", lambda i: {"image": floats(i, 12 * 10), "label": [i % 3]})
    write_features(
        folder / "spectrograms.json", {"image": tensor_feature("float32", (12, 10)), "label": label_feature(3)}
    )
    records(
        folder / "columns.tfrecord",
        lambda i: {"height": floats(i, 1), "width": floats(i + 99, 1), "count": [i], "label": [i % 3]},
    )
    records(
        folder / "patients.tfrecord",
        lambda i: {"image": picture(i), "label": [i % 3], "patient": [i // 4], "site": NAMES[i % 2].encode()},
    )


def make_folders(folder: Path) -> None:
    for example in range(COUNT):
        for below in ("photos", "split_photos/train", "split_photos/test"):
            path = folder / below / NAMES[example % 3] / f"{example:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(
                png(random_images(1, (8 + example, 9, 3), example)[0] if below == "photos" else IMAGES[example])
            )
            listed = folder / "listed" / f"{example}.png"
            listed.parent.mkdir(exist_ok=True)
            listed.write_bytes(path.read_bytes())
    rows = [f"{example}.png,{NAMES[example % 3]},{example / 2}" for example in range(COUNT)]
    (folder / "listed/metadata.csv").write_text("\n".join(["file_name,label,age", *rows]) + "\n")
    (folder / "tagged").mkdir()
    for example in range(COUNT):
        (folder / f"tagged/{example}.png").write_bytes(picture(example))
    tagged = [{"file_name": f"{i}.png", "tags": [NAMES[number] for number in present(i)]} for i in range(COUNT)]
    (folder / "tagged/metadata.jsonl").write_text("\n".join(map(json.dumps, tagged)))
    features = {"image": image_feature((8, 8, 1)), "label": label_feature(3)}
    payloads = [serialize({"image": picture(i), "label": [i % 3]}) for i in range(COUNT)]
    write_prepared(folder / "tfds/shapes/1.0.0", payloads, features)


def make_tables(folder: Path) -> None:
    images = pa.array([{"bytes": picture(i), "path": None} for i in range(COUNT)])
    (folder / "hub").mkdir()
    names = '{"info": {"features": {"label": {"names": ["ant", "bee", "cat"], "_type": "ClassLabel"}}}}'
    table = pa.table({"image": images, "label": [i % 3 for i in range(COUNT)]})
    pa.parquet.write_table(
        table.replace_schema_metadata({"huggingface": names}), folder / "hub/train-00000-of-00001.parquet"
    )
    columns = {name: floats(number, COUNT) for number, name in enumerate(("petal_length", "petal_width", "stem"))}
    classes = {"species": [NAMES[i % 3] for i in range(COUNT)], "kind": [1 + i % 3 for i in range(COUNT)]}
    marks = {"thorny": [i % 2 for i in range(COUNT)], "fragrant": [i // 2 % 2 for i in range(COUNT)]}
    pa.csv.write_csv(pa.table(columns | classes | marks), folder / "flowers.csv")


def make_arrays(folder: Path) -> None:
    labels = np.arange(COUNT) % 10
    np.savez(
        folder / "digits.npz", x_train=IMAGES[..., 0], y_train=labels, x_test=IMAGES[:4, ..., 0], y_test=labels[:4]
    )
    np.save(folder / "x.npy", np.stack([floats(i, 6) for i in range(COUNT)]))
    np.save(folder / "y.npy", labels)
    (folder / "shards").mkdir()
    for part in range(2):
        with tarfile.open(folder / f"shards/part-{part}.tar", "w") as tar:
            for example in range(part, COUNT, 2):
                for suffix, content in (("png", picture(example)), ("cls", str(example % 3).encode())):
                    member = tarfile.TarInfo(f"{example:04d}.{suffix}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    for make in (make_records, make_folders, make_tables, make_arrays):
        make(folder)
    return folder


def digest_of(out: Path) -> str:
    """Of the names and contents of all shards."""
    return hashlib.sha256(json.dumps(shard_hashes(out)).encode()).hexdigest()[:16]


def test_the_page_has_a_row_for_every_kind() -> None:
    assert [*GOLDEN] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_it_mixes_and_verifies(command: str, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inputs)
    out = tmp_path / "out"
    done = CliRunner().invoke(main, [*shlex.split(command), "--out", str(out), "--quiet"])
    assert done.exit_code == 0, done.output
    manifest = read_manifest(out)
    bundled = "mnist_sample" in command
    assert manifest.totals.mixed == (6000 if bundled else COUNT)
    asked = manifest.source.origin.asked if manifest.source.origin is not None else None
    assert digest_of(out) == GOLDEN[command]
    verdict = verify(out, against=asked, sample=50)
    assert (verdict.faults, verdict.wrong_source) == ([], None)
    assert verdict.recomputed == min(50, manifest.totals.mixed)
