"""All records of a source, whatever its files are, as tests compare them."""

from contextlib import ExitStack
from typing import Any

from mixup_pipeline.records.tf_example import parse
from mixup_pipeline.sources.file_formats import readable
from mixup_pipeline.sources.scan import plain_file
from mixup_pipeline.sources.source import Source
from mixup_pipeline.storage.places import place


def records_of(source: Source) -> list[dict[str, list[Any]]]:
    """The features of each record, in order; a fault of a record is one of its features."""
    found = []
    with ExitStack() as opened:
        for file in source.files:
            plain = plain_file(file, source.spec, opened)
            for _, payload, _, fault in readable(plain).records(place(plain.path), plain.name):
                assert fault is None
                features = parse(payload)
                found.append(
                    {key: list(getattr(value, value.WhichOneof("kind")).value) for key, value in features.items()}
                )
    return found
