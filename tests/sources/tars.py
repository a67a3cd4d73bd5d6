"""Tar files of samples, for several test files."""

import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mixup_pipeline import SourceConfig
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.source import Source
from tests.datasets import png, random_images

COUNT = 12
IMAGES = random_images(COUNT, (6, 5, 3))
Member = tuple[str, bytes]


def write_tar(path: Path, members: Iterable[Member], mode: Any = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def members(numbers: Iterable[int] = range(COUNT)) -> list[Member]:
    """Samples of an image and a class."""
    parts = (
        (f"d/{n:03}.png", png(IMAGES[n])) if part == "png" else (f"d/{n:03}.cls", b"%d\n" % (n % 3))
        for n in numbers
        for part in ("png", "cls")
    )
    return [*parts]


def with_json(fields: Any, name: str = "json") -> list[Member]:
    return [
        part
        for n in range(COUNT)
        for part in ((f"{n}.PNG", png(IMAGES[n])), (f"{n}.{name}", json.dumps(fields(n)).encode()))
    ]


def opened(path: Path, **options: Any) -> Source:
    return open_source(SourceConfig(src=str(path), **options))
