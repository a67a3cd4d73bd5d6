"""A source as one pass over its files found it. All that a comparison asks of the files comes from this pass."""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property

from mixup_pipeline.config import SourceConfig
from mixup_pipeline.config.registry import INPUT_KINDS
from mixup_pipeline.sources import open_source
from mixup_pipeline.sources.scan import Scanned
from mixup_pipeline.sources.source import Source
from mixup_pipeline.spec import Shape
from mixup_pipeline.training.example_files import fingerprint_of
from mixup_pipeline.training.interface import Interface
from mixup_pipeline.training.passes import Pass, source_pass
from mixup_pipeline.training.source_examples import scan_source
from mixup_pipeline.training.tasks import task_of


@dataclass(frozen=True, kw_only=True)
class Seen:
    """scanned: what was found in each file. shape: of each example."""

    source: Source
    scanned: tuple[Scanned, ...]
    shape: Shape

    @classmethod
    def of(cls, config: SourceConfig, on_bad_record: str, opened: ExitStack) -> "Seen":
        """opened: what has to be converted can be read until it is closed. Raises the errors of `scan_source`."""
        source = open_source(config)
        scanned, shape = scan_source(source, on_bad_record, opened)
        return cls(source=source, scanned=tuple(scanned), shape=shape)

    @property
    def examples(self) -> int:
        """The number of usable records."""
        return sum(part.file.examples for part in self.scanned)

    @property
    def fingerprint(self) -> str:
        """What tells all records from others."""
        return fingerprint_of((part.file.name, part.file.fingerprint) for part in self.scanned)

    @property
    def interface(self) -> Interface:
        """What a model takes and gives for these examples."""
        spec = self.source.spec
        return Interface(
            shape=self.shape,
            num_classes=spec.num_classes,
            is_image=INPUT_KINDS[spec.encoding].is_image,
            task_name=task_of(spec.label_kind).name,
        )

    @cached_property
    def records(self) -> Pass:
        """The records themselves, which can be read as long as what was converted can be."""
        return source_pass([part.file for part in self.scanned], [part.entries for part in self.scanned])
