"""Sources of other kinds than TFRecord in a store: the same bytes as from a disk."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from mixup_pipeline.storage.places import ObjectPath
from tests.cli.inprocess import run_augment, run_verify, succeed
from tests.datasets import png, random_images
from tests.real_stores.test_end_to_end import fetched
from tests.reference import shard_hashes

COUNT = 24
NAMES = ["Käfer", "bee 2", "cat"]
IMAGES = random_images(COUNT, (6, 5, 3))


def class_folders(root: Path) -> tuple[str, ...]:
    for number, image in enumerate(IMAGES):
        path = root / "photos" / "train" / NAMES[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(image))
    hidden = root / "photos" / "train" / NAMES[0] / ".thumbs" / "0.png"
    hidden.parent.mkdir()
    hidden.write_bytes(path.read_bytes())
    return ("photos",)


def image_list(root: Path) -> tuple[str, ...]:
    (root / "listed").mkdir()
    rows = ["file_name,label,age"]
    for number, image in enumerate(IMAGES):
        (root / "listed" / f"{number}.png").write_bytes(png(image))
        rows.append(f"{number}.png,{NAMES[number % 3]},{number / 2}")
    (root / "listed/metadata.csv").write_text("\n".join(rows))
    return ("listed", "--keep", "age")


def table(root: Path) -> tuple[str, ...]:
    rows = [f"{number},{number / 4},{NAMES[number % 3]}" for number in range(COUNT)]
    (root / "table.csv").write_text("\n".join(["x,y,kind", *rows]) + "\n")
    return ("table.csv", "--label-key", "kind")


def parquet(root: Path) -> tuple[str, ...]:
    images = pa.array([{"bytes": png(image), "path": None} for image in IMAGES])
    labels = [NAMES[number % 3] for number in range(COUNT)]
    pa.parquet.write_table(pa.table({"image": images, "label": labels}), root / "a.parquet", row_group_size=5)
    return ("a.parquet",)


def arrays(root: Path) -> tuple[str, ...]:
    np.savez(root / "a.npz", x=IMAGES, y=np.arange(COUNT) % 3)
    return ("a.npz", "--num-classes", "3")


def tar(root: Path) -> tuple[str, ...]:
    with tarfile.open(root / "a.tar", "w") as file:
        for number, image in enumerate(IMAGES):
            for suffix, content in (("png", png(image)), ("cls", str(number % 3).encode())):
                member = tarfile.TarInfo(f"{number:03d}.{suffix}")
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))
    return ("a.tar", "--num-classes", "3")


@pytest.mark.parametrize("make", [class_folders, image_list, table, parquet, arrays, tar])
def test_it_gives_the_same_bytes_as_on_a_disk(
    folder: ObjectPath, tmp_path: Path, make: Callable[[Path], tuple[str, ...]]
) -> None:
    root = tmp_path / "data"
    root.mkdir()
    src, *options = make(root)
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        folder.joinpath(*path.relative_to(root).parts).write_bytes(path.read_bytes())
    more = (*options, "--copies", "2", "--quiet")
    succeed(run_augment("--src", root / src, "--out", tmp_path / "local", *more))
    succeed(run_augment("--src", str(folder / src), "--out", str(folder / "out"), *more))
    assert fetched(folder / "out", tmp_path / "fetched") == shard_hashes(tmp_path / "local")
    assert "is complete and bit-exact" in succeed(run_verify(str(folder / "out"), "--against", str(folder / src)))
