"""Class folders: a folder of images of one class. Its name is the label of each. It is converted to a listing."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import ClassVar

from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.images import IMAGE_SIGNATURES
from mixup_pipeline.sources.file_formats import FileFormat
from mixup_pipeline.sources.file_formats.listing import LABEL_KEY, write_listing
from mixup_pipeline.sources.index import NamedFile
from mixup_pipeline.sources.source import is_text
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.places import ObjectPath, Place, place
from mixup_pipeline.storage.range_reader import RangeReader
from mixup_pipeline.storage.stamps import Stamp, stamp

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"})
_HEAD_BYTES = 16


@dataclass(frozen=True)
class FolderContent:
    """The files below a folder, by their names there, in their order. others: those that are no images."""

    images: tuple[str, ...]
    others: tuple[str, ...]


def folder_content(folder: Place) -> FolderContent:
    """Find the images below a folder, at any depth. A file is one by the end of its name, or by how it begins.

    Raises SourceError where a folder cannot be listed.
    """
    images: list[str] = []
    others: list[str] = []
    for name in sorted(_files_below(folder)):
        (images if _is_image(folder, name) else others).append(name)
    return FolderContent(images=tuple(images), others=tuple(others))


def holds_an_image(folder: Place) -> bool:
    """Whether there is an image below a folder, at any depth. Stops at the first."""
    return any(_is_image(folder, name) for name in _files_below(folder))


def _files_below(folder: Place) -> Iterator[str]:
    if isinstance(folder, ObjectPath):
        first = len(folder.key.rstrip("/")) + 1 if folder.key else 0
        names = (path.key[first:] for path in folder.walk_files() if not path.key.endswith("/"))
        yield from (name for name in names if not any(map(is_hidden, name.split("/")[:-1])))
        return
    above: dict[str, tuple[str, ...]] = {}
    for where, folders, files in os.walk(folder, onerror=_raised, followlinks=True):
        walked = (*above.pop(where, ()), os.path.realpath(where))
        folders[:] = [name for name in folders if not is_hidden(name) and not _leads_back(walked, where, name)]
        above.update((f"{where.rstrip('/')}/{name}", walked) for name in folders)
        below = os.path.relpath(where, folder)
        yield from (name if below == "." else f"{below}/{name}" for name in files)


def is_hidden(name: str) -> bool:
    """Whether a folder is none that people mean: hidden, or what macOS adds to archives."""
    return name.startswith(".") or name == "__MACOSX"


def _leads_back(walked: tuple[str, ...], where: str, name: str) -> bool:
    """Whether a folder is a link to one that it lies in. walked: the real paths of the folders on the way to it.

    The way may go over other links: two that lead to each other would be followed for ever otherwise.
    """
    real = os.path.realpath(f"{where}/{name}").rstrip("/") + "/"
    return any(f"{folder}/".startswith(real) for folder in walked)


def _raised(error: OSError) -> None:
    raise SourceError(f"{error.filename}: cannot be listed ({error.strerror or error})") from error


def _is_image(folder: Place, name: str) -> bool:
    last = name.rpartition("/")[2]
    if last.startswith("."):
        return False
    if PurePath(last).suffix.lower() in IMAGE_SUFFIXES:
        return True
    try:
        with RangeReader(folder / name) as file:
            head = file.read(_HEAD_BYTES, 0)
        return head.startswith(IMAGE_SIGNATURES) and not (head.startswith(b"RIFF") and head[8:12] != b"WEBP")
    except OSError:  # a pipe, or a link to nothing
        return False


class ClassFolder(FileFormat):
    """A folder whose images are all of one class."""

    converted_to: ClassVar[str] = "listing"
    file_stamp: ClassVar[bool] = False

    def convert(self, file: NamedFile, spec: ExampleSpec, target: Path) -> None:
        """List the images, in the order of their names, each with the name of the folder as its label."""
        folder = place(file.path)
        names = folder_content(folder).images
        odd = next((name for name in names if not is_text(name)), None)
        if odd is not None:
            raise SourceError(f"{file.path}/{odd!a}: the name is not UTF-8, so that no id can hold it: rename it")
        write_listing(target, folder, ((name, {LABEL_KEY: folder.name}) for name in names))

    def stamp(self, path: Place) -> Stamp:
        """A hash over the stamps of all images below the folder."""
        told = hashlib.sha256()
        for name in folder_content(path).images:
            told.update(os.fsencode(name))
            try:
                told.update(repr(stamp(path / name)).encode())
            except OSError:  # a link to nothing: its record is bad
                told.update(b"?")
        return (told.hexdigest(),)


FORMAT = ClassFolder()
