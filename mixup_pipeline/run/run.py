"""One run: the resolved configuration together with the indexed source. Everything a worker needs that is small.

A run is written as JSON into the work folder, so that Beam elements need only name a shard.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from mixup_pipeline.config import MixConfig
from mixup_pipeline.dataset.manifest import SourceEntry, identify, layout_of
from mixup_pipeline.records.layout import Layout
from mixup_pipeline.records.names import shard_name
from mixup_pipeline.sources.index import IndexedFile
from mixup_pipeline.spec import ExampleSpec, Shape, example_bytes

MAX_DENSE_CLASSES = 1000

_RECORD_OVERHEAD_BYTES = 180  # framing, keys, lam, class ids: about, for estimates


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is mixed and how, fully resolved: config.num_shards and config.label_format are settled."""

    name: str
    split: str
    config: MixConfig
    spec: ExampleSpec
    shape: Shape
    num_examples: int
    class_names: tuple[str, ...] | None
    files: tuple[IndexedFile, ...]

    @property
    def num_shards(self) -> int:
        """Shards of one copy."""
        return self.config.num_shards or 1

    @property
    def num_passes(self) -> int:
        """Passes over the dataset that are written: the copies, and the originals where they are kept."""
        return self.config.copies + self.config.keep_originals

    def copy_of(self, number: int) -> int | None:
        """The copy that a pass writes; None for the originals, which come last."""
        return number if number < self.config.copies else None

    def shard_name(self, number: int, shard: int) -> str:
        """The file name of one shard of one pass."""
        total = self.num_passes * self.num_shards
        return shard_name(self.name, self.split, number * self.num_shards + shard, total)

    @cached_property
    def layout(self) -> Layout:
        """What the mixed records look like."""
        return layout_of(self.config, self.spec, self.shape)

    @property
    def decoded_bytes(self) -> int:
        """Bytes of one decoded example."""
        return example_bytes(self.shape)

    @cached_property
    def record_bytes(self) -> int:
        """Bytes of one mixed record, about."""
        return estimated_record_bytes(self.shape, self.spec.num_classes, self.config.label_format, self.files)

    @property
    def run_id(self) -> str:
        """sha256 of the configuration, the schema and the content of the source: equal for equal outputs."""
        return identify(self.name, self.split, self.config, self.source)

    @property
    def source(self) -> SourceEntry:
        """The source as the manifest describes it: without any path."""
        return SourceEntry.of(self.files, self.spec, self.num_examples)


def settle(config: MixConfig, *, num_classes: int, num_shards: int) -> MixConfig:
    """The config with nothing left to choose."""
    return replace(config, label_format=settled_label_format(config, num_classes), num_shards=num_shards)


def settled_label_format(config: MixConfig, num_classes: int) -> str:
    """The format that labels really get: dense or compact."""
    if config.label_format != "auto":
        return config.label_format
    return "dense" if num_classes <= MAX_DENSE_CLASSES else "compact"


def estimated_record_bytes(shape: Shape, num_classes: int, label_format: str, files: tuple[IndexedFile, ...]) -> int:
    """Bytes of one mixed record, about; images count as raw."""
    label = 4 * num_classes if label_format != "compact" else 0
    ids = 2 * (max(len(file.name.encode()) for file in files) + 8)
    return example_bytes(shape) + label + ids + _RECORD_OVERHEAD_BYTES
