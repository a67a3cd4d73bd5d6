"""WebDataset: tar files of samples, given by a path or a pattern. The first sample of the first file tells its parts.

The image is the part called jpg, png or the like. The label is the part cls, an integer; or a field of the part json;
or the text of the part txt. Nothing in a tar tells how many classes there are, so the user does.
"""

from functools import partial

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.errors import SourceError, UsageError
from mixup_pipeline.sources.choosing import Described
from mixup_pipeline.sources.describing import described_source, name_of
from mixup_pipeline.sources.feature import Feature, Schema, is_usable, listed
from mixup_pipeline.sources.file_formats.tar import (
    CLASS_KEY,
    IMAGE_KEY,
    IMAGE_PARTS,
    JSON_KEY,
    TEXT_KEY,
    Sample,
    fields_of,
    images_of,
    samples,
)
from mixup_pipeline.sources.listed_files import matching_places, source_files
from mixup_pipeline.sources.seen_values import Values
from mixup_pipeline.sources.source import Source, SourceFile, SourceKind
from mixup_pipeline.sources.split_names import of_one_split
from mixup_pipeline.sources.text_classes import text_classes
from mixup_pipeline.sources.tfrecord import names_files
from mixup_pipeline.storage.places import Place, place

_SUFFIXES = (".tar", ".tar.gz", ".tgz")
_IMAGE = Feature(text="image file", input_kind="encoded", shape=(None, None, None))


def takes(config: SourceConfig) -> bool:
    """Whether src is a tar file, or a pattern for such files.

    Raises UsageError for braces, which WebDataset itself takes.
    """
    if not config.src.lower().endswith(_SUFFIXES):
        return False
    if "{" in config.src and ".." in config.src and not names_files(config):
        raise UsageError(f"--src {config.src}: braces are no pattern here: write * in their place, in quotes")
    return names_files(config)


def open_webdataset(config: SourceConfig) -> Source:
    """Describe the samples of tar files.

    Raises UsageError if nothing matches or an option is missing. Raises SourceError if the first sample cannot be read.
    """
    if config.schema is not None:
        raise UsageError(f"--schema is for TFRecord files, but --src {config.src} is tar: leave out --schema")
    paths, split, notes = of_one_split(matching_places(config), config)
    files = source_files(paths, _format)
    first = _first_sample(files, config)
    schema = _schema(first, files[0].name, config)
    if config.label_key is None:
        _check_label(schema, files[0].name, first)
    described = Described(
        schema=schema,
        where=f"{files[0].name} (sample {first.key!r})",
        supervised=(None, CLASS_KEY),
        class_texts=partial(text_classes, files),
    )
    name = name_of(paths[0])
    return described_source(config, described, name=name, split=split, files=files, notes=tuple(notes))


def webdataset_files(config: SourceConfig) -> tuple[SourceFile, ...]:
    """The tar files that match, in the order of their names."""
    return source_files(of_one_split(matching_places(config), config)[0], _format)


def _format(path: Place) -> str:
    return "tar"


def _first_sample(files: tuple[SourceFile, ...], config: SourceConfig) -> Sample:
    """The first sample of the first file that has one."""
    for file in files:
        try:
            found = next(samples(place(file.path), file.name), None)
        except OSError as error:
            raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error
        if found is not None:
            return found
    raise SourceError(f"--src {config.src}: no file holds a sample, such as 000.jpg and 000.cls")


def _schema(sample: Sample, name: str, config: SourceConfig) -> Schema:
    """The features of a sample: its parts, and the fields of its JSON part."""
    images = images_of(sample)
    try:
        fields = fields_of(sample)
    except ValueError as error:
        raise SourceError(f"{name}: sample {sample.key!r}: {error}") from error
    schema = {}
    for key, value in fields.items():
        values = Values()
        values.add(value)
        schema[key] = values.feature(config)
    for part in sample.parts:
        if part == CLASS_KEY:
            schema[part] = Feature(text="integer as text", label_kind="class", class_label=True)
        elif part == TEXT_KEY:
            schema[part] = Feature(text="text", label_kind="class", is_text=True)
        elif part.rpartition(".")[2] in IMAGE_PARTS and (part not in images or len(images) > 1):
            schema[part] = _IMAGE
        elif part not in (JSON_KEY, *images):
            schema[part] = Feature(text="a part that is not read")
    return schema | ({IMAGE_KEY: _IMAGE} if len(images) == 1 else {})


def _check_label(schema: Schema, name: str, sample: Sample) -> None:
    """Raise UsageError if all that could be the label are texts, which are labels only if they are asked for."""
    texts = sorted(key for key, feature in schema.items() if feature.is_text)
    if texts and not any(is_usable(key, feature, "label") for key, feature in schema.items()):
        raise UsageError(
            f"--label-key is needed: {name} (sample {sample.key!r}) has no {CLASS_KEY}; --label-key {texts[0]} makes "
            f"each text in {texts[0]} a class{f' (or {listed(texts[1:])})' if texts[1:] else ''}"
        )


KIND = SourceKind(takes=takes, open=open_webdataset, files=webdataset_files)
