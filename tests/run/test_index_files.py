"""Index files: kept while the source file is the same one, made anew when it is another."""

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from mixup_pipeline import MixConfig, SourceConfig
from mixup_pipeline.run import index_files
from mixup_pipeline.run.index_files import index_file
from mixup_pipeline.run.work_folder import WorkFolder
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.scan import Scanned, scan_file
from mixup_pipeline.sources.source import SourceFile
from tests.datasets import example, png, random_images, write_records, write_tfds


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were scanned."""
    names: list[str] = []

    def noting_scan(file: SourceFile, *arguments: Any, **more: Any) -> Scanned:
        names.append(file.name)
        return scan_file(file, *arguments, **more)

    monkeypatch.setattr(index_files, "scan_file", noting_scan)
    return names


def test_a_file_is_scanned_again_only_when_it_has_changed(tmp_path: Path, scanned: list[str]) -> None:
    source = open_source(SourceConfig(src=str(write_tfds(tmp_path / "shapes/1.0.0", num_examples=6).folder)))
    (file,), work = source.files, WorkFolder.of(tmp_path)
    work.create()
    first = index_file(file, source.spec, MixConfig(), work)
    assert index_file(file, source.spec, MixConfig(), work) == first
    assert scanned == [file.name]

    path = Path(file.path)
    before = path.stat()
    images = random_images(6, (6, 5, 1), seed=1)
    write_records(path, [example({"image": png(image), "label": 3}) for image in images])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    second = index_file(file, source.spec, MixConfig(), work)
    assert scanned == [file.name] * 2
    assert work.entries(0)["class_id"].tolist() == [3] * 6
    assert second.examples == first.examples == 6


def test_the_index_of_a_compressed_file_is_of_use_only_with_its_copy(tmp_path: Path, scanned: list[str]) -> None:
    path = tmp_path / "shapes.tfrecord.gz"
    plain = write_records(
        tmp_path / "plain", [example({"image": png(image), "label": 0}) for image in random_images(3, (6, 5, 1))]
    )
    path.write_bytes(gzip.compress(plain.read_bytes()))
    source = open_source(SourceConfig(src=str(path), num_classes=2))
    (file,), work = source.files, WorkFolder.of(tmp_path)
    work.create()
    first = index_file(file, source.spec, MixConfig(), work)
    Path(first.path).unlink()
    assert index_file(file, source.spec, MixConfig(), work) == first
    assert Path(first.path).read_bytes() == plain.read_bytes()
    assert scanned == [file.name] * 2
