"""The classes of labels that are texts: all texts that occur, sorted. They are known once every record was read."""

from collections.abc import Iterable
from contextlib import ExitStack

from mixup_pipeline.errors import SourceError
from mixup_pipeline.records.tf_example import parse
from mixup_pipeline.sources.file_formats import readable
from mixup_pipeline.sources.scan import plain_file
from mixup_pipeline.sources.source import SourceFile
from mixup_pipeline.sources.text_counts import check_count
from mixup_pipeline.spec import ExampleSpec
from mixup_pipeline.storage.places import place


def text_classes(files: Iterable[SourceFile], label_key: str) -> tuple[str, ...]:
    """Read the labels of all records. What is no text is left to the pass that reads records with their labels.

    Raises SourceError if a file cannot be read, or there is no text, and UsageError if there are too many.
    """
    texts, names = set[bytes](), ""
    spec = ExampleSpec(  # conversions write the label alone, one text or several
        input_key="",
        label_key=label_key,
        encoding="",
        shape=(),
        num_classes=1,
        label_kind="class-list",
        class_texts=("",),
    )
    with ExitStack() as opened:
        for file in files:
            names = names or file.name
            plain = plain_file(file, spec, opened)
            try:
                for _, payload, _, fault in readable(plain).records(place(plain.path), file.name):
                    texts.update(() if fault is not None else _texts(payload, label_key))
                    check_count(len(texts), label_key)
            except OSError as error:
                raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error
    if not texts:
        raise SourceError(f"{names}: label {label_key!r}: no record holds a text")
    return tuple(sorted(text.decode() for text in texts))


def _texts(payload: bytes, label_key: str) -> list[bytes]:
    try:
        feature = parse(payload).get(label_key)
    except ValueError:
        return []
    return [] if feature is None else [text for text in feature.bytes_list.value if _is_utf8(text)]


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
