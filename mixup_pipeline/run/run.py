"""One run: the resolved configuration and the description of the indexed source.

It is the part of the plan that is small and that every worker needs. It is stored as JSON in the work folder, so that a
Beam element only names a shard.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from mixup_pipeline.config import MixConfig
from mixup_pipeline.config.mix import DEFAULT_QUALITY, LOSSY_FORMATS
from mixup_pipeline.config.registry import INPUT_KINDS, LABEL_KINDS
from mixup_pipeline.dataset.manifest import SourceEntry, identify, layout_of
from mixup_pipeline.records.layout import Layout
from mixup_pipeline.records.names import shard_name
from mixup_pipeline.sources.census import CensusSummary
from mixup_pipeline.sources.index import IndexedFile
from mixup_pipeline.sources.source import Origin
from mixup_pipeline.spec import ExampleSpec, Shape

MAX_DENSE_CLASSES = 1000

_RECORD_OVERHEAD_BYTES = 180  # framing, keys, lam, class ids; an estimate


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is mixed and how. Nothing is left open: config.num_shards and config.label_format are resolved."""

    name: str
    split: str
    config: MixConfig
    spec: ExampleSpec
    shape: Shape
    num_examples: int
    class_names: tuple[str, ...] | None
    files: tuple[IndexedFile, ...]
    origin: Origin | None = None
    census: CensusSummary | None = None

    @property
    def num_shards(self) -> int:
        """The number of shards of one copy."""
        return self.config.num_shards or 1

    @property
    def num_passes(self) -> int:
        """The number of passes over the dataset: the copies, and the originals if they are kept."""
        return self.config.copies + self.config.keep_originals

    def copy_of(self, pass_index: int) -> int | None:
        """The copy that a pass writes. None for the originals, which are the last pass."""
        return pass_index if pass_index < self.config.copies else None

    def shard_name(self, pass_index: int, shard: int) -> str:
        """The file name of one shard of one pass."""
        total = self.num_passes * self.num_shards
        return shard_name(self.name, self.split, pass_index * self.num_shards + shard, total)

    @cached_property
    def _shard_names(self) -> frozenset[str]:
        return frozenset(
            self.shard_name(pass_index, shard)
            for pass_index in range(self.num_passes)
            for shard in range(self.num_shards)
        )

    def has_shard(self, name: str) -> bool:
        """Whether this is the file name of one of its shards."""
        return name in self._shard_names

    @cached_property
    def layout(self) -> Layout:
        """The layout of the mixed records."""
        return layout_of(self.config, self.spec, self.shape)

    @property
    def decoded_bytes(self) -> int:
        """Bytes of one decoded example, with its label where that is a vector."""
        has_classes = LABEL_KINDS[self.spec.label_kind].has_classes
        decoded: int = INPUT_KINDS[self.spec.encoding].example_bytes(self.shape)
        return decoded + (0 if has_classes else 4 * self.spec.num_classes)

    @cached_property
    def record_bytes(self) -> int:
        """An estimate of the bytes of one mixed record."""
        return estimated_record_bytes(self.spec, self.shape, self.config.label_format, self.files)

    @property
    def run_id(self) -> str:
        """The sha256 of the configuration, the schema and the content of the source. Equal outputs have equal ids."""
        return identify(self.name, self.split, self.config, self.source)

    @property
    def source(self) -> SourceEntry:
        """The source as the manifest describes it."""
        return SourceEntry.of(self.files, self.spec, self.num_examples, origin=self.origin, census=self.census)


def resolve_config(config: MixConfig, *, num_classes: int, num_shards: int) -> MixConfig:
    """The configuration with a definite label format, number of shards and quality."""
    label_format = resolved_label_format(config, num_classes)
    return replace(config, label_format=label_format, num_shards=num_shards, quality=resolved_quality(config))


def resolved_quality(config: MixConfig) -> int | None:
    """The quality of image files; None if their format is not lossy."""
    return config.quality or (DEFAULT_QUALITY if config.image_format in LOSSY_FORMATS else None)


def resolved_label_format(config: MixConfig, num_classes: int) -> str:
    """The label format of the output; "auto" becomes "dense" or "compact"."""
    if config.label_format != "auto":
        return config.label_format
    return "dense" if num_classes <= MAX_DENSE_CLASSES else "compact"


def estimated_record_bytes(spec: ExampleSpec, shape: Shape, label_format: str, files: tuple[IndexedFile, ...]) -> int:
    """An estimate of the bytes of one mixed record, with images stored raw."""
    decoded: int = INPUT_KINDS[spec.encoding].example_bytes(shape)
    label = 4 * spec.num_classes if label_format != "compact" else 0
    ids = 2 * (max(len(file.name.encode()) + file.member_bytes for file in files) + 8)
    return decoded + label + ids + _RECORD_OVERHEAD_BYTES
