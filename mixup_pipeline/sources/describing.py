"""From a description of records and a list of files to a source: what all kinds of sources share."""

import re

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.sources.choosing import Described, choose
from mixup_pipeline.sources.source import Origin, Source, SourceFile
from mixup_pipeline.sources.split_names import is_evaluation_split, is_training_split
from mixup_pipeline.storage.places import Place

_TELL_NOTHING = ("data", "dataset", "part", "shard", "shards")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def plain_name(text: str) -> str:
    """The name of a dataset that is called by its file or folder: the first word in it, in small letters."""
    word = _WORD.match(text)
    return word[0].lower() if word else "dataset"


def name_of(path: Place) -> str:
    """The name of a dataset that is called by a file, or by the first folder around it that tells more than a split."""
    for text in (path.name, path.parent.name, path.parent.parent.name):
        name = plain_name(text)
        if not is_training_split(name) and not is_evaluation_split(name) and name not in _TELL_NOTHING:
            return name
    return plain_name(path.name)


def described_source(
    config: SourceConfig,
    described: Described,
    *,
    name: str,
    split: str,
    files: tuple[SourceFile, ...],
    src: str = "",
    version: str | None = None,
    notes: tuple[str, ...] = (),
) -> Source:
    """Choose input and label, and note what was asked for and why these were chosen.

    src: the --src that finds the source again, where it is another one than was given.

    Raises UsageError or SourceError as `choose` does.
    """
    choice = choose(described, config)
    origin = Origin(
        asked=config,
        src=src or config.src,
        version=version,
        input_rule=choice.input_rule,
        label_rule=choice.label_rule,
        classes_from=choice.classes_from,
        dropped=choice.dropped,
        notes=(*notes, *choice.notes),
    )
    return Source(name=name, split=split, files=files, spec=choice.spec, class_names=choice.class_names, origin=origin)
