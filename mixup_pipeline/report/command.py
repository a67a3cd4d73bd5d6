"""The command that made a dataset, rebuilt from its manifest."""

import glob
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from mixup_pipeline.config import MixConfig, SourceConfig
from mixup_pipeline.config.kinds import Switch
from mixup_pipeline.config.option import options_of
from mixup_pipeline.config.source import DEFAULT_SPLIT
from mixup_pipeline.dataset.manifest import Manifest
from mixup_pipeline.records.names import shard_pattern
from mixup_pipeline.run.run import resolved_label_format
from mixup_pipeline.sources.split_names import is_evaluation_split


def augment_command(manifest: Manifest) -> str:
    """The mixup-augment command that makes these shards again.

    The source is named with its version, so that a newer one does not take its place.
    """
    config, origin = manifest.config, manifest.source.origin
    words = _source_of_format_2(manifest) if origin is None else _given(replace(origin.asked, src=origin.src))
    words += _given(config, usual={"label_format": resolved_label_format(MixConfig(), manifest.num_classes)})
    return shlex.join(["mixup-augment", *words, "--out", "shards/"])


def _given(config: MixConfig | SourceConfig, usual: Mapping[str, Any] = MappingProxyType({})) -> list[str]:
    """The options that are not as usual, and α in any case. usual: values that are so, in place of the defaults."""
    words: list[str] = []
    for name, option in options_of(type(config)).items():
        value = getattr(config, name)
        if isinstance(option.kind, Switch):
            words += [f"--{option.words}"] if value else []
        elif name == "alpha" or value not in (usual.get(name, option.default), None):
            words += [f"--{option.words}", _number(value) if isinstance(value, float) else str(value)]
    return words


def _source_of_format_2(manifest: Manifest) -> list[str]:
    """The options of the source, as far as format version 2 knows them.

    A TFDS source is named. For TFRecord files the manifest keeps neither the folder nor the schema file, so FOLDER
    stands for the folder, and SCHEMA for the schema if keys alone are not enough.
    """
    schema, name = manifest.source.schema, manifest.source_name
    files = [file.name for file in manifest.source.files]
    prepared = all(fnmatchcase(file, shard_pattern(name, manifest.split)) for file in files)
    words = ["--src"]
    if prepared:
        words.append(name)
    else:
        words.append(f"FOLDER/{files[0]}" if len(files) == 1 else f"FOLDER/{glob.escape(_beginning(files))}*")
        if schema.encoding == "raw" or schema.first_class:
            words += ["--schema", "SCHEMA"]
    if not prepared or (schema.input_key, schema.label_key) != ("image", "label"):
        words += ["--image-key", schema.input_key, "--label-key", schema.label_key]
        words += ["--num-classes", str(schema.num_classes)]
    if manifest.split != DEFAULT_SPLIT:
        words += ["--split", manifest.split]
        if is_evaluation_split(manifest.split):
            words.append("--allow-eval-split")
    return words


def _number(value: float) -> str:
    """The shortest text that gives this number again: 1 for 1.0."""
    return repr(value).removesuffix(".0")


def _beginning(names: Sequence[str]) -> str:
    """The longest beginning that all these names share."""
    first, last = min(names), max(names)
    same = [a == b for a, b in zip(first, last, strict=False)]
    return first[: same.index(False)] if False in same else first[: len(same)]
